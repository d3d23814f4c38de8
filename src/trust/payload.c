/* SPDX-License-Identifier: Apache-2.0 */
/* The signed text: see payload.h. */
#include "trust/payload.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"

static const char type[] = "cosign container image signature";

/* The member of that name when there is exactly one: of two, another reader may take the other. */
static const struct json *only(const struct json *j, const char *key)
{
	const struct json *found = NULL;

	for (const struct json *m = json_is_object(j) ? json_first(j) : NULL; m; m = json_next(m)) {
		if (strcmp(json_key(m), key) != 0)
			continue;
		if (found)
			return NULL;
		found = m;
	}
	return found;
}

/* What can be shown to people as it is: short, without blanks and control characters. */
static bool is_plain(const char *text, size_t size)
{
	size_t n = 0;

	while (text[n] > 0x20 && text[n] < 0x7f)
		n++;
	return !text[n] && n < size;
}

static int fill(const struct json *root, struct trust_payload *ret, struct diag *reterr)
{
	const struct json *critical = only(root, "critical");
	const struct json *identity = json_get(critical, "identity");
	const char *digest = json_str(only(only(critical, "image"), "docker-manifest-digest"), NULL);
	const char *reference = json_str(only(identity, "docker-reference"), NULL);

	if (strcmp(json_str(only(critical, "type"), ""), type) != 0)
		return diag_set(reterr, -EBADMSG, 0, 0, type, "critical.type of the payload is another");
	if (!digest_valid(digest))
		return diag_set(reterr, -EBADMSG, 0, 0, "sha256:...", "the payload names no manifest digest");
	if ((identity && !only(critical, "identity")) || (json_get(identity, "docker-reference") && !reference))
		return diag_msg(reterr, -EBADMSG, "critical.identity of the payload is malformed");
	if (reference && !is_plain(reference, sizeof(ret->reference)))
		return diag_msg(reterr, -EBADMSG, "the payload's docker-reference is no image name");
	snprintf(ret->digest, sizeof(ret->digest), "%s", digest);
	snprintf(ret->reference, sizeof(ret->reference), "%s", reference ? reference : "");
	return 0;
}

int payload_parse(const char *text, size_t n, struct trust_payload *ret, struct diag *reterr)
{
	CLEANUP(json_free) struct json *root = NULL;

	if (n == 0 || n > PAYLOAD_MAX)
		return diag_msg(reterr, -EBADMSG, "a payload of %zu bytes (at most %u)", n, PAYLOAD_MAX);
	/* A NUL, raw or escaped, would end a text for us and not for others. */
	if (memchr(text, 0, n) || memmem(text, n, "\\u0000", 6))
		return diag_msg(reterr, -EBADMSG, "the payload holds a NUL character");
	int r = json_parse(&root, text, n, reterr);
	return r < 0 ? r : fill(root, ret, reterr);
}

void payload_make(const struct trust_payload *p, struct buf *out)
{
	buf_puts(out, "{\"critical\":{\"identity\":{\"docker-reference\":");
	json_put_str(out, p->reference);
	buf_puts(out, "},\"image\":{\"docker-manifest-digest\":");
	json_put_str(out, p->digest);
	buf_puts(out, "},\"type\":");
	json_put_str(out, type);
	buf_puts(out, "},\"optional\":null}");
}
