/* SPDX-License-Identifier: Apache-2.0 */
/* Frames between the Gate and seawall-registry: see registry_wire.h. */
#include "trust/registry_wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static const struct field_desc question_fields[] = {
	{1, FIELD_STR, "name", offsetof(struct registry_question, name), NULL, NULL, "image name"},
	{2, FIELD_STR, "digest", offsetof(struct registry_question, digest), NULL, NULL, "manifest digest"},
	{3, FIELD_U32, "deadline_ms", offsetof(struct registry_question, deadline_ms), NULL, NULL, "time for an answer"},
	{4, FIELD_BOOL, "digest_only", offsetof(struct registry_question, digest_only), NULL, NULL, "no signatures wanted"},
};

const struct record_desc record_registry_question = {"registry_question", sizeof(struct registry_question), question_fields,
	ARRAY_SIZE(question_fields), "a question to a registry"};

static const struct field_desc answer_fields[] = {
	{1, FIELD_I32, "error", offsetof(struct registry_answer, error), NULL, NULL, "0 or a negative errno"},
	{2, FIELD_STR, "message", offsetof(struct registry_answer, message), NULL, NULL, "why not"},
	{3, FIELD_STR, "digest", offsetof(struct registry_answer, digest), NULL, NULL, "manifest digest"},
	{4, FIELD_RECORD, "evidence", offsetof(struct registry_answer, evidence), NULL, &record_trust_evidence, "what speaks for it"},
};

const struct record_desc record_registry_answer = {"registry_answer", sizeof(struct registry_answer), answer_fields,
	ARRAY_SIZE(answer_fields), "an answer"};

void registry_answer_done(struct registry_answer *a)
{
	record_done(&record_registry_answer, a);
}

void registry_frame_put(struct buf *out, uint64_t id, const struct record_desc *d, const void *record)
{
	struct registry_header h = {.magic = REGISTRY_MAGIC, .id = id};
	size_t at = out->len;

	buf_put(out, &h, sizeof(h));
	record_encode(d, record, out);
	if (out->failed)
		return;
	h.size = (uint32_t)(out->len - at - sizeof(h));
	memcpy(out->data + at, &h, sizeof(h));
}

int registry_frame_take(struct buf *in, uint32_t max, const struct record_desc *d, uint64_t *ret_id, void *ret)
{
	struct registry_header h;

	if (in->len < sizeof(h))
		return 0;
	memcpy(&h, in->data, sizeof(h));
	if (h.magic != REGISTRY_MAGIC || h.size > max)
		return -EBADMSG;
	if (in->len - sizeof(h) < h.size)
		return 0;
	int r = record_decode(d, ret, in->data + sizeof(h), h.size);
	if (r < 0)
		return r;
	*ret_id = h.id;
	buf_consume(in, sizeof(h) + h.size);
	return 1;
}

bool peer_is(int fd, uid_t uid)
{
	struct ucred c;
	socklen_t n = sizeof(c);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) == 0 && n == sizeof(c) && c.uid == uid;
}
