/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables that say what a policy text may hold, and the one walker that checks a tree against them,
 * stores what is wanted and reports the rest. The tables are in grammar.c; this file knows their
 * form and nothing of policies but the names that rules refer to.
 */
#pragma once

#include "policy/document.h"
#include "policy/policy.h"

#define MESSAGES_MAX 50 /* errors, and as many warnings; further ones are summed up in one */

/* Sets of names that must be unique, and which rules may refer to. */
enum name_set {
	NAMES_NONE,
	NAMES_COLLECTIONS,
	NAMES_RUNTIME,
	NAMES_GROUPS,
	NAMES_TRUST,
	NAMES_VULNERABILITIES,
	NAMES_COMPLIANCE,
	NAMES_ACCESS,
	NAMES_ADMISSION,
	NAMES_OUTPUTS,
	NAMES_COUNT_
};

struct name {
	const char *text; /* borrowed from a document */
	const char *file;
	uint32_t line, column;
};

struct names {
	struct name *items;
	uint32_t count;
};

struct walk {
	struct policy *policy;
	struct policy_messages *messages;
	uint32_t warnings;
	const char *file;
	struct names seen[NAMES_COUNT_]; /* walked so far */
	struct names
		known[NAMES_COUNT_]; /* of all texts, for references; only what is referred to */
	bool broken; /* a text could not be read to its end: unknown references are not told */
};

enum schema_kind {
	SCHEMA_TEXT,   /* any text or number */
	SCHEMA_BOOL,   /* true, false */
	SCHEMA_CHOICE, /* one of `choices`; stored as its index */
	SCHEMA_LIST,   /* of `item` */
	SCHEMA_MAP,    /* of `fields` */
	SCHEMA_DICT,   /* keys of the user's choice, values of `item` */
	SCHEMA_ANY,    /* not looked into */
};

/*
 * Checks one value further and stores it at `target` (NULL: only checks). Reports what is wrong by
 * schema_error() and returns 0; only -ENOMEM and -E2BIG (too many errors) end the walk.
 */
typedef int schema_store_fn(struct walk *w, const struct node *n, void *target);
/* Room for one more item of a list of maps, valid until the next call; NULL = -ENOMEM. */
typedef void *schema_add_fn(void *target);

struct schema_field;

struct schema {
	enum schema_kind kind;
	const char *expected; /* for people: "a list of paths"; of a CHOICE its noun: "effect" */
	const struct enum_names *choices; /* CHOICE */
	unsigned allowed;	   /* CHOICE: bits of the choices that make sense here, 0 = all */
	const struct schema *item; /* LIST, DICT */
	uint32_t min, max;	   /* LIST, DICT: number of items; max 0 = 4096 */
	enum name_set names;	   /* LIST: its items have unique names, over all texts */
	schema_add_fn *add;	   /* LIST of maps, DICT: that are stored */
	const struct schema_field *fields; /* MAP */
	uint32_t field_count;
	/* TEXT: check and store. BOOL: store in another form. MAP: after its fields. DICT: check and
	 * store the key (n->key) of a member; its value goes to the same target */
	schema_store_fn *store;
};

struct schema_field {
	const char *name;
	const struct schema *schema;
	size_t offset; /* from the target of the map */
	bool stored;   /* false: nothing is kept of it (target NULL) */
	bool required;
	bool later; /* nothing enforces it yet: accepted with a warning */
	/* Set for an effect: the detections that it switches, ended by DETECTION_NONE. The target
	 * of the map is then a struct runtime_rule. Warned of unless one of them is built. */
	const enum detection *detections;
	const char *doc; /* one line for the manual page */
};

int schema_walk(struct walk *w, const struct schema *s, const struct node *n, void *target);

/* Reports at the place of n. 0, -ENOMEM, or -E2BIG when no more errors are taken. */
int schema_error(struct walk *w, const struct node *n, const char *expected, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int schema_warning(struct walk *w, const struct node *n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Without a node: d has everything but the file. */
int schema_report(struct walk *w, enum policy_level level, const struct diag *d);

int names_add(struct names *s, const struct name *name);
const struct name *names_find(const struct names *s, const char *text);
/* What a value is called in messages: its key, or that of the list it is an entry of. */
const char *node_label(const struct node *n);
/* "alert, prevent or block" for a CHOICE, into out; returns out. */
const char *schema_choices(const struct schema *s, char *out, size_t size);
/* Whether something in this version acts on the key; if not, setting it is warned of. */
bool schema_enforced(const struct schema_field *f);
