/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict getters over JSON that somebody else's parser will read too. Go's parser takes "Mounts"
 * for "mounts" and the last of two; ours would take the first: so both are refused. The first
 * failure stays in the reader, and every getter returns its default from then on.
 */
#pragma once

#include "base/json.h"
#include "oci/config.h"

#define OCI_TEXT_MAX 4096 /* bytes of one path, name or value that is kept */

struct oci_reader {
	struct creation *c;
	const struct oci_source *from;
	char *why;
	int failed;
	/* Gathered on the way. */
	const char *data_root; /* of the engine, without a slash at its end; "" = not known */
	char root_room[OCI_TEXT_MAX];
	const char *sandbox; /* id of the pod's sandbox, by the engine's word; NULL = none */
	const char *pod_uid; /* likewise */
	bool all_devices;
	unsigned capabilities; /* how many */
};

/* Latches r with a sentence; returns it. */
int oci_fail(struct oci_reader *r, int error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A member; NULL when absent or null. An unexpected spelling of it, or a second one, is a failure. */
const struct json *oci_member(struct oci_reader *r, const struct json *j, const char *key);
const struct json *oci_object(struct oci_reader *r, const struct json *j, const char *key);
/* The first item of an array (json_next() goes on); NULL when absent or empty. */
const struct json *oci_list(struct oci_reader *r, const struct json *j, const char *key);
/* Borrowed text, "" when absent; longer than OCI_TEXT_MAX is a failure. */
const char *oci_text(struct oci_reader *r, const struct json *j, const char *key);
int64_t oci_number(struct oci_reader *r, const struct json *j, const char *key, int64_t otherwise);
bool oci_flag(struct oci_reader *r, const struct json *j, const char *key);
/* An item that must be a string; "" after a failure. */
const char *oci_item(struct oci_reader *r, const struct json *j, const char *of);

/* Appends a copy; a full list or no memory latches. */
void oci_add(struct oci_reader *r, struct str_list *list, const char *text, const char *of);
/* Replaces a string of the creation. */
void oci_set(struct oci_reader *r, char **field, const char *text);
bool oci_contains(const struct str_list *list, const char *text);

/* The parts; each latches its failure. */
void oci_read_process(struct oci_reader *r, const struct json *process);
void oci_read_identity(struct oci_reader *r, const struct json *annotations);
void oci_read_mounts(struct oci_reader *r, const struct json *root);
void oci_read_isolation(struct oci_reader *r, const struct json *linux_);
