/* SPDX-License-Identifier: Apache-2.0 */
/* seawall drill: the command, the reports and the waiting. The stories are in drill_*.c. */
#include "ctl/drill.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"
#include "ctl/output.h"

#define WAIT_POLL_MS 10

static const struct drill_row *const drills[] = {&drill_graboid, &drill_miner};

static const char *const gate_names[] = {"none", "runtime", "access", "trust", "vulnerability"};
_Static_assert(ARRAY_SIZE(gate_names) == GATE_COUNT_, "one name for each gate");

static const char quiet_policy[] = "version: 1\n";

uint64_t drill_ms(const struct drill *d)
{
	return (time_monotonic() - d->began) / NSEC_PER_MSEC;
}

static void report_json(const struct drill_step *s)
{
	struct buf b = BUF_INIT(64 << 10);

	buf_puts(&b, "{\"step\":");
	json_put_str(&b, s->step);
	buf_puts(&b, ",\"did\":");
	json_put_str(&b, s->did);
	buf_puts(&b, ",\"expected\":");
	json_put_str(&b, s->expected);
	buf_puts(&b, ",\"saw\":");
	json_put_str(&b, s->saw);
	buf_printf(&b, ",\"ms\":%lu,\"passed\":%s}\n", (unsigned long)s->ms,
		s->passed ? "true" : "false");
	if (!b.failed)
		fwrite(b.data, 1, b.len, stdout);
	buf_done(&b);
}

void drill_report(struct drill *d, struct drill_step *s)
{
	d->steps++;
	d->failed = d->failed || !s->passed;
	if (d->call->json) {
		report_json(s);
	} else {
		printf("%s%2d %s%s  %s\n", tint(TINT_BOLD), d->steps, s->step, tint(TINT_NONE),
			s->did);
		printf("   expected  %s\n   saw       ", s->expected);
		print_text(s->saw);
		printf("\n   %s%s%s after %lu ms\n", tint(s->passed ? TINT_GREEN : TINT_RED),
			s->passed ? "as expected" : "NOT as expected", tint(TINT_NONE),
			(unsigned long)s->ms);
	}
	fflush(stdout);
}

int drill_wait(struct drill *d, const char *path, unsigned ms, drill_found_fn *found, void *ctx,
	struct reply *ret)
{
	uint64_t deadline = time_monotonic() + ms * NSEC_PER_MSEC;
	struct diag diag = {0};

	for (;;) {
		reply_done(ret);
		int r = client_ask(d->stage.client, &(struct request){.path = path}, ret, &diag);
		if (r == 0 && ret->status == 200 && found(ctx, ret->json))
			return 0;
		if (stage_interrupted())
			return -EINTR;
		if (time_monotonic() > deadline)
			return -ETIMEDOUT;
		poll(NULL, 0, WAIT_POLL_MS);
	}
}

int drill_close_gate(struct drill *d, struct diag *reterr)
{
	if (d->gate == GATE_TRUST)
		return stage_gate(&d->stage, STAGE_SHIM, reterr);
	return d->gate == GATE_ACCESS ? stage_gate(&d->stage, STAGE_AUTHZ, reterr) : 0;
}

static bool has_item(void *ctx, const struct json *answer)
{
	const struct json **ret = ctx;

	/* The newest come first: the last is the one it began with. */
	*ret = NULL;
	for (const struct json *i = json_first(json_get(answer, "items")); i; i = json_next(i))
		*ret = i;
	return *ret != NULL;
}

int drill_wait_item(struct drill *d, const char *path, unsigned ms, struct reply *ret,
	const struct json **ret_item)
{
	return drill_wait(d, path, ms, has_item, ret_item, ret);
}

struct wanted_container {
	const char *image;
	int nth; /* in the order of creation, from 0 */
	char id[65];
};

static bool has_container(void *ctx, const struct json *answer)
{
	struct wanted_container *w = ctx;
	const struct json *found[8];
	int n = 0;

	for (const struct json *i = json_first(json_get(answer, "items")); i && n < 8;
		i = json_next(i))
		if (strstr(json_get_str(i, "image", ""), w->image))
			found[n++] = i;
	if (n <= w->nth)
		return false;
	/* Few enough to look for the n-th oldest by counting older ones; RFC 3339 sorts as text. */
	for (int a = 0; a < n; a++) {
		int older = 0;
		for (int b = 0; b < n; b++)
			older += strcmp(json_get_str(found[b], "created", ""),
					 json_get_str(found[a], "created", "")) < 0;
		if (older == w->nth)
			snprintf(w->id, sizeof(w->id), "%s", json_get_str(found[a], "id", ""));
	}
	return w->id[0];
}

int drill_wait_container(struct drill *d, const char *image, int nth, unsigned ms, char ret_id[65])
{
	CLEANUP(reply_done) struct reply reply = {0};
	struct wanted_container w = {.image = image, .nth = nth};
	int r = drill_wait(d, "/containers?all=1", ms, has_container, &w, &reply);

	snprintf(ret_id, 65, "%s", w.id);
	return r;
}

static void say_table(const struct drill *d, const struct drill_row *row)
{
	printf("\n%s%-14s %-28s %s%s\n", tint(TINT_BOLD), "GATE", "WOULD STOP IT AT", "THIS TIME",
		tint(TINT_NONE));
	for (int g = GATE_RUNTIME; g < GATE_COUNT_; g++) {
		const struct gate_row *gate = &row->gates[g];
		const char *what = !gate->built	       ? "not built yet"
				   : g != (int)d->gate ? "off"
				   : d->stopped	       ? ""
						       : "DID NOT STOP IT";
		printf("%-14s %-28s %s%s%s\n", gate->name, gate->would, what,
			*what ? "" : "stopped it: ", *what ? "" : d->stopped_at);
	}
}

static int play(struct drill *d, const struct drill_row *row)
{
	struct diag diag = {0};

	fprintf(stderr,
		"setting the stage: a network of documentation addresses, %d throw-away Docker "
		"engine%s, a Seawall with %s%s\n",
		row->hosts, row->hosts == 1 ? "" : "s",
		d->gate == GATE_NONE ? "every gate off" : "only this gate on: ",
		d->gate == GATE_NONE ? "" : gate_names[d->gate]);
	int r = stage_open(&d->stage, row->hosts, &diag);
	if (r == 0)
		r = stage_protect(
			&d->stage, row->policies[d->gate] ? row->policies[d->gate] : quiet_policy, &diag);
	if (r == 0) {
		d->began = time_monotonic();
		r = row->run(d, &diag);
	}
	if (r == -EINTR)
		fprintf(stderr, "\ninterrupted: taking the stage down\n");
	else if (r < 0)
		cannot(&diag);
	stage_close(&d->stage);
	if (r < 0)
		return CTL_CANNOT;
	if (!d->call->json)
		say_table(d, row);
	return d->stopped && !d->failed ? CTL_DONE : CTL_NO;
}

static int list(const struct call *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(drills); i++) {
		if (c->json)
			printf("{\"name\":\"%s\",\"help\":\"%s\"}\n", drills[i]->name,
				drills[i]->help);
		else
			printf("%-14s %s\n", drills[i]->name, drills[i]->help);
	}
	return CTL_DONE;
}

static const struct drill_row *find_drill(const char *name)
{
	const char *names[ARRAY_SIZE(drills)];

	for (size_t i = 0; i < ARRAY_SIZE(drills); i++) {
		names[i] = drills[i]->name;
		if (strcmp(names[i], name) == 0)
			return drills[i];
	}
	const char *near = word_nearest(name, names, ARRAY_SIZE(drills));
	cannot_say("there is no drill '%s'%s%s%s; see 'seawall drill --list'", name,
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return NULL;
}

static int take_gate(const char *name, enum gate *ret)
{
	for (int g = 0; g < GATE_COUNT_; g++)
		if (strcmp(gate_names[g], name) == 0) {
			*ret = (enum gate)g;
			return CTL_DONE;
		}
	return cannot_say(
		"there is no gate '%s' (expected runtime, access, trust, vulnerability or none)",
		name);
}

int cmd_drill(struct call *c)
{
	static struct drill d;
	const char *gate = call_value(c, "gate"), *engine = call_value(c, "engine");

	if (call_flag(c, "list"))
		return list(c);
	if (!c->arg_count)
		return cannot_say("which drill? 'seawall drill --list' names them");
	const struct drill_row *row = find_drill(c->args[0]);
	if (!row || take_gate(gate ? gate : "runtime", &d.gate) != CTL_DONE)
		return CTL_CANNOT;
	if (engine && strcmp(engine, "docker") != 0)
		return cannot_say(
			"drills with the engine '%s' are not built yet (expected docker)", engine);
	if (d.gate != GATE_NONE && !row->gates[d.gate].built)
		return cannot_say("the %s gate is not built yet", gate_names[d.gate]);
	if (geteuid() != 0)
		return cannot_say("a drill needs root: it starts engines of its own");
	d.call = c;
	return play(&d, row);
}
