/* SPDX-License-Identifier: Apache-2.0 */
/* Several questions about one image as one: see lookup.h. */
#include "trust/lookup.h"

#include <errno.h>
#include <string.h>

#include "trust/reference.h"

struct question {
	struct trust_lookup *lookup;
	struct registry_pending *pending;
};

struct trust_lookup {
	struct question questions[LOOKUP_DIGESTS_MAX];
	unsigned count, open;
	bool by_name;
	struct trust_lookup_result result;
	trust_lookup_fn *fn;
	void *ctx;
};

/* That a registry has no such image, or that a name is none of a registry, is no trouble. */
static void take_error(struct trust_lookup *l, int error, const char *why)
{
	if (error == 0 || error == -ENOENT || error == -EINVAL || l->result.error)
		return;
	l->result.error = error;
	snprintf(l->result.why, sizeof(l->result.why), "%s", why ? why : strerror(-error));
}

static void on_answer(void *ctx, const struct registry_answer *a)
{
	struct question *q = ctx;
	struct trust_lookup *l = q->lookup;

	q->pending = NULL;
	take_error(l, a->error, a->message);
	if (evidence_merge(&l->result.evidence, &a->evidence) < 0)
		take_error(l, -ENOMEM, NULL);
	if (l->by_name && a->error == 0 && a->digest)
		snprintf(l->result.digest, sizeof(l->result.digest), "%s", a->digest);
	if (--l->open == 0)
		l->fn(l->ctx, &l->result);
}

static int ask(struct trust_lookup *l, struct registry_client *c, const char *name, const char *digest, uint32_t deadline_ms)
{
	struct registry_question wire = {.name = (char *)(uintptr_t)name, .digest = (char *)(uintptr_t)digest, .deadline_ms = deadline_ms};
	struct question *q = &l->questions[l->count];

	q->lookup = l;
	int r = registry_client_ask(c, &wire, on_answer, q, &q->pending);
	if (r == 0) {
		l->count++;
		l->open++;
	}
	return r;
}

int trust_lookup_start(struct trust_lookup **ret, struct registry_client *c, const struct image_facts *image, uint32_t deadline_ms,
	trust_lookup_fn *fn, void *ctx)
{
	CLEANUP(trust_lookup_free) struct trust_lookup *l = NULL;
	struct reference ref;
	int r = image->name && reference_parse(image->name, &ref, NULL) == 0 ? 0 : -EINVAL;

	if (r < 0)
		return r;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->fn = fn;
	l->ctx = ctx;
	for (uint32_t i = 0; image->repo_digests && i < image->repo_digests->count && l->count < LOOKUP_DIGESTS_MAX && r == 0; i++)
		if (digest_valid(image->repo_digests->items[i]))
			r = ask(l, c, image->name, image->repo_digests->items[i], deadline_ms);
	l->by_name = l->count == 0;
	if (l->by_name && r == 0)
		r = ask(l, c, image->name, NULL, deadline_ms);
	/* With some of the questions under way the others are only trouble. */
	if (r < 0 && l->count == 0)
		return r;
	take_error(l, r, NULL);
	*ret = take_ptr(l);
	return 0;
}

struct trust_lookup *trust_lookup_free(struct trust_lookup *l)
{
	if (!l)
		return NULL;
	for (unsigned i = 0; i < l->count; i++)
		registry_client_cancel(l->questions[i].pending);
	evidence_done(&l->result.evidence);
	free(l);
	return NULL;
}
