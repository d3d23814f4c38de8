/* SPDX-License-Identifier: Apache-2.0 */
/* The Radar's model: see radar.h. Trees are libc's tsearch(), ordered by id, so output is stable. */
#include "console/radar.h"

#include <errno.h>
#include <search.h>
#include <string.h>

#include "base/parse.h"
#include "console/countries.h"
#include "console/radar_internal.h"

#define EDGE_ID_SIZE (3 * RADAR_ID_SIZE)

int radar_by_id(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void *radar_find(void *const *tree, const char *id)
{
	void *node = tfind(&id, tree, radar_by_id);

	return node ? *(void **)node : NULL;
}

/* --- small steps for those who watch --- */

typedef void put_fn(const void *obj, struct buf *out);

static void emit(struct radar *r, const char *op, const char *key, put_fn *put, const void *obj)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4u << 20);

	if (!r->config.emit)
		return;
	buf_printf(&b, "{\"op\":\"%s\",\"%s\":", op, key);
	put(obj, &b);
	buf_putc(&b, '}');
	if (!b.failed)
		r->config.emit(r->config.ctx, (const char *)b.data, b.len);
}

static void put_id(const void *obj, struct buf *out)
{
	json_put_str(out, obj);
}

static void put_image(const void *obj, struct buf *out)
{
	radar_put_image(obj, out);
}

static void put_container(const void *obj, struct buf *out)
{
	radar_put_container(obj, out);
}

static void put_place(const void *obj, struct buf *out)
{
	radar_put_place(obj, out);
}

static void put_edge(const void *obj, struct buf *out)
{
	radar_put_edge(obj, out);
}

/* A change that a person waits for goes out at once, the others with the next step. */
void radar_touch(struct radar *r, struct radar_container *c, bool at_once, uint64_t now)
{
	if (c->state == RADAR_HIDDEN)
		return;
	c->dirty = c->image->dirty = true;
	if (at_once) {
		c->dirty = c->image->dirty = false;
		emit(r, "node", "node", put_image, c->image);
		emit(r, "node", "node", put_container, c);
	} else if (r->step == UINT64_MAX) {
		r->step = now + RADAR_STEP_NS;
	}
}

static void touch_edge(struct radar *r, struct radar_edge *e, bool at_once, uint64_t now)
{
	if (e->owner->state == RADAR_HIDDEN)
		return;
	e->dirty = !at_once;
	if (at_once)
		emit(r, "edge", "edge", put_edge, e);
	else if (r->step == UINT64_MAX)
		r->step = now + RADAR_STEP_NS;
}

/* --- life and death of the parts --- */

int radar_new(struct radar **ret, const struct radar_config *config)
{
	struct radar *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->config = *config;
	r->step = r->fade = UINT64_MAX;
	*ret = r;
	return 0;
}

static void edge_free(void *p)
{
	struct radar_edge *e = p;

	free(e->id);
	free(e->from);
	free(e->to);
	free(e->process);
	free(e->domain);
	for (uint32_t i = 0; i < e->address_count; i++)
		free(e->addresses[i].text);
	free(e);
}

static void container_free(void *p)
{
	struct radar_container *c = p;

	free(c->id);
	free(c->label);
	free(c->reason);
	str_list_done(&c->addresses);
	free(c);
}

static void image_free(void *p)
{
	struct radar_image *i = p;

	free(i->id);
	free(i->name);
	free(i->group);
	free(i);
}

static void place_free(void *p)
{
	struct radar_place *place = p;

	free(place->id);
	free(place->reason);
	free(place);
}

static void owner_free(void *p)
{
	free(((struct radar_owner *)p)->address);
	free(p);
}

struct radar *radar_free(struct radar *r)
{
	if (!r)
		return NULL;
	tdestroy(r->edges, edge_free);
	tdestroy(r->owners, owner_free);
	tdestroy(r->places, place_free);
	tdestroy(r->containers, container_free);
	tdestroy(r->images, image_free);
	radar_findings_free(r);
	free(r);
	return NULL;
}

static void show_edge(const void *node, VISIT which, void *ctx)
{
	struct radar_edge *e = *(struct radar_edge *const *)node;

	if ((which == postorder || which == leaf) && e->owner == ctx)
		e->dirty = true;
}

void radar_place_release(struct radar *r, struct radar_place *p)
{
	if (--p->uses > 0)
		return;
	emit(r, "remove", "id", put_id, p->id);
	tdelete(p, &r->places, radar_by_id);
	place_free(p);
}

void radar_place_touch(struct radar *r, const struct radar_place *p)
{
	emit(r, "node", "node", put_place, p);
}

static void edge_remove(struct radar *r, struct radar_edge *e)
{
	tdelete(e, &r->edges, radar_by_id);
	emit(r, "remove", "id", put_id, e->id);
	e->owner->edge_count--;
	r->counters.edges--;
	if (e->place)
		radar_place_release(r, e->place);
	edge_free(e);
}

struct gather {
	const struct radar_container *container; /* edges of it ... */
	const char *id;                          /* ... and edges that point to it */
	struct radar_edge *found[64];
	size_t count;
};

static void gather_edge(const void *node, VISIT which, void *ctx)
{
	struct radar_edge *e = *(struct radar_edge *const *)node;
	struct gather *g = ctx;

	if ((which == postorder || which == leaf) && g->count < ARRAY_SIZE(g->found) &&
		(e->owner == g->container || strcmp(e->to, g->id) == 0 || strcmp(e->from, g->id) == 0))
		g->found[g->count++] = e;
}

static void edges_remove(struct radar *r, const struct radar_container *c)
{
	struct gather g;

	do {
		g = (struct gather){.container = c, .id = c->id};
		twalk_r(r->edges, gather_edge, &g);
		for (size_t i = 0; i < g.count; i++)
			edge_remove(r, g.found[i]);
	} while (g.count == ARRAY_SIZE(g.found));
}

static void addresses_clear(struct radar *r, struct radar_container *c)
{
	for (uint32_t i = 0; i < c->addresses.count; i++) {
		struct radar_owner *o = radar_find(&r->owners, c->addresses.items[i]);
		if (!o || o->container != c)
			continue;
		tdelete(o, &r->owners, radar_by_id);
		owner_free(o);
	}
	str_list_done(&c->addresses);
}

static int addresses_set(struct radar *r, struct radar_container *c, const struct str_list *addresses)
{
	addresses_clear(r, c);
	for (uint32_t i = 0; i < addresses->count; i++) {
		struct radar_owner *o = radar_find(&r->owners, addresses->items[i]);
		if (str_list_add(&c->addresses, addresses->items[i]) < 0)
			return -ENOMEM;
		if (o) { /* an address passes from a stopped container to the next one */
			o->container = c;
			continue;
		}
		o = calloc(1, sizeof(*o));
		if (o)
			o->address = strdup(addresses->items[i]);
		if (!o || !o->address || !tsearch(o, &r->owners, radar_by_id)) {
			if (o)
				owner_free(o);
			return -ENOMEM;
		}
		o->container = c;
	}
	return 0;
}

static void image_leave(struct radar *r, struct radar_container *c)
{
	struct radar_image *i = c->image;
	struct radar_container **link = &i->containers;

	while (*link && *link != c)
		link = &(*link)->next_of_image;
	if (*link)
		*link = c->next_of_image;
	if (i->containers) {
		emit(r, "node", "node", put_image, i);
		return;
	}
	emit(r, "remove", "id", put_id, i->id);
	tdelete(i, &r->images, radar_by_id);
	image_free(i);
}

static void container_remove(struct radar *r, struct radar_container *c)
{
	edges_remove(r, c);
	addresses_clear(r, c);
	emit(r, "remove", "id", put_id, c->id);
	tdelete(c, &r->containers, radar_by_id);
	image_leave(r, c);
	r->counters.containers--;
	r->counters.strangers -= c->stranger;
	container_free(c);
}

static struct radar_image *image_get(struct radar *r, const struct container *c)
{
	const char *name = c->image ? c->image : "(no image)";
	char id[RADAR_ID_SIZE];

	snprintf(id, sizeof(id), "image:%s", name);
	struct radar_image *i = radar_find(&r->images, id);
	if (i)
		return i;
	i = calloc(1, sizeof(*i));
	if (!i)
		return NULL;
	int failed = str_set(&i->id, id) | str_set(&i->name, name) |
		str_set(&i->group, c->compose_project ? c->compose_project : c->namespace_);
	if (failed || !tsearch(i, &r->images, radar_by_id)) {
		image_free(i);
		return NULL;
	}
	return i;
}

struct radar_container *radar_container_get(struct radar *r, const char *id, const struct container *c)
{
	struct radar_container *x = radar_find(&r->containers, id);
	if (x)
		return x;
	if (r->counters.containers >= RADAR_CONTAINERS_MAX) {
		r->counters.refused++;
		return NULL;
	}
	x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->image = image_get(r, c);
	x->id = strdup(id);
	if (!x->image || !x->id || !tsearch(x, &r->containers, radar_by_id)) {
		container_free(x);
		return NULL;
	}
	x->next_of_image = x->image->containers;
	x->image->containers = x;
	r->counters.containers++;
	return x;
}

static enum radar_state state_of(const struct container *c)
{
	switch (c->state) {
	case CONTAINER_RUNNING:
		return RADAR_RUNNING;
	case CONTAINER_PAUSED:
		return RADAR_PAUSED;
	case CONTAINER_BLOCKED:
		return RADAR_BLOCKED;
	case CONTAINER_EXITED:
	case CONTAINER_REMOVED:
		return c->blocked_by ? RADAR_BLOCKED : RADAR_EXITED;
	case CONTAINER_UNKNOWN:
	case CONTAINER_CREATED:
	case CONTAINER_STATE_COUNT_:
		break;
	}
	return RADAR_HIDDEN;
}

void radar_set_state(struct radar *r, struct radar_container *x, enum radar_state state, uint64_t now)
{
	static const uint64_t fades[RADAR_STATE_COUNT_] = {[RADAR_BLOCKED] = RADAR_FADE_BLOCKED_NS,
		[RADAR_EXITED] = RADAR_FADE_EXITED_NS, [RADAR_REFUSED] = RADAR_FADE_REFUSED_NS};

	if (!fades[state])
		x->gone = 0;
	else if (!x->gone || state != x->state)
		x->gone = now + fades[state];
	if (x->gone && x->gone < r->fade)
		r->fade = x->gone;
	x->state = state;
}

int radar_container(struct radar *r, const struct container *c, uint64_t now)
{
	enum radar_state state = state_of(c);
	char id[RADAR_ID_SIZE];

	snprintf(id, sizeof(id), "container:%s", c->id ? c->id : "");
	struct radar_container *x = radar_find(&r->containers, id);
	/* What was never seen alive does not come just to fade. */
	if (!c->id || (!x && (state == RADAR_EXITED || state == RADAR_BLOCKED) && c->state != CONTAINER_BLOCKED))
		return 0;
	/* The engine's own word of the end comes after ours: blocked stays blocked. */
	if (x && x->state == RADAR_BLOCKED && state == RADAR_EXITED)
		state = RADAR_BLOCKED;
	/* What a gate refused is there, made and never started, until it fades. */
	if (x && x->state == RADAR_REFUSED && (state == RADAR_EXITED || state == RADAR_HIDDEN))
		state = RADAR_REFUSED;
	x = radar_container_get(r, id, c);
	if (!x)
		return -ENOBUFS;
	bool turned = x->state != state;
	if (x->state == RADAR_HIDDEN && turned && x->edge_count) {
		twalk_r(r->edges, show_edge, x); /* they were seen before it was */
		r->step = now;
	}
	radar_set_state(r, x, state, now);
	x->learning = c->model_state && strcmp(c->model_state, "learning") == 0;
	x->untrusted = (c->trusted && str_has_prefix(c->trusted, "untrusted")) || (state == RADAR_REFUSED && x->untrusted);
	x->privileged = c->privileged;
	if (c->worst > x->worst)
		x->worst = c->worst;
	int failed = str_set(&x->label, c->name ? c->name : c->id);
	if (state != RADAR_REFUSED && (c->blocked_reason || state == RADAR_RUNNING))
		failed |= str_set(&x->reason, state == RADAR_BLOCKED ? c->blocked_reason : NULL);
	failed |= addresses_set(r, x, &c->addresses);
	radar_touch(r, x, turned, now);
	return failed ? -ENOMEM : 0;
}

/* --- connections --- */

static bool in_range(const uint8_t a[16], const char *cidr)
{
	uint8_t net[16], prefix;

	if (parse_cidr(cidr, net, &prefix) < 0)
		return false;
	for (unsigned i = 0; i < prefix; i++)
		if ((a[i / 8] ^ net[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static bool any_range(const uint8_t a[16], const char *const *ranges)
{
	for (; *ranges; ranges++)
		if (in_range(a, *ranges))
			return true;
	return false;
}

static const char *const loopback_ranges[] = {"127.0.0.0/8", "::1", NULL};
static const char *const private_ranges[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
	"100.64.0.0/10", "fc00::/7", "fe80::/10", "224.0.0.0/4", "255.255.255.255", "ff00::/8", NULL};

bool radar_is_private(const char *address)
{
	uint8_t a[16], prefix;

	return parse_cidr(address, a, &prefix) == 0 && (any_range(a, private_ranges) || any_range(a, loopback_ranges));
}

/* "network:10.1.2.0/24" of an address. */
static void network_id(const uint8_t address[16], char *out, size_t size)
{
	uint8_t net[16];
	char text[46];
	bool v4 = in_range(address, "0.0.0.0/0");

	memcpy(net, address, sizeof(net));
	memset(net + (v4 ? 15 : 8), 0, v4 ? 1 : 8);
	snprintf(out, size, "network:%s/%d", address_format(net, text, sizeof(text)), v4 ? 24 : 64);
}

struct target {
	char id[RADAR_ID_SIZE];
	struct radar_container *container;
	const char *country;
};

/* Where an address is; false for what is not worth a line (the container itself, nonsense). */
static bool target_of(struct radar *r, const char *address, struct target *t)
{
	const struct radar_config *c = &r->config;
	uint8_t a[16], prefix;

	*t = (struct target){0};
	if (!address || parse_cidr(address, a, &prefix) < 0 || any_range(a, loopback_ranges))
		return false;
	struct radar_owner *o = radar_find(&r->owners, address);
	t->container = o ? o->container : NULL;
	if (t->container) {
		snprintf(t->id, sizeof(t->id), "%s", t->container->id);
	} else if (c->is_host && c->is_host(c->ctx, address)) {
		snprintf(t->id, sizeof(t->id), "host:%s", c->host);
	} else if (any_range(a, private_ranges)) {
		network_id(a, t->id, sizeof(t->id));
	} else {
		const char *code = c->country ? c->country(c->ctx, address) : NULL;
		t->country = code ? country_code(code) : NULL;
		snprintf(t->id, sizeof(t->id), "internet:%s", t->country ? t->country : "??");
	}
	return true;
}

struct radar_place *radar_place_get(struct radar *r, const char *id)
{
	struct radar_place *p = radar_find(&r->places, id);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (p)
		p->id = strdup(id);
	if (!p || !p->id || !tsearch(p, &r->places, radar_by_id)) {
		if (p)
			place_free(p);
		return NULL;
	}
	emit(r, "node", "node", put_place, p);
	return p;
}

static struct radar_edge *edge_new(struct radar *r, struct radar_container *x, const struct target *t,
	const struct edge *e, const char *id)
{
	bool inbound = e->direction == DIRECTION_INBOUND;
	struct radar_edge *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->owner = x;
	n->proto = e->proto;
	n->port = e->port;
	n->country = t->country;
	n->first = e->first;
	int failed = str_set(&n->id, id) | str_set(&n->from, inbound ? t->id : x->id) |
		str_set(&n->to, inbound ? x->id : t->id) | str_set(&n->process, e->process);
	if (!failed && !t->container) {
		n->place = radar_place_get(r, t->id);
		failed |= !n->place;
	}
	if (failed || !tsearch(n, &r->edges, radar_by_id)) {
		edge_free(n);
		return NULL;
	}
	if (n->place)
		n->place->uses++;
	x->edge_count++;
	r->counters.edges++;
	return n;
}

/* Counters come absolute for each address: an edge is the sum of its addresses. */
static void edge_add(struct radar_edge *n, const struct edge *e)
{
	uint64_t bytes = e->bytes_sent + e->bytes_received;
	uint32_t i = 0;

	while (i < n->address_count && strcmp(n->addresses[i].text, e->address) != 0)
		i++;
	if (i == n->address_count) {
		char *text = i < RADAR_ADDRESSES_MAX ? strdup(e->address) : NULL;
		if (!text) { /* past the cap: counted as seen once more */
			n->count++;
			return;
		}
		n->addresses[n->address_count++] = (struct radar_address){.text = text};
	}
	struct radar_address *a = &n->addresses[i];
	n->count += e->count > a->count ? e->count - a->count : 0;
	n->bytes += bytes > a->bytes ? bytes - a->bytes : 0;
	a->count = e->count;
	a->bytes = bytes;
}

int radar_edge(struct radar *r, const struct edge *e, uint64_t now)
{
	char id[EDGE_ID_SIZE];
	struct target t;

	snprintf(id, sizeof(id), "container:%s", e->container ? e->container : "");
	struct radar_container *x = radar_find(&r->containers, id);
	if (!x || e->direction == DIRECTION_LISTEN || !target_of(r, e->address, &t) || t.container == x)
		return 0;
	/* Between two containers the one that connects tells it; the other side would say it again. */
	if (t.container && e->direction == DIRECTION_INBOUND)
		return 0;
	snprintf(id, sizeof(id), "%s>%s/%s/%u/%.900s%s", x->id, t.id, enum_name(&proto_names, (int)e->proto), e->port,
		e->process ? e->process : "", e->direction == DIRECTION_INBOUND ? "/in" : "");
	struct radar_edge *n = radar_find(&r->edges, id);
	bool fresh = !n;
	if (!n) {
		if (x->edge_count >= RADAR_EDGES_PER_CONTAINER) {
			r->counters.refused++;
			return -ENOBUFS;
		}
		n = edge_new(r, x, &t, e, id);
		if (!n)
			return -ENOMEM;
	}
	bool stronger = e->effect > n->effect;
	edge_add(n, e);
	n->effect = stronger ? e->effect : n->effect;
	n->last = e->last > n->last ? e->last : n->last;
	n->first = e->first && e->first < n->first ? e->first : n->first;
	if (e->domain)
		str_set(&n->domain, e->domain);
	touch_edge(r, n, fresh || stronger, now);
	if (!x->internet && str_has_prefix(t.id, "internet:")) {
		x->internet = true;
		radar_touch(r, x, false, now);
	}
	return 0;
}

/* --- findings --- */

int radar_audit(struct radar *r, const struct audit *a, uint64_t now)
{
	char id[RADAR_ID_SIZE];

	if (radar_is_refusal(a))
		return radar_refuse(r, a, now);
	snprintf(id, sizeof(id), "container:%s", a->container.id ? a->container.id : "");
	struct radar_container *x = radar_find(&r->containers, id);
	if (!x)
		return 0;
	/* A command that was denied says nothing of the container that it was meant for. */
	bool worse = a->severity > x->worst, blocked = a->done == DONE_BLOCK && a->kind != AUDIT_ACCESS;
	if (worse)
		x->worst = a->severity;
	if (blocked && str_set(&x->reason, a->message) < 0)
		return -ENOMEM;
	if (blocked && x->state != RADAR_BLOCKED)
		radar_set_state(r, x, RADAR_BLOCKED, now);
	else if (!worse && !blocked)
		return 0;
	radar_touch(r, x, true, now);
	return 0;
}

void radar_incident(struct radar *r, const char *container, bool open, uint64_t now)
{
	char id[RADAR_ID_SIZE];

	snprintf(id, sizeof(id), "container:%s", container ? container : "");
	struct radar_container *x = radar_find(&r->containers, id);
	if (!x || x->incident == open)
		return;
	x->incident = open;
	radar_touch(r, x, true, now);
}

/* --- time --- */

struct step {
	struct radar *r;
	uint64_t now, next_fade;
	struct radar_container *faded[64];
	size_t faded_count;
};

static void step_container(const void *node, VISIT which, void *ctx)
{
	struct radar_container *c = *(struct radar_container *const *)node;
	struct step *s = ctx;

	if (which != postorder && which != leaf)
		return;
	if (c->dirty) {
		c->dirty = false;
		emit(s->r, "node", "node", put_container, c);
	}
	if (!c->gone)
		return;
	if (c->gone <= s->now && s->faded_count < ARRAY_SIZE(s->faded))
		s->faded[s->faded_count++] = c;
	else if (c->gone < s->next_fade)
		s->next_fade = c->gone;
}

static void step_image(const void *node, VISIT which, void *ctx)
{
	struct radar_image *i = *(struct radar_image *const *)node;

	if ((which != postorder && which != leaf) || !i->dirty)
		return;
	i->dirty = false;
	emit(((struct step *)ctx)->r, "node", "node", put_image, i);
}

static void step_edge(const void *node, VISIT which, void *ctx)
{
	struct radar_edge *e = *(struct radar_edge *const *)node;

	if ((which != postorder && which != leaf) || !e->dirty)
		return;
	e->dirty = false;
	emit(((struct step *)ctx)->r, "edge", "edge", put_edge, e);
}

uint64_t radar_due(const struct radar *r)
{
	return r->step < r->fade ? r->step : r->fade;
}

uint64_t radar_tick(struct radar *r, uint64_t now)
{
	struct step s = {.r = r, .now = now, .next_fade = UINT64_MAX};

	if (now < radar_due(r))
		return radar_due(r);
	twalk_r(r->images, step_image, &s);
	twalk_r(r->containers, step_container, &s);
	twalk_r(r->edges, step_edge, &s);
	for (size_t i = 0; i < s.faded_count; i++)
		container_remove(r, s.faded[i]);
	r->step = UINT64_MAX;
	r->fade = s.next_fade;
	return radar_due(r);
}

struct radar_counters radar_counters(const struct radar *r)
{
	return r->counters;
}
