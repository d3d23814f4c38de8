/* SPDX-License-Identifier: Apache-2.0 */
/* Putting the Console together: see console.h. */
#include "console/console.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"

#define RETAIN_MS 60000
#define STALE_MS 10000

/* --- status --- */

static void warn(struct status *s, const char *text)
{
	str_list_add(&s->warnings, text);
}

void console_status_update(struct console *c)
{
	struct utsname u;

	record_done(&status_desc, &c->shown);
	if (record_copy(&status_desc, &c->shown, &c->reported) < 0)
		return;
	if (!c->shown.version)
		str_set(&c->shown.version, SEAWALL_VERSION);
	if (!c->shown.host)
		str_set(&c->shown.host, c->host);
	if (!c->shown.kernel && uname(&u) == 0)
		str_set(&c->shown.kernel, u.release);
	if (!c->link || !link_is_up(c->link)) {
		c->shown.ready = false;
		warn(&c->shown, "the Defender is not connected: what is shown is what it said last");
	}
	if (c->api && !api_policy(c->api))
		warn(&c->shown, "the stored policy does not load: Defenders keep the one they have until a new one is applied");
	if (store_failed(c->store) || c->lost)
		warn(&c->shown, store_failed(c->store) ? store_failed(c->store) : "records wait for the database");
	if (c->api)
		api_publish(c->api, API_TOPIC_STATUS, "status", &status_desc, &c->shown);
}

static void on_status(void *ctx, const struct status *s)
{
	struct console *c = ctx;

	record_done(&status_desc, &c->reported);
	record_copy(&status_desc, &c->reported, s);
	console_status_update(c);
}

static void on_up(void *ctx)
{
	struct console *c = ctx;
	const struct policy *p = api_policy(c->api);

	c->up_since = time_now();
	loop_timer_set(c->stale, STALE_MS, 0);
	log_info("the Defender is connected");
	int r = p ? link_send_policy(c->link, p) : 0;
	if (r < 0)
		log_err(r, "cannot send the policy to the Defender");
	console_status_update(c);
}

static void on_down(void *ctx)
{
	struct console *c = ctx;

	c->ack = 0; /* what was not acknowledged comes again under numbers of its own */
	log_info("the Defender is away");
	console_status_update(c);
}

/* --- what the API asks --- */

static const struct status *backend_status(void *ctx)
{
	return &((struct console *)ctx)->shown;
}

static void backend_radar(void *ctx, struct buf *out)
{
	radar_json(((struct console *)ctx)->radar, out);
}

static const char *backend_country(void *ctx, const char *address)
{
	return geo_country(((struct console *)ctx)->geo, address);
}

static int backend_ask(void *ctx, enum ipc_type type, const struct ipc_query *query, api_answer_fn *fn, void *arg)
{
	return link_ask(((struct console *)ctx)->link, type, query, fn, arg);
}

static void backend_acknowledged(void *ctx, const struct incident *i)
{
	console_incident_badge(ctx, i->container.id);
}

static void backend_policy(void *ctx, const struct policy *p)
{
	struct console *c = ctx;
	int r = c->link && link_is_up(c->link) ? link_send_policy(c->link, p) : 0;

	if (r < 0)
		log_err(r, "cannot send policy revision %llu to the Defender", (unsigned long long)p->revision);
	console_status_update(c);
}

/* --- radar --- */

static bool radar_is_host(void *ctx, const char *address)
{
	struct console *c = ctx;

	return hostaddr_has(c->hostaddr, address) && !geo_is_overlaid(c->geo, address);
}

static void radar_emit(void *ctx, const char *json, size_t size)
{
	sse_publish(((struct console *)ctx)->stream, API_TOPIC_RADAR, "radar", json, size);
}

void console_radar_arm(struct console *c)
{
	uint64_t due = radar_due(c->radar), now = time_monotonic();

	if (due == UINT64_MAX)
		loop_timer_set(c->radar_timer, 0, 0);
	else
		loop_timer_set(c->radar_timer, due > now ? (due - now) / NSEC_PER_MSEC + 1 : 1, 0);
}

static int on_radar(void *ctx)
{
	struct console *c = ctx;

	radar_tick(c->radar, time_monotonic());
	console_radar_arm(c);
	return 0;
}

static int on_retain(void *ctx)
{
	struct console *c = ctx;
	bool left = false;
	int r = store_retain(c->store, &c->limits, time_now(), &left);

	if (r < 0)
		log_warn(r, "cannot forget old records");
	return loop_timer_set(c->retain, left ? 1000 : RETAIN_MS, 0);
}

/* --- life --- */

static int make_timers(struct console *c)
{
	const struct {
		struct loop_source **source;
		loop_timer_fn *fn;
	} timers[] = {{&c->flush, console_on_flush}, {&c->radar_timer, on_radar}, {&c->retain, on_retain},
		{&c->recover, console_on_recover}, {&c->stale, console_on_stale}};

	for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
		int r = loop_add_timer(c->loop, timers[i].source, RETAIN_MS, 0, timers[i].fn, c);
		if (r == 0 && timers[i].source != &c->retain)
			r = loop_timer_set(*timers[i].source, 0, 0);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_model(struct console *c)
{
	const struct radar_config radar = {.host = c->host, .country = backend_country, .is_host = radar_is_host,
		.emit = radar_emit, .ctx = c};
	const struct sse_config stream = {.loop = c->loop, .topics = api_topic_names, .topic_count = API_TOPIC_COUNT_,
		.reset_event = "radar", .reset_data = "{\"op\":\"reset\"}"};
	int r = hostaddr_new(&c->hostaddr);

	if (r == 0)
		r = radar_new(&c->radar, &radar);
	return r == 0 ? sse_new(&c->stream, &stream) : r;
}

static int make_servers(struct console *c, const struct console_config *config, int *http_fd, int *ipc_fd)
{
	const struct api_config api = {.store = c->store, .stream = c->stream, .host = c->host, .secure = config->cert_pem,
		.backend = {backend_status, backend_radar, backend_country, backend_ask, backend_acknowledged, backend_policy,
			console_metrics, c}};
	const struct link_events events = {on_status, console_on_container, console_on_edge, console_on_audit,
		console_on_finding, on_up, on_down, c};
	int r = api_new(&c->api, &api);

	if (r < 0)
		return r;
	const struct http_config http = {.loop = c->loop, .listen_fd = take_fd(*http_fd), .cert_pem = config->cert_pem,
		.key_pem = config->key_pem, .routes = api_routes, .route_count = api_route_count, .assets = web_assets,
		.asset_count = web_asset_count, .api_prefix = "/api/", .authenticate = api_authenticate, .ctx = c->api};
	r = http_server_new(&c->http, &http);
	return r == 0 ? link_new(&c->link, c->loop, take_fd(*ipc_fd), config->peer_uid, &events) : r;
}

int console_new(struct console **ret, const struct console_config *config, struct diag *reterr)
{
	CLEANUP(fd_close) int http_fd = config->http_fd;
	CLEANUP(fd_close) int ipc_fd = config->ipc_fd;
	CLEANUP(store_close) struct store *store = config->store;
	CLEANUP(geo_free) struct geo *geo = config->geo;
	CLEANUP(console_free) struct console *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->loop = config->loop;
	c->store = take_ptr(store);
	c->geo = take_ptr(geo);
	c->limits = config->limits;
	if (gethostname(c->host, sizeof(c->host) - 1) < 0)
		c->host[0] = 0;
	int r = make_timers(c);
	if (r == 0)
		r = make_model(c);
	if (r == 0)
		r = make_servers(c, config, &http_fd, &ipc_fd);
	if (r < 0)
		return diag_msg(reterr, r, "cannot start the servers: %s", strerror(-r));
	struct diag policy = {0};
	r = api_policy_start(c->api, &policy);
	if (r < 0)
		return diag_msg(reterr, r, "%s", policy.message);
	if (r > 0)
		log_err(0, "%s", policy.message);
	console_status_update(c);
	*ret = take_ptr(c);
	return 0;
}

struct console *console_free(struct console *c)
{
	if (!c)
		return NULL;
	link_free(c->link); /* answers what waits for the Defender */
	sse_free(c->stream);
	http_server_free(c->http);
	api_free(c->api);
	radar_free(c->radar);
	hostaddr_free(c->hostaddr);
	geo_free(c->geo);
	store_close(c->store);
	loop_source_free(c->flush);
	loop_source_free(c->radar_timer);
	loop_source_free(c->retain);
	loop_source_free(c->recover);
	loop_source_free(c->stale);
	for (uint32_t i = 0; i < c->touched_count; i++)
		free(c->touched[i]);
	record_done(&status_desc, &c->reported);
	record_done(&status_desc, &c->shown);
	free(c);
	return NULL;
}
