/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom to look at, and when: a queue for each engine, in order of when a look is due. What appears
 * is looked at a moment later, so that a container that lives for a second costs its engine no
 * question. See compliance.h.
 */
#include "gate/compliance_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "command/command.h"
#include "oci/config.h"
#include "runtime/docker_images.h"

#define PERIOD_MS (10 * 60 * 1000)
#define SETTLE_NS NSEC_PER_SEC /* from appearing to the look */
#define RETRY_NS NSEC_PER_SEC
#define LIST_PAUSE_NS (5 * NSEC_PER_SEC) /* between two lists of images that new containers make us take */
#define POLL_MS 100
#define IN_FLIGHT_MAX 2u /* of one engine: others want its answers too */
#define ANSWER_MAX (4u << 20)
#define LIST_MAX (64u << 20)
#define TIMEOUT_MS 30000
#define PATIENCE_NS (60 * NSEC_PER_SEC)
#define IMAGES_MAX 4096u /* of one engine */

static void pump(struct compliance_engine *e);

/* --- the queue --- */

static void wake(struct compliance *c, uint64_t due, uint64_t now)
{
	if (c->wake_at && c->wake_at <= due)
		return;
	c->wake_at = due ? due : 1;
	loop_timer_set(c->timer, due > now ? (due - now) / NSEC_PER_MSEC + 1 : 1, 0);
}

static void enqueue(struct target *t, uint64_t due)
{
	struct compliance_engine *e = t->engine;
	struct target *at;

	if (t->asking) { /* what changed since it was asked for counts too */
		t->again = true;
		return;
	}
	if (t->queued) {
		if (t->due <= due)
			return;
		TAILQ_REMOVE(&e->queue, t, link);
	}
	t->queued = true;
	t->due = due;
	TAILQ_FOREACH_REVERSE(at, &e->queue, target_queue, link)
	if (at->due <= due)
		break;
	if (at)
		TAILQ_INSERT_AFTER(&e->queue, at, t, link);
	else
		TAILQ_INSERT_HEAD(&e->queue, t, link);
}

static void enqueue_now(struct target *t)
{
	enqueue(t, 0);
}

static void want_list(struct compliance_engine *e, uint64_t due)
{
	e->list_wanted = e->daemon != NULL;
	e->list_due = due;
}

static void look_at_all(struct compliance *c)
{
	targets_each(c, NULL, enqueue_now);
	for (unsigned i = 0; i < c->engine_count; i++)
		want_list(&c->engines[i], 0);
	wake(c, 0, 0);
}

/* The look is over: what could not be told is looked at again. */
static void looked(struct target *t, int error)
{
	t->asking = false;
	t->engine->compliance->counters.looks++;
	if (error < 0 || t->again)
		enqueue(t, time_monotonic() + RETRY_NS);
	t->again = false;
}

static struct look look_of(struct target *t)
{
	struct compliance *c = t->engine->compliance;

	return (struct look){.compliance = c, .target = t, .now = time_now(), .subject.host = c->host};
}

/* Asks one thing about a target; its answer finds it by id, as it may be gone by then. */
static int ask(struct compliance_engine *e, const char *path, const char *key, client_done_fn *fn)
{
	int r = runtime_ask(e->runtime, &(struct client_call){.method = "GET", .path = path, .key = key,
					       .max = ANSWER_MAX, .timeout_ms = TIMEOUT_MS, .on_done = fn, .ctx = e});

	if (r == 0)
		e->in_flight++;
	return r;
}

/* Late answers of a lost connection were written off already. */
static void answered(struct compliance_engine *e)
{
	e->in_flight -= e->in_flight > 0;
}

static struct json *answer_json(const struct client_result *res)
{
	struct json *root = NULL;

	if (res->error < 0 || res->status != 200 || json_parse(&root, (const char *)res->body, res->size, NULL) < 0)
		return NULL;
	return root;
}

/* --- containers --- */

static int judge_container(struct target *t, struct creation *creation, bool from_spec)
{
	struct look l = look_of(t);

	if (creation->sandbox)
		return 0; /* as at creation */
	/* At creation no user means the image's, here it was filled in: then none is root. */
	if (!creation->user || !*creation->user)
		l.error = str_set(&creation->user, "root");
	l.subject.image = t->ref.image;
	l.subject.container = t->ref.name;
	l.subject.namespace_ = t->ref.namespace_;
	l.subject.labels = &t->labels;
	look_container(&l, creation, from_spec);
	return l.error;
}

static void on_container(void *ctx, const struct client_result *res)
{
	CLEANUP(json_free) struct json *root = answer_json(res);
	struct compliance_engine *e = ctx;
	struct target *t = target_find(e->compliance, 'c', res->key);

	answered(e);
	if (t) {
		struct creation c = {0};
		/* What cannot be read will be no better next time. */
		bool read = root && command_read_inspect(&c, root) == 0;
		looked(t, read ? judge_container(t, &c, false) : 0);
		creation_done(&c);
	}
	pump(e);
}

static void on_spec(void *ctx, const struct client_result *res)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(OCI_CONFIG_MAX);
	struct compliance_engine *e = ctx;
	struct target *t = target_find(e->compliance, 'c', res->key);
	char why[OCI_WHY_MAX];

	answered(e);
	if (t) {
		const struct oci_source from = {.engine = "containerd", .id = target_id(t), .bundle = "/"};
		struct creation c = {0};
		bool read = runtime_spec_text(res, &text) == 0 &&
			oci_read_config(&c, &from, (const char *)text.data, text.len, why) == 0;
		looked(t, read ? judge_container(t, &c, true) : 0);
		creation_done(&c);
	}
	pump(e);
}

static int ask_spec(struct compliance_engine *e, const char *id)
{
	int r = runtime_ask_spec(e->runtime, id, on_spec, e);

	if (r == 0)
		e->in_flight++;
	return r;
}

/* --- images --- */

static void on_image(void *ctx, const struct client_result *res)
{
	CLEANUP(json_free) struct json *root = answer_json(res);
	struct compliance_engine *e = ctx;
	struct target *t = target_find(e->compliance, 'i', res->key);

	answered(e);
	if (t) {
		struct look l = look_of(t);
		l.subject.image = t->name;
		if (root)
			compliance_judge_image(root, look_tell, &l);
		looked(t, l.error);
	}
	pump(e);
}

/* Its name as rules are written about it: the first tag, else the id. */
static void name_image(struct target *t, const struct json *item)
{
	char canonical[512];
	const char *tag = json_str(json_first(json_get(item, "RepoTags")), "");

	if (!*tag || *tag == '<')
		str_set(&t->name, target_id(t));
	else
		str_set(&t->name, image_canonical(tag, canonical, sizeof(canonical)));
}

static void drop_unlisted(struct target *t)
{
	if (t->kind != TARGET_IMAGE || t->seen == t->engine->lists)
		return;
	target_tell_gone(t);
	target_drop(t);
}

static void on_images(void *ctx, const struct client_result *res)
{
	CLEANUP(json_free) struct json *root = answer_json(res);
	struct compliance_engine *e = ctx;
	unsigned count = 0;

	answered(e);
	e->listing = false;
	e->lists++;
	for (const struct json *j = json_first(root); j && count < IMAGES_MAX; j = json_next(j)) {
		const char *id = json_get_str(j, "Id", "");
		if (!docker_images_id_ok(id))
			continue;
		struct target *t = target_get(e, TARGET_IMAGE, id);
		if (!t)
			break;
		name_image(t, j);
		t->seen = e->lists;
		count++;
		enqueue(t, 0);
	}
	if (json_is_array(root)) {
		targets_each(e->compliance, e, drop_unlisted);
		e->listed = true;
	}
	pump(e);
}

static void list_images(struct compliance_engine *e, uint64_t now)
{
	int r = runtime_ask(e->runtime, &(struct client_call){.method = "GET", .path = "/images/json",
					       .key = "the images for compliance", .max = LIST_MAX,
					       .timeout_ms = TIMEOUT_MS, .on_done = on_images, .ctx = e});

	if (r < 0)
		return;
	e->in_flight++;
	e->listing = true;
	e->list_wanted = false;
	e->list_due = now + LIST_PAUSE_NS;
}

/* --- the daemon: three questions, one after the other --- */

static void daemon_done(struct compliance_engine *e, const struct json *bridge, bool no_bridge)
{
	struct look l = look_of(e->daemon);
	const struct daemon_facts facts = {.info = e->info, .version = e->version, .bridge = bridge,
		.no_bridge = no_bridge, .words = e->words_known ? &e->words : NULL, .config = e->config,
		.config_unread = e->config_unread};

	compliance_judge_daemon(&facts, look_tell, &l);
	e->info = json_free(e->info);
	e->version = json_free(e->version);
	looked(e->daemon, l.error);
}

static void on_bridge(void *ctx, const struct client_result *res)
{
	CLEANUP(json_free) struct json *root = answer_json(res);
	struct compliance_engine *e = ctx;

	answered(e);
	daemon_done(e, root, res->error == 0 && res->status == 404);
	pump(e);
}

static void on_version(void *ctx, const struct client_result *res)
{
	struct compliance_engine *e = ctx;

	answered(e);
	json_free(e->version);
	e->version = answer_json(res);
	if (ask(e, "/networks/bridge", "the default network", on_bridge) < 0)
		daemon_done(e, NULL, false);
	pump(e);
}

static void on_info(void *ctx, const struct client_result *res)
{
	struct compliance_engine *e = ctx;

	answered(e);
	json_free(e->info);
	e->info = answer_json(res);
	if (ask(e, "/version", "the version for compliance", on_version) < 0)
		daemon_done(e, NULL, false);
	pump(e);
}

/* --- running --- */

static int start_look(struct target *t)
{
	char path[TARGET_KEY_MAX + 32];
	const char *id = target_id(t);

	switch (t->kind) {
	case TARGET_CONTAINER:
		if (!t->engine->daemon)
			return ask_spec(t->engine, id);
		snprintf(path, sizeof(path), "/containers/%s/json", id);
		return ask(t->engine, path, id, on_container);
	case TARGET_IMAGE:
		snprintf(path, sizeof(path), "/images/%s/json", id);
		return ask(t->engine, path, id, on_image);
	case TARGET_DAEMON:
		return ask(t->engine, "/info", "the state for compliance", on_info);
	case TARGET_KIND_COUNT_:
		break;
	}
	return -EINVAL;
}

/* Was everything looked at? Where containers come and go all the time, all that is due, after a while. */
static bool is_idle(const struct compliance_engine *e, uint64_t now)
{
	const struct target *t = TAILQ_FIRST(&e->queue);
	bool late = now > e->compliance->pass_patience;

	return (!t || (late && t->due > now)) && !e->in_flight && e->listed && runtime_synced(e->runtime) &&
		(late || !runtime_has_changes(e->runtime));
}

static void begin_pass(struct compliance *c)
{
	c->pass_started = time_now();
	c->pass_patience = time_monotonic() + PATIENCE_NS;
}

/* Once everything there is was told, what the Defender's reader has from before is gone. */
static void end_pass(struct compliance *c, uint64_t now)
{
	bool any = false;

	if (!c->pass_started)
		return;
	for (unsigned i = 0; i < c->engine_count; i++) {
		if (c->engines[i].connected && !is_idle(&c->engines[i], now))
			return;
		any |= c->engines[i].connected;
	}
	if (any && sweep_tell(c, c->pass_started) == 0)
		c->pass_started = 0;
}

static void pump(struct compliance_engine *e)
{
	struct compliance *c = e->compliance;
	uint64_t now = time_monotonic();
	struct target *t;

	if (!e->connected)
		return;
	if (!c->config.room(c->config.ctx)) {
		wake(c, now + POLL_MS * NSEC_PER_MSEC, now);
		return;
	}
	if (e->list_wanted && !e->listing && e->list_due <= now)
		list_images(e, now);
	while (e->in_flight < IN_FLIGHT_MAX && (t = TAILQ_FIRST(&e->queue)) && t->due <= now) {
		TAILQ_REMOVE(&e->queue, t, link);
		t->queued = false;
		t->asking = start_look(t) == 0;
		if (!t->asking) {
			enqueue(t, now + RETRY_NS);
			break;
		}
	}
	if ((t = TAILQ_FIRST(&e->queue)) && e->in_flight < IN_FLIGHT_MAX)
		wake(c, t->due, now);
	else if (e->list_wanted && !e->listing)
		wake(c, e->list_due, now);
	end_pass(c, now);
	if (c->pass_started) /* the engine's inventory may be what it waits for */
		wake(c, now + RETRY_NS, now);
}

static int on_timer(void *ctx)
{
	struct compliance *c = ctx;

	c->wake_at = 0;
	for (unsigned i = 0; i < c->engine_count; i++)
		pump(&c->engines[i]);
	return 0;
}

static int on_period(void *ctx)
{
	look_at_all(ctx);
	return 0;
}

/* --- what the Gate hears --- */

/* Answers to what was asked will not come any more. */
static void not_asked(struct target *t)
{
	if (!t->asking)
		return;
	t->asking = t->again = false;
	enqueue(t, 0);
}

static struct compliance_engine *engine_of(struct compliance *c, const struct runtime *rt)
{
	for (unsigned i = 0; i < c->engine_count; i++)
		if (c->engines[i].runtime == rt)
			return &c->engines[i];
	return NULL;
}

void compliance_status(struct compliance *c, struct runtime *rt)
{
	struct compliance_engine *e = engine_of(c, rt);

	if (!e)
		return;
	bool connected = strcmp(runtime_status(rt)->state, "connected") == 0;
	if (connected == e->connected)
		return;
	e->connected = connected;
	if (!connected) {
		e->in_flight = 0;
		e->listing = false;
		targets_each(c, e, not_asked);
		return;
	}
	want_list(e, 0);
	if (e->daemon)
		enqueue(e->daemon, 0);
	wake(c, 0, 0);
}

static int describe(struct target *t, const struct container *k)
{
	const struct container_ref view = {.id = k->id, .name = k->name, .image = k->image, .digest = k->digest,
		.pod = k->pod, .namespace_ = k->namespace_, .workload = k->workload};
	int r = 0;

	record_done(&container_ref_desc, &t->ref);
	r = record_copy(&container_ref_desc, &t->ref, &view);
	if (t->labels.count == k->labels.count)
		return r; /* labels of a container never change; they may come later than its name */
	target_clear_labels(t);
	for (uint32_t i = 0; i < k->labels.count && r == 0; i++)
		r = kv_list_add(&t->labels, k->labels.items[i].key, k->labels.items[i].value);
	return r;
}

void compliance_container(struct compliance *c, struct runtime *rt, const struct container *k)
{
	struct compliance_engine *e = engine_of(c, rt);
	uint64_t now = time_monotonic();

	if (!e || !k->id)
		return;
	struct target *t = target_find(c, 'c', k->id);
	if (k->state == CONTAINER_REMOVED) {
		if (t) /* its findings go with it, wherever they are kept */
			target_drop(t);
		return;
	}
	if (!t) {
		t = target_get(e, TARGET_CONTAINER, k->id);
		if (!k->digest || !target_find(c, 'i', k->digest))
			want_list(e, e->list_due); /* its image may be new */
	}
	if (!t || describe(t, k) < 0)
		return;
	enqueue(t, now + SETTLE_NS);
	if (e->connected)
		wake(c, TAILQ_FIRST(&e->queue) ? TAILQ_FIRST(&e->queue)->due : now, now);
}

void compliance_policy(struct compliance *c, struct policy *p)
{
	policy_unref(c->policy);
	c->policy = p ? policy_ref(p) : NULL;
	look_at_all(c);
}

void compliance_again(struct compliance *c)
{
	targets_each(c, NULL, target_forget);
	begin_pass(c);
	for (unsigned i = 0; i < c->engine_count; i++)
		c->engines[i].listed = !c->engines[i].daemon;
	look_at_all(c);
}

static void take_daemon(struct compliance_engine *e, const struct ipc_daemon *d)
{
	struct diag diag = {0};
	bool empty = d->config_error == -ENOENT || !d->config.size;

	str_list_done(&e->words);
	e->config = json_free(e->config);
	e->words_known = d->words.count > 0;
	e->config_unread = d->config_error < 0 && d->config_error != -ENOENT;
	for (uint32_t i = 0; i < d->words.count; i++)
		if (str_list_add(&e->words, d->words.items[i]) < 0)
			e->words_known = false;
	if (!empty && json_parse(&e->config, (const char *)d->config.data, d->config.size, &diag) < 0) {
		e->config_unread = true; /* the daemon would not have started with it: it was edited since */
		log_warn(0, "%s line %u: %s; what it may set is not judged", d->config_path ? d->config_path : "daemon.json",
			diag.line, diag.message);
	}
	enqueue(e->daemon, 0);
	wake(e->compliance, 0, 0);
}

void compliance_daemon(struct compliance *c, const struct ipc_daemon *d)
{
	for (unsigned i = 0; i < c->engine_count; i++)
		if (c->engines[i].daemon && d->socket && strcmp(c->engines[i].socket, d->socket) == 0)
			take_daemon(&c->engines[i], d);
}

struct compliance_counters compliance_counters(const struct compliance *c)
{
	return c->counters;
}

/* --- life --- */

int compliance_add_engine(struct compliance *c, struct runtime *rt)
{
	struct compliance_engine *e = &c->engines[c->engine_count];

	if (c->engine_count == GATE_ENGINES_MAX)
		return -ENOSPC;
	*e = (struct compliance_engine){.compliance = c, .runtime = rt, .socket = runtime_status(rt)->socket};
	TAILQ_INIT(&e->queue);
	/* containerd tells nothing of itself: its socket is judged by the Defender. */
	bool docker = runtime_status(rt)->kind == RUNTIME_DOCKER;
	e->daemon = docker ? target_get(e, TARGET_DAEMON, e->socket) : NULL;
	e->listed = !docker;
	if (docker && !e->daemon)
		return -ENOMEM;
	c->engine_count++;
	return 0;
}

struct compliance *compliance_free(struct compliance *c)
{
	if (!c)
		return NULL;
	targets_free(c);
	for (unsigned i = 0; i < c->engine_count; i++) {
		str_list_done(&c->engines[i].words);
		json_free(c->engines[i].config);
		json_free(c->engines[i].info);
		json_free(c->engines[i].version);
	}
	policy_unref(c->policy);
	loop_source_free(c->timer);
	loop_source_free(c->period);
	free(c);
	return NULL;
}

int compliance_new(struct compliance **ret, const struct compliance_config *config)
{
	CLEANUP(compliance_free) struct compliance *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->config = *config;
	snprintf(c->host, sizeof(c->host), "%s", config->host ? config->host : "");
	begin_pass(c);
	int r = loop_add_timer(config->loop, &c->timer, UINT32_MAX, 0, on_timer, c);
	if (r == 0)
		r = loop_add_timer(config->loop, &c->period, PERIOD_MS, PERIOD_MS, on_period, c);
	if (r < 0)
		return r;
	*ret = take_ptr(c);
	return 0;
}
