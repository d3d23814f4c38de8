/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes and edges of the Radar as JSON: see docs/api.md. */
#include <search.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "console/countries.h"
#include "console/radar_internal.h"
#include "policy/image.h"

#define CONTAINERS_OF_IMAGE_MAX 500 /* listed in the image's node; "total" has the number of all */

static const char *const state_names[RADAR_STATE_COUNT_] = {"", "running", "paused", "blocked", "exited", "refused"};

static void put_member(struct buf *out, const char *key, const char *value)
{
	json_put_key(out, key);
	json_put_str(out, value);
}

static void put_number(struct buf *out, const char *key, uint64_t value)
{
	json_put_key(out, key);
	buf_printf(out, "%llu", (unsigned long long)value);
}

static void put_time(struct buf *out, const char *key, uint64_t value)
{
	char text[TIME_TEXT_SIZE];

	put_member(out, key, value ? time_format(value, text, sizeof(text)) : NULL);
}

static const char *color_of(enum radar_state state, enum severity worst, bool incident)
{
	static const char *const by_severity[] = {"green", "green", "yellow", "orange", "red"};

	if (state == RADAR_BLOCKED || state == RADAR_REFUSED)
		return "red";
	if (state == RADAR_EXITED)
		return "grey";
	if (incident && worst < SEVERITY_HIGH)
		return "orange";
	return by_severity[worst < SEVERITY_COUNT_ ? worst : SEVERITY_CRITICAL];
}

struct flags {
	bool incident, learning, untrusted, internet, privileged;
};

static void put_badges(struct buf *out, const struct flags *f)
{
	json_put_key(out, "badges");
	buf_putc(out, '[');
	const struct {
		bool on;
		const char *name;
	} badges[] = {{f->incident, "incident"}, {f->learning, "learning"}, {f->untrusted, "untrusted"},
		{f->internet, "internet"}, {f->privileged, "privileged"}};
	for (size_t i = 0; i < ARRAY_SIZE(badges); i++)
		if (badges[i].on) {
			json_put_sep(out);
			json_put_str(out, badges[i].name);
		}
	buf_putc(out, ']');
}

static const char *severity_or_null(enum severity s)
{
	return s ? enum_name(&severity_names, (int)s) : NULL;
}

/* An image shows the state that a person must see first. */
static enum radar_state stronger(enum radar_state a, enum radar_state b)
{
	static const int rank[RADAR_STATE_COUNT_] = {[RADAR_HIDDEN] = 0, [RADAR_EXITED] = 1, [RADAR_REFUSED] = 2,
		[RADAR_PAUSED] = 3, [RADAR_RUNNING] = 4, [RADAR_BLOCKED] = 5};

	return rank[b] > rank[a] ? b : a;
}

void radar_put_image(const struct radar_image *i, struct buf *out)
{
	enum radar_state state = RADAR_HIDDEN;
	enum severity worst = SEVERITY_NONE;
	const char *reason = NULL;
	struct flags f = {0};
	uint32_t total = 0;
	char label[IMAGE_NAME_MAX];

	buf_putc(out, '{');
	put_member(out, "id", i->id);
	put_member(out, "kind", "image");
	put_member(out, "label", image_familiar(i->name, label, sizeof(label)));
	put_member(out, "group", i->group);
	json_put_key(out, "containers");
	buf_putc(out, '[');
	for (const struct radar_container *c = i->containers; c; c = c->next_of_image) {
		if (c->state == RADAR_HIDDEN)
			continue;
		state = stronger(state, c->state);
		worst = c->worst > worst ? c->worst : worst;
		reason = reason ? reason : c->reason;
		f.incident |= c->incident;
		f.learning |= c->learning;
		f.untrusted |= c->untrusted;
		f.internet |= c->internet;
		f.privileged |= c->privileged;
		if (total++ >= CONTAINERS_OF_IMAGE_MAX)
			continue;
		json_put_sep(out);
		buf_putc(out, '{');
		put_member(out, "id", c->stranger ? c->id : c->id + strlen("container:"));
		put_member(out, "name", c->label);
		put_member(out, "state", state_names[c->state]);
		buf_putc(out, '}');
	}
	buf_putc(out, ']');
	put_number(out, "total", total);
	put_member(out, "state", state_names[state ? state : RADAR_EXITED]);
	put_member(out, "color", color_of(state, worst, f.incident));
	put_badges(out, &f);
	put_member(out, "country", NULL);
	put_member(out, "reason", reason);
	put_member(out, "worst", severity_or_null(worst));
	buf_putc(out, '}');
}

void radar_put_container(const struct radar_container *c, struct buf *out)
{
	struct flags f = {c->incident, c->learning, c->untrusted, c->internet, c->privileged};

	buf_putc(out, '{');
	put_member(out, "id", c->id);
	put_member(out, "kind", "container");
	put_member(out, "parent", c->image->id);
	put_member(out, "label", c->label);
	put_member(out, "state", state_names[c->state]);
	put_member(out, "color", color_of(c->state, c->worst, c->incident));
	put_badges(out, &f);
	put_member(out, "reason", c->reason);
	put_member(out, "worst", severity_or_null(c->worst));
	buf_putc(out, '}');
}

void radar_put_place(const struct radar_place *p, struct buf *out)
{
	const char *name = strchr(p->id, ':') + 1;
	bool internet = str_has_prefix(p->id, "internet:");
	bool known = internet && strcmp(name, "??") != 0;

	buf_putc(out, '{');
	put_member(out, "id", p->id);
	put_member(out, "kind", internet ? "internet" : str_has_prefix(p->id, "host:") ? "host" : "service");
	put_member(out, "label", !internet ? name : known ? country_name(name) : "Internet");
	put_member(out, "country", known ? name : NULL);
	if (p->critical) {
		put_member(out, "color", "red");
		json_put_key(out, "badges");
		buf_puts(out, p->open_tcp ? "[\"compliance\",\"daemon on open TCP\"]" : "[\"compliance\"]");
		put_member(out, "reason", p->reason);
		put_member(out, "worst", "critical");
	}
	buf_putc(out, '}');
}

void radar_put_edge(const struct radar_edge *e, struct buf *out)
{
	buf_putc(out, '{');
	put_member(out, "id", e->id);
	put_member(out, "from", e->from);
	put_member(out, "to", e->to);
	put_member(out, "proto", enum_name(&proto_names, (int)e->proto));
	put_number(out, "port", e->port);
	put_member(out, "process", e->process);
	put_number(out, "count", e->count);
	put_number(out, "bytes", e->bytes);
	put_time(out, "first", e->first);
	put_time(out, "last", e->last);
	put_member(out, "effect", e->effect == EFFECT_DISABLE ? "allow" : enum_name(&effect_names, (int)e->effect));
	put_member(out, "domain", e->domain);
	put_member(out, "country", e->country);
	json_put_key(out, "addresses");
	buf_putc(out, '[');
	for (uint32_t i = 0; i < e->address_count; i++) {
		json_put_sep(out);
		json_put_str(out, e->addresses[i].text);
	}
	buf_puts(out, "]}");
}

/* --- the whole --- */

static bool is_visible(const struct radar_image *i)
{
	for (const struct radar_container *c = i->containers; c; c = c->next_of_image)
		if (c->state != RADAR_HIDDEN)
			return true;
	return false;
}

static void visit_image(const void *node, VISIT which, void *out)
{
	const struct radar_image *i = *(struct radar_image *const *)node;

	if ((which != postorder && which != leaf) || !is_visible(i))
		return;
	json_put_sep(out);
	radar_put_image(i, out);
}

static void visit_container(const void *node, VISIT which, void *out)
{
	const struct radar_container *c = *(struct radar_container *const *)node;

	if ((which != postorder && which != leaf) || c->state == RADAR_HIDDEN)
		return;
	json_put_sep(out);
	radar_put_container(c, out);
}

static void visit_place(const void *node, VISIT which, void *out)
{
	if (which != postorder && which != leaf)
		return;
	json_put_sep(out);
	radar_put_place(*(struct radar_place *const *)node, out);
}

static void visit_edge(const void *node, VISIT which, void *out)
{
	const struct radar_edge *e = *(struct radar_edge *const *)node;

	if ((which != postorder && which != leaf) || e->owner->state == RADAR_HIDDEN)
		return;
	json_put_sep(out);
	radar_put_edge(e, out);
}

void radar_json(const struct radar *r, struct buf *out)
{
	json_put_key(out, "nodes");
	buf_putc(out, '[');
	twalk_r(r->images, visit_image, out);
	twalk_r(r->containers, visit_container, out);
	twalk_r(r->places, visit_place, out);
	buf_puts(out, "],\"edges\":[");
	twalk_r(r->edges, visit_edge, out);
	buf_putc(out, ']');
}
