/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled policy: immutable once loaded, shared by reference count, judged by pure functions
 * (no I/O, no clock, no globals), so that live evaluation, `policy test`, backtest and replay are
 * the same code. Scope and rule semantics: product.md, docs/policy-language.md.
 */
#pragma once

#include "base/buf.h"
#include "model/records.h"
#include "policy/creation.h"

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

/* What rules of every area begin with: `rule->name`, or `&rule->head` for what is common to all. */
#define RULE_HEAD_FIELDS                                                                           \
	char *name;                                                                                \
	char *notes;                                                                               \
	char *owner;                                                                               \
	bool disabled;                                                                             \
	uint32_t *scope; /* indices into policy->collections; 0 entries = everything */            \
	uint32_t scope_count;
struct rule_head {
	RULE_HEAD_FIELDS
};
#define RULE_HEAD                                                                                  \
	union {                                                                                    \
		struct rule_head head;                                                             \
		struct {                                                                           \
			RULE_HEAD_FIELDS                                                           \
		};                                                                                 \
	}

struct runtime_rule {
	RULE_HEAD;
	enum effect effects[DETECTION_COUNT_]; /* of each detection, DISABLE where the rule is silent */
	struct str_list allowed;               /* process patterns that are never judged */
	struct denied_list processes, network, files;
};

/* ---- the gates at creation: judged by gates.h ---- */

enum gate_effect { GATE_IGNORE, GATE_ALERT, GATE_BLOCK, GATE_EFFECT_COUNT_ };
enum access_effect { ACCESS_ALLOW, ACCESS_ALERT, ACCESS_DENY, ACCESS_EFFECT_COUNT_ };
/* What is recorded; counted (the default): all, but commands that change nothing by user and action alone. */
enum access_audit { ACCESS_AUDIT_ALL, ACCESS_AUDIT_DENIED, ACCESS_AUDIT_NONE, ACCESS_AUDIT_COUNTED, ACCESS_AUDIT_COUNT_ };
extern const struct enum_names gate_effect_names;   /* ignore, alert, block */
extern const struct enum_names access_effect_names; /* allow, alert, deny */
extern const struct enum_names access_audit_names;  /* all, denied, none, counted */
extern const struct enum_names host_namespace_names; /* by bit of enum host_namespace */

/* A set of images: those that fit every list that is not empty; one of them is not. */
struct trust_group {
	char *name;
	char *notes;
	struct scope_list images;    /* canonical patterns */
	struct str_list digests;     /* "sha256:...": of the configuration or of a manifest */
	struct str_list base_layers; /* diff ids that the image begins with, base first */
	struct str_list keys;	     /* PEM texts: one of them must have signed */
};

struct group_list {
	uint32_t *items; /* indices into policy->trust_groups */
	uint32_t count;
};

struct trust_rule {
	RULE_HEAD;
	struct group_list allowed, denied;
	enum gate_effect effect;
};

struct compliance_check;

struct check_effect {
	enum gate_effect effect;
	const struct compliance_check *check;
};

struct compliance_rule {
	RULE_HEAD;
	struct check_effect *checks;
	uint32_t check_count;
};

struct address_list {
	struct address_range *items;
	uint32_t count;
};

/*
 * `when:` of an access rule. What is not given is not looked at; what is given must be asked for.
 * A rule that alerts or denies wants one fitting entry of each list, one that allows wants that
 * nothing else of its kind is asked for. Lists of texts are patterns.
 */
struct access_when {
	int privileged; /* enum fact: UNKNOWN = not given */
	struct str_list capabilities, binds, volumes, devices, security_options, sysctls, runtimes,
		networks, joins, targets, exec_users;
	struct scope_list images;
	struct address_list addresses; /* of the client */
	unsigned host_namespaces;      /* enum host_namespace, ored; 0 = not given */
};

struct access_rule {
	RULE_HEAD; /* of `access` without scope: a command is no container */
	struct str_list users, groups, actions; /* patterns; none = all. A user "" is nobody */
	struct access_when when;
	enum access_effect effect;
	char *message;
	enum access_audit audit;
};

struct policy {
	uint32_t refs;
	uint64_t revision; /* given by the store; 0 = not stored yet */
	struct collection *collections;
	uint32_t collection_count;
	struct runtime_rule *runtime;
	uint32_t runtime_count;
	struct trust_group *trust_groups;
	uint32_t trust_group_count;
	struct trust_rule *trust;
	uint32_t trust_count;
	struct compliance_rule *compliance;
	uint32_t compliance_count;
	struct access_rule *access;
	uint32_t access_count;
	struct access_rule *admission; /* the same of Kubernetes, with a scope */
	uint32_t admission_count;
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

/*
 * The first enabled rule that matches, of an array of `count` structs of `size` bytes that begin with
 * a struct rule_head: how each area finds the one that decides. NULL = none.
 */
const void *policy_first_rule(const struct policy *p, const void *rules, uint32_t count, size_t size,
	const struct policy_subject *s);
/* Whether an image of this canonical name is in a list of patterns, as in scopes: `-pattern` first. */
bool policy_image_in(const struct scope_list *images, const char *name);
bool address_range_holds(const struct address_range *range, const uint8_t address[16]);

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
