/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gates at creation, judged: trusted images, compliance, access to the engine. Pure functions
 * over a compiled policy, like policy_match_event(). In each area the first enabled rule whose
 * scope matches decides alone; no rule = nothing to say (allowed). What a rule refuses is told in
 * one form everywhere: gate_refusal_text().
 */
#pragma once

#include "policy/creation.h"
#include "policy/policy.h"

/* What the gates of one area say. `effect` IGNORE with a NULL rule: no rule matched. */
struct gate_verdict {
	enum audit_kind kind; /* AUDIT_TRUST, AUDIT_COMPLIANCE, AUDIT_ACCESS, AUDIT_ADMISSION */
	enum gate_effect effect;
	const char *rule;   /* borrowed from the policy */
	char reason[512];   /* "image x is in no allowed group (ours, signed)": one line */
	char remedy[256];   /* what the user can do; "" = nothing to say */
};

/* Control characters and bytes that are no UTF-8 as '?', in place; cut to whole characters. */
void gate_clean(char *text);

/* "[Seawall] image blocked by rule 'only ours': reason" into out; returns out. subject: "image",
 * "container" or "command". Control characters of what a user wrote are replaced. */
const char *gate_refusal_text(const struct gate_verdict *v, const char *subject, char *out, size_t size);

/* ---- trusted images ---- */

/* What is known of the image in question. Borrowed. */
struct image_facts {
	const char *name;   /* canonical, as asked for */
	const char *id;	    /* "sha256:..." of the configuration; NULL = not known (not here yet) */
	const struct str_list *repo_digests; /* "sha256:..." of manifests, of this id; nullable */
	const struct str_list *layers;	     /* diff ids, base first; NULL = not known */
	/* Whether one of the image's manifests carries a valid signature of this key (index into
	 * policy->trust_groups[g].keys): the answer of trust/, asked lazily. NULL = none is known. */
	bool (*signed_by)(void *ctx, const char *key_pem, const struct image_facts *image);
	void *ctx;
};

/* The first group (index into policy->trust_groups) of those in `groups` that the image is in, or -1. */
int policy_trust_group(const struct policy *p, const uint32_t *groups, uint32_t count, const struct image_facts *image);
/* denied groups first, then allowed ones; an image in no allowed group of a rule that has any gets
 * the rule's effect. The remedy is "" exactly when the rule lets the image pass whatever its effect. */
struct gate_verdict policy_judge_trust(const struct policy *p, const struct policy_subject *s, const struct image_facts *image);

/* ---- compliance ---- */

/* A check of compliance.c's table that a creation can fail. */
struct compliance_check {
	const char *id;	      /* policy key and JSON: "privileged" */
	const char *cis;      /* number in CIS Docker Benchmark 1.6.0: "5.5"; NULL = not of it */
	enum severity severity;
	const char *title;    /* what should be: "Privileged containers are not used" */
	const char *remedy;   /* how to mend it */
	/* Whether `c` fails; then why, in one line. NULL: not a check of containers. */
	bool (*fails)(const struct creation *c, char *why, size_t size);
	const char *resource; /* "container", "image", "daemon", "host", "file" */
};

extern const struct compliance_check compliance_checks[];
extern const size_t compliance_check_count;
const struct compliance_check *compliance_check(const char *id); /* NULL = no such check */
/* Every check of every resource, by number from 0; NULL behind the last. */
const struct compliance_check *compliance_check_at(size_t i);

/* The strongest effect of the failing checks of the rule; verdict.reason lists those of that effect
 * ("privileged (CIS 5.5): ..."). each (nullable) is called for every failing check that the rule
 * does not ignore. */
typedef void compliance_fn(void *ctx, const struct compliance_check *check, enum gate_effect effect, const char *why);
struct gate_verdict policy_judge_compliance(const struct policy *p, const struct policy_subject *s, const struct creation *c,
	compliance_fn *each, void *ctx);
/* Effect of one check (of any resource) for a subject; IGNORE where no rule names it. */
enum gate_effect policy_compliance_effect(const struct policy *p, const struct policy_subject *s, const char *check, const char **ret_rule);

/* ---- access ---- */

/* One command to an engine. Borrowed. */
struct access_request {
	const char *user;	 /* "" = nobody in particular: the local socket */
	const struct str_list *groups; /* nullable */
	const char *address;	 /* of the client; "" = local */
	const char *action;	 /* "container_create"; "unknown" */
	bool read_only, dangerous;
	bool hides_builds;	 /* what is built through it is not seen: see policy_judge_access() */
	const char *target;	 /* container, image, network, ... named in the request; nullable */
	const char *target_too;	 /* another name of the same: the container's id beside its name; nullable */
	const char *image;	 /* canonical; of create, pull, build, ...; nullable */
	const char *exec_user;	 /* of exec create: "" = the image's own; nullable */
	const char *network;	 /* of build and connect; nullable */
	const struct creation *creation; /* of container_create and exec_create (privileged); nullable */
};

struct access_verdict {
	enum access_effect effect;
	const char *rule;    /* borrowed; NULL = no rule matched: allowed */
	bool audit;	     /* it is to be recorded */
	bool counted;	     /* when it changes nothing: by user and action is enough */
	char reason[512];    /* one line: the rule's message, or which conditions met */
};

/*
 * Rules top to bottom; the first whose users, groups, actions and conditions (`when`) all match
 * decides. actions: names, patterns ("container_*"), and the groups `read_only` and `dangerous`.
 *
 * A request that hides builds is also met by rules that deny or alert image_build, as far as nobody can
 * tell that they are not: with conditions on what a build can ask for, or with none. To let it pass, a
 * rule before them has to name it.
 */
struct access_verdict policy_judge_access(const struct policy *p, const struct access_request *q);

/*
 * The same by the rules of `admission`, for a request to the API server of Kubernetes: a rule's scope must
 * match `s` too, which is the container that is asked for (q->creation), or the pod that is got into.
 */
struct access_verdict policy_judge_admission(const struct policy *p, const struct policy_subject *s, const struct access_request *q);
