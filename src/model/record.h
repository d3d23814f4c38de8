/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records are plain structs described by a table of fields. From the table come the binary form
 * (IPC frames, journal), the JSON form (API, CLI), the JSON schema and the destructor, so that
 * none of them can disagree with another.
 *
 * Binary form: for each field that is not empty, u16 tag, u32 length, value. Unknown tags are
 * skipped and missing ones are empty, so that files and peers of another version stay readable.
 * Tags are never reused.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/json.h"

struct str_list {
	char **items;
	uint32_t count;
};

struct key_value {
	char *key;
	char *value;
};

struct kv_list {
	struct key_value *items;
	uint32_t count;
};

struct blob {
	uint8_t *data;
	uint32_t size;
};

struct record_list {
	void *items; /* array of the element struct */
	uint32_t count;
};

enum field_type {
	FIELD_BOOL,    /* bool */
	FIELD_I32,     /* int32_t */
	FIELD_U32,     /* uint32_t */
	FIELD_U64,     /* uint64_t; JSON number */
	FIELD_DOUBLE,  /* double */
	FIELD_TIME,    /* uint64_t wall ns; JSON RFC 3339 string, null when 0 */
	FIELD_ENUM,    /* int; `names`; JSON string, null when 0 and names[0] is "" */
	FIELD_STR,     /* char *; JSON string or null */
	FIELD_STRS,    /* struct str_list; JSON array */
	FIELD_MAP,     /* struct kv_list; JSON object */
	FIELD_RECORD,  /* embedded struct; `record`; JSON object */
	FIELD_BLOB,    /* struct blob; never in JSON: its size as a number */
	FIELD_RECORDS, /* struct record_list; `record`; JSON array */
};

struct enum_names {
	const char *const *names;
	int count;
};

struct record_desc;

struct field_desc {
	uint16_t tag;
	enum field_type type;
	const char *name; /* JSON key */
	size_t offset;
	const struct enum_names *names;
	const struct record_desc *record;
	const char *doc; /* one line for the schema */
};

struct record_desc {
	const char *name; /* "audit" */
	size_t size;
	const struct field_desc *fields;
	size_t count;
	const char *doc;
};

#define RECORD_MAX_ITEMS 65536 /* of one list, when decoding */

/* Frees what the fields own and zeroes the struct. Not for records that borrow (see event path). */
void record_done(const struct record_desc *d, void *obj);
/* Appends the binary form. No heap when `out` is fixed. Failure latches in out. */
void record_encode(const struct record_desc *d, const void *obj, struct buf *out);
/* Fills *obj (which must be zeroed) from n bytes. 0, -EBADMSG or -ENOMEM; on failure *obj is done. */
int record_decode(const struct record_desc *d, void *obj, const void *data, size_t n);
/* The encoded value of one field (by its JSON name) without decoding: a view into data, NULL when the
 * field is empty. For looking through many records in search of few. */
const uint8_t *record_peek(const struct record_desc *d, const char *name, const void *data, size_t n, size_t *ret_size);
/* Deep copy into a zeroed *to. */
int record_copy(const struct record_desc *d, void *to, const void *from);
bool record_equal(const struct record_desc *d, const void *a, const void *b);
/* Appends one JSON object with every field, no newline. */
void record_to_json(const struct record_desc *d, const void *obj, struct buf *out);
/* The reverse, for test cases and clients. Unknown keys are an error. *obj must be zeroed. */
int record_from_json(const struct record_desc *d, void *obj, const struct json *j, struct diag *reterr);
/* Appends a JSON Schema (2020-12) object. */
void record_schema(const struct record_desc *d, struct buf *out);

/* Index of the name, or -1. */
int enum_from_name(const struct enum_names *e, const char *name);
const char *enum_name(const struct enum_names *e, int value); /* "?" when out of range */

/* Replaces *field by a copy of s (NULL or "" gives NULL). -ENOMEM. */
int str_set(char **field, const char *s);
int str_list_add(struct str_list *l, const char *s);
/* Frees what is in it and leaves it empty. */
void str_list_done(struct str_list *l);
static inline void str_list_done_cleanup_(struct str_list *l)
{
	str_list_done(l);
}
void kv_list_done(struct kv_list *l);
int kv_list_add(struct kv_list *l, const char *key, const char *value);
const char *kv_list_get(const struct kv_list *l, const char *key); /* NULL when absent */
