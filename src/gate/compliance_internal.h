/* SPDX-License-Identifier: Apache-2.0 */
/* What compliance.c (whom to look at, and when) and compliance_tell.c (what was told) share. */
#pragma once

#include <sys/queue.h>

#include "gate/compliance.h"
#include "gate/compliance_judge.h"
#include "gate/gate.h"

enum target_kind { TARGET_DAEMON, TARGET_IMAGE, TARGET_CONTAINER, TARGET_KIND_COUNT_ };

#define TARGETS_MAX 30000
#define TARGET_KEY_MAX 160

struct compliance_engine;

/* Something that checks are about. */
struct target {
	char *key; /* "d/run/docker.sock", "isha256:...", "cID": first, for the tree */
	enum target_kind kind;
	struct compliance_engine *engine;
	char *name;		  /* of an image */
	struct container_ref ref; /* of a container */
	struct kv_list labels;
	uint64_t *told; /* what was told of each check of this kind, 0 = nothing */
	uint64_t due;	/* monotonic ns */
	unsigned seen;	/* the list of images it was in */
	bool queued, asking, again;
	TAILQ_ENTRY(target) link; /* of the queue */
};

TAILQ_HEAD(target_queue, target);

struct compliance_engine {
	struct compliance *compliance;
	struct runtime *runtime;
	const char *socket; /* the runtime's */
	struct target *daemon; /* NULL: containerd, of which the containers alone are looked at */
	struct target_queue queue;
	unsigned in_flight;
	bool connected;
	bool listing, list_wanted, listed; /* images */
	uint64_t list_due;
	unsigned lists;
	/* How the daemon was started. */
	bool words_known, config_unread;
	struct str_list words;
	struct json *config;
	struct json *info, *version; /* of the look under way */
};

struct compliance {
	struct compliance_config config;
	char host[65];
	struct policy *policy; /* NULL until one came */
	struct compliance_engine engines[GATE_ENGINES_MAX];
	unsigned engine_count;
	void *targets; /* tree of tsearch() */
	struct loop_source *timer, *period;
	uint64_t wake_at; /* monotonic ns the timer is set to, 0 = it is not */
	uint64_t pass_started; /* wall ns of the first look of which everything is told; 0 = it is over */
	uint64_t pass_patience; /* monotonic ns: from here on it need not be quiet to be over */
	struct compliance_counters counters;
};

/* One look at one target: what a judge_fn needs. */
struct look {
	struct compliance *compliance;
	struct target *target;
	struct policy_subject subject;
	uint64_t now; /* wall ns */
	int error;    /* of the first finding that could not be sent */
};

/* Text after the key's letter: id or socket. */
static inline const char *target_id(const struct target *t)
{
	return t->key + 1;
}

struct target *target_find(struct compliance *c, char letter, const char *id);
/* Finds or makes; NULL: no room, counted. */
struct target *target_get(struct compliance_engine *e, enum target_kind kind, const char *id);
void target_drop(struct target *t);
void target_clear_labels(struct target *t);
void targets_free(struct compliance *c);
/* Every target of the engine (NULL = all); fn may drop the one that it is given. */
typedef void target_fn(struct target *t);
void targets_each(struct compliance *c, const struct compliance_engine *e, target_fn *fn);

/* judge_fn: tells a check of the look's target when it is news. */
void look_tell(void *look, const char *check, bool passed, const char *cause);
/* Every check of containers; from_spec: of those that the words of an OCI runtime can tell. */
void look_container(struct look *l, const struct creation *creation, bool from_spec);
/* All that was told of it is gone. */
void target_tell_gone(struct target *t);
/* Forgets what was told. */
void target_forget(struct target *t);
/* What was told before this time and not since is gone. */
int sweep_tell(struct compliance *c, uint64_t before);
