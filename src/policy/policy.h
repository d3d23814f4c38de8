/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled policy: immutable once loaded, shared by reference count, judged by pure functions
 * (no I/O, no clock, no globals), so that live evaluation, `policy test`, backtest and replay are
 * the same code. Scope and rule semantics: product.md, docs/policy-language.md.
 */
#pragma once

#include "base/buf.h"
#include "model/records.h"

#define POLICY_TEXT_MAX (4u << 20) /* bytes of one policy file */
#define POLICY_RULES_MAX 64        /* rules of one area */
#define POLICY_PATTERNS_MAX 64     /* patterns of one list of one rule */
#define POLICY_COLLECTIONS_MAX 1024
#define POLICY_PATH_MAX 255        /* bytes of a pattern of paths: what the kernel compares */

/* One entry of a collection list: pattern, and whether it excludes (`-pattern`). */
struct scope_pattern {
	char *text; /* canonical: images get registry and tag where the pattern has no star there */
	bool exclude;
};

struct scope_list {
	struct scope_pattern *items;
	uint32_t count; /* 0 = everything */
};

enum scope_field { SCOPE_IMAGES, SCOPE_CONTAINERS, SCOPE_LABELS, SCOPE_NAMESPACES, SCOPE_CLUSTERS, SCOPE_HOSTS, SCOPE_FIELD_COUNT_ };

struct collection {
	char *name;
	struct scope_list fields[SCOPE_FIELD_COUNT_];
};

struct port_range {
	uint16_t from, to; /* inclusive */
};

struct address_range {
	uint8_t address[16]; /* IPv4 mapped */
	uint8_t prefix;      /* 0-128 */
};

/* `denied:` of processes, network and files. effect DISABLE = no list given. */
struct denied_list {
	enum effect effect;
	struct str_list paths; /* patterns of base/pattern.h */
	struct address_range *addresses;
	uint32_t address_count;
	struct port_range *ports;
	uint32_t port_count;
	struct str_list domains;
};

struct runtime_rule {
	char *name;
	char *notes;
	char *owner;
	bool disabled;
	uint32_t *scope; /* indices into policy->collections; 0 entries = everything */
	uint32_t scope_count;
	enum effect effects[DETECTION_COUNT_]; /* of each detection, DISABLE where the rule is silent */
	struct str_list allowed;               /* process patterns that are never judged */
	struct denied_list processes, network, files;
};

struct policy {
	uint32_t refs;
	uint64_t revision; /* given by the store; 0 = not stored yet */
	struct collection *collections;
	uint32_t collection_count;
	struct runtime_rule *runtime;
	uint32_t runtime_count;
	char *text; /* canonical YAML text of all documents, as the user wrote it (comments kept) */
};

/* Whom a rule is asked about; NULL strings match only `*`. Borrowed. */
struct policy_subject {
	const char *image; /* canonical */
	const char *container;
	const struct kv_list *labels;
	const char *namespace_;
	const char *cluster;
	const char *host;
};

enum policy_level { POLICY_ERROR, POLICY_WARNING };

/* One finding of check: error = refused; warning = accepted, but say so (not enforced yet, ...). */
struct policy_message {
	enum policy_level level;
	struct diag diag;
};

struct policy_messages {
	struct policy_message *items;
	uint32_t count;
	uint32_t errors;
};

void policy_messages_done(struct policy_messages *m);

struct policy_source {
	const char *name; /* file name for messages */
	const char *text;
	size_t size;
};

/*
 * Parses (libyaml events, depth and size capped; JSON is YAML) and compiles one policy out of all
 * documents. 0 and *ret, or -EINVAL with at least one error in *messages; warnings come with success
 * too. -ENOMEM.
 */
int policy_load(struct policy **ret, const struct policy_source *sources, size_t n, struct policy_messages *messages);
struct policy *policy_ref(struct policy *p);
struct policy *policy_unref(struct policy *p);
CLEANUP_DEFINE(struct policy, policy_unref)

/*
 * Binary form for Defenders, who parse no YAML; everything but `text`. Decoding checks everything:
 * hostile input is -EBADMSG.
 */
void policy_encode(const struct policy *p, struct buf *out);
int policy_decode(struct policy **ret, const void *data, size_t n);

/* One JSON object of the compiled policy in the keys of the policy file (for the form in the UI). */
void policy_to_json(const struct policy *p, struct buf *out);

/* docker.io/library/alpine:latest for "alpine"; keeps digests. Into out; returns out. */
const char *image_canonical(const char *name, char *out, size_t size);

/* The first enabled rule whose scope matches, or NULL: it alone decides. */
const struct runtime_rule *policy_runtime_rule(const struct policy *p, const struct policy_subject *s);

struct verdict {
	enum detection detection; /* NONE = nothing to say */
	enum evidence evidence;
	enum effect effect;       /* asked */
	char reason[160];         /* "argument 'stratum+tcp://'": one sign, for the message */
	bool suspect;             /* EXEC only: a miner's arguments given to a program that may only
				   * print them; policy_match_suspect() when it connects */
};

/*
 * Judges one event (EVENT_EXEC: path, args; EVENT_CONNECT: address, port, domain, proto) by a rule.
 * Borrows the event. Verdicts of several detections: the strongest effect, then the first in enum
 * order.
 */
struct verdict policy_match_event(const struct runtime_rule *rule, const struct event *e);

/* The first bytes that a process of the container sends or gets: stratum. */
struct verdict policy_match_payload(const struct runtime_rule *rule, const void *data, size_t size);

/* A suspect process connects: its exec is judged again, now without the doubt. */
struct verdict policy_match_suspect(const struct runtime_rule *rule, const struct event *exec);
