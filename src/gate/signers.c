/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of images that are here: see signers.h. */
#include "gate/signers.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/log.h"

#define SIGNERS_MAX 1024u
#define IN_FLIGHT_MAX 4u /* creations want the registry's answers too */
#define DEADLINE_MS 10000
#define KEPT_NS (10 * 60 * NSEC_PER_SEC)
#define TROUBLE_KEPT_NS (60 * NSEC_PER_SEC)
#define PERIOD_MS 10000

struct signer {
	struct signers *all;
	char *key; /* name, id and digests: first, for the tree */
	char *name, *id;
	struct str_list digests;
	struct str_list keys; /* of the policy, that signed it */
	char trouble[256];
	struct trust_lookup *lookup; /* under way */
	uint64_t due;		     /* monotonic ns: from then on it may have changed */
	bool known, waiting;
	bool stale; /* and nobody has asked since */
	TAILQ_ENTRY(signer) link;    /* of all */
	TAILQ_ENTRY(signer) waiting_link;
};

TAILQ_HEAD(signer_list, signer);

struct signers {
	struct registry_client *registry;
	struct loop_source *period;
	const struct policy *policy;
	signers_news_fn *fn;
	void *ctx;
	void *tree; /* of tsearch(), by key */
	struct signer_list list, waiting;
	unsigned count, in_flight;
	bool full_told;
};

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct signer *)a)->key, ((const struct signer *)b)->key);
}

static struct signer *signer_free(struct signer *s)
{
	if (!s)
		return NULL;
	trust_lookup_free(s->lookup);
	free(s->key);
	free(s->name);
	free(s->id);
	str_list_done(&s->digests);
	str_list_done(&s->keys);
	free(s);
	return NULL;
}
CLEANUP_DEFINE(struct signer, signer_free)

static void drop(struct signer *s)
{
	struct signers *all = s->all;

	tdelete(s, &all->tree, by_key);
	TAILQ_REMOVE(&all->list, s, link);
	if (s->waiting)
		TAILQ_REMOVE(&all->waiting, s, waiting_link);
	all->in_flight -= s->lookup != NULL;
	all->count--;
	signer_free(s);
}

static struct image_facts facts_of(const struct signer *s)
{
	return (struct image_facts){.name = s->name, .id = s->id, .repo_digests = &s->digests};
}

/* --- asking --- */

static bool same(const struct str_list *a, const struct str_list *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static void learn(struct signer *s, const struct str_list *keys, const char *trouble)
{
	bool news = !s->known || !same(&s->keys, keys) || strcmp(s->trouble, trouble) != 0;

	str_list_done(&s->keys);
	s->keys = *keys;
	snprintf(s->trouble, sizeof(s->trouble), "%s", trouble);
	s->due = time_monotonic() + (*trouble ? TROUBLE_KEPT_NS : KEPT_NS);
	s->known = true;
	if (news)
		s->all->fn(s->all->ctx, s->name);
}

/* A key that two groups have is verified once. */
static bool has_key(const struct str_list *keys, const char *pem)
{
	for (uint32_t i = 0; i < keys->count; i++)
		if (strcmp(keys->items[i], pem) == 0)
			return true;
	return false;
}

static void pump(struct signers *all);

static void on_evidence(void *ctx, const struct trust_lookup_result *r)
{
	struct signer *s = ctx;
	struct signers *all = s->all;
	struct image_facts image = facts_of(s);
	struct str_list keys = {0};

	for (uint32_t g = 0; all->policy && g < all->policy->trust_group_count; g++) {
		const struct str_list *of = &all->policy->trust_groups[g].keys;
		for (uint32_t k = 0; k < of->count; k++)
			if (!has_key(&keys, of->items[k]) &&
				trust_signed_by((void *)(uintptr_t)&r->evidence, of->items[k], &image))
				str_list_add(&keys, of->items[k]); /* no memory: not trusted for now */
	}
	char trouble[sizeof(s->trouble)];
	snprintf(trouble, sizeof(trouble), "%s", r->error ? r->why : "");
	s->lookup = trust_lookup_free(s->lookup);
	all->in_flight--;
	learn(s, &keys, trouble);
	pump(all);
}

static void ask(struct signer *s)
{
	struct image_facts image = facts_of(s);
	int r = trust_lookup_start(&s->lookup, s->all->registry, &image, DEADLINE_MS, on_evidence, s);

	if (r == 0) {
		s->all->in_flight++;
		return;
	}
	/* A name that is none of a registry is no trouble: nobody has signed it. */
	learn(s, &(struct str_list){0}, r == -EINVAL ? "" : "seawall-registry does not answer");
}

static void pump(struct signers *all)
{
	struct signer *s;

	while (all->in_flight < IN_FLIGHT_MAX && (s = TAILQ_FIRST(&all->waiting))) {
		TAILQ_REMOVE(&all->waiting, s, waiting_link);
		s->waiting = false;
		ask(s);
	}
}

static void want(struct signer *s)
{
	s->stale = false;
	if (s->waiting || s->lookup)
		return;
	s->waiting = true;
	TAILQ_INSERT_TAIL(&s->all->waiting, s, waiting_link);
}

/* What may have changed is offered to those who would ask, and what they did not take up since is
 * forgotten. Questions begin here too, so that no answer comes from inside the asking. */
static int on_period(void *ctx)
{
	struct signers *all = ctx;
	struct signer *next;
	uint64_t now = time_monotonic();

	for (struct signer *s = TAILQ_FIRST(&all->list); s; s = next) {
		next = TAILQ_NEXT(s, link);
		if (s->waiting || s->lookup || s->due > now)
			continue;
		if (s->stale) {
			drop(s);
			continue;
		}
		s->stale = true;
		all->fn(all->ctx, s->name);
	}
	pump(all);
	return 0;
}

/* --- what is wanted --- */

static int describe(struct signer *s, const struct image_facts *image)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT(64 << 10);
	int r = str_set(&s->name, image->name);

	buf_printf(&key, "%s %s", image->name, image->id ? image->id : "");
	if (r == 0 && image->id)
		r = str_set(&s->id, image->id);
	for (uint32_t i = 0; image->repo_digests && i < image->repo_digests->count && r == 0; i++) {
		buf_printf(&key, " %s", image->repo_digests->items[i]);
		r = str_list_add(&s->digests, image->repo_digests->items[i]);
	}
	if (r == 0)
		r = key.failed;
	return r == 0 ? str_set(&s->key, (const char *)key.data) : r;
}

static struct signer *get(struct signers *all, const struct image_facts *image)
{
	CLEANUP(signer_free) struct signer *s = calloc(1, sizeof(*s));

	if (!s || describe(s, image) < 0)
		return NULL;
	struct signer **known = tfind(s, &all->tree, by_key);
	if (known)
		return *known;
	if (all->count >= SIGNERS_MAX) {
		if (!all->full_told)
			log_warn(0, "signatures of %u images are known; nothing is said of those of more", all->count);
		all->full_told = true;
		return NULL;
	}
	s->all = all;
	if (!tsearch(s, &all->tree, by_key))
		return NULL;
	TAILQ_INSERT_TAIL(&all->list, s, link);
	all->count++;
	return take_ptr(s);
}

const struct signer *signers_find(struct signers *all, const struct image_facts *image)
{
	struct signer *s = all && all->registry && image->name ? get(all, image) : NULL;

	if (!s)
		return NULL;
	if (!s->known || s->stale) {
		want(s);
		loop_timer_set(all->period, 1, PERIOD_MS);
	}
	return s->known ? s : NULL;
}

bool signers_signed_by(void *ctx, const char *key_pem, const struct image_facts *image)
{
	const struct signer *s = ctx;

	return has_key(&s->keys, key_pem);
}

const char *signer_trouble(const struct signer *s)
{
	return *s->trouble ? s->trouble : NULL;
}

void signers_policy(struct signers *all, const struct policy *p)
{
	if (!all)
		return;
	while (TAILQ_FIRST(&all->list))
		drop(TAILQ_FIRST(&all->list));
	all->policy = p;
	all->full_told = false;
}

struct signers *signers_free(struct signers *all)
{
	if (!all)
		return NULL;
	signers_policy(all, NULL);
	loop_source_free(all->period);
	free(all);
	return NULL;
}

int signers_new(struct signers **ret, struct loop *loop, struct registry_client *registry, signers_news_fn *fn, void *ctx)
{
	CLEANUP(signers_free) struct signers *all = calloc(1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	*all = (struct signers){.registry = registry, .fn = fn, .ctx = ctx};
	TAILQ_INIT(&all->list);
	TAILQ_INIT(&all->waiting);
	int r = loop_add_timer(loop, &all->period, PERIOD_MS, PERIOD_MS, on_period, all);
	if (r == 0)
		*ret = take_ptr(all);
	return r;
}
