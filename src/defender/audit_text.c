/* SPDX-License-Identifier: Apache-2.0 */
/* Words: see audit_text.h. Control characters of containers are escaped where text leaves (JSON, log). */
#include "defender/audit_text.h"

#include <string.h>

#include "base/buf.h"
#include "defender/event.h"

static void put_actor(const struct event *e, struct buf *out)
{
	if (e->path)
		buf_puts(out, e->path);
	else
		buf_puts(out, "a process");
	if (e->pid)
		buf_printf(out, " (pid %u)", e->pid);
}

static void put_target(const struct event *e, struct buf *out)
{
	bool v6 = e->address && strchr(e->address, ':');

	buf_printf(out, v6 ? "[%s]:%u" : "%s:%u", e->address ? e->address : "?", e->port);
}

/* The connection that its input and output lead to; the sign is the name of the process that has it. */
static void put_tie(const struct outcome *o, const struct event *e, struct buf *out)
{
	if (!e->port) { /* another process of the chain has it */
		buf_puts(out, "input and output tied to the network: ");
		return;
	}
	buf_puts(out, e->direction == DIRECTION_INBOUND	 ? "input and output accepted from "
		      : e->direction == DIRECTION_LISTEN ? "input and output of a listener at "
							 : "input and output connected to ");
	if (e->direction == DIRECTION_INBOUND)
		buf_printf(out, "%s at port %u", e->address ? e->address : "?", e->port);
	else
		put_target(e, out);
	if (o->sign[0])
		buf_printf(out, " by '%s'", o->sign);
	buf_puts(out, ": ");
}

static void put_sign(const struct outcome *o, const struct event *e, struct buf *out)
{
	if (o->phrase) {
		buf_printf(out, "%s of ", o->sign);
		put_actor(e, out);
		return;
	}
	switch (o->evidence) {
	case EVIDENCE_NAME:
		buf_printf(out, "name '%s' of ", o->sign);
		break;
	case EVIDENCE_ARGV:
		buf_printf(out, "argument '%s' of ", o->sign);
		break;
	case EVIDENCE_STRATUM:
		buf_printf(out, "stratum '%s' to ", o->sign);
		put_target(e, out);
		buf_puts(out, " by ");
		break;
	case EVIDENCE_ADDRESS:
	case EVIDENCE_PORT:
		buf_puts(out, "connection to ");
		put_target(e, out);
		buf_puts(out, " by ");
		break;
	case EVIDENCE_SYSCALL:
		buf_printf(out, "system call '%s'%s of ", o->sign, e->refused ? ", which the kernel refused," : "");
		break;
	case EVIDENCE_DESCRIPTOR:
		put_tie(o, e, out);
		break;
	case EVIDENCE_BEHAVIOUR:
		if (!e->scan)
			break;
		buf_printf(out, "%s, lastly ", o->sign);
		put_target(e, out);
		buf_puts(out, ", by ");
		break;
	default:
		if (e->type == EVENT_CONNECT && e->file)
			buf_printf(out, "'%s' by ", e->file);
		break;
	}
	put_actor(e, out);
	if (o->evidence == EVIDENCE_ARGV && e->address) {
		buf_puts(out, " connecting to ");
		put_target(e, out);
	}
}

/* "Crypto miner" within a sentence; "SUID program" stays. */
static void put_title(enum detection id, struct buf *out)
{
	const struct detection_info *info = detection_info(id);
	const char *title = info ? info->title : enum_name(&detection_names, id);
	bool word = title[0] >= 'A' && title[0] <= 'Z' && title[1] >= 'a' && title[1] <= 'z';

	buf_putc(out, word ? (char)(title[0] - 'A' + 'a') : title[0]);
	buf_puts(out, title + (title[0] != 0));
}

static void put_reason(const struct outcome *o, const struct event *e, bool technique, struct buf *out)
{
	const struct detection_info *info = detection_info(o->detection);

	if (o->again)
		buf_puts(out, "started again after it was blocked for ");
	put_title(o->detection, out);
	if (technique && info && info->technique)
		buf_printf(out, " (%s)", info->technique);
	buf_puts(out, ": ");
	if (o->again)
		put_actor(e, out);
	else
		put_sign(o, e, out);
}

static const char *finish(struct buf *b, char *out, size_t size)
{
	/* Too long for the buffer: what fits is kept, and it is a string either way. */
	out[b->len < size ? b->len : size - 1] = 0;
	return out;
}

const char *audit_text_reason(const struct outcome *o, const struct event *e, char *out, size_t size)
{
	struct buf b = BUF_FIXED((uint8_t *)out, size);

	put_reason(o, e, false, &b);
	return finish(&b, out, size);
}

const char *audit_text_message(const struct outcome *o, const struct event *e, char *out, size_t size)
{
	struct buf b = BUF_FIXED((uint8_t *)out, size);

	if (o->done == DONE_BLOCK || o->done == DONE_PREVENT) {
		buf_printf(&b, "[Seawall] %s blocked by rule '%s': ", o->done == DONE_BLOCK ? "container" : "command", o->rule);
		put_reason(o, e, false, &b);
	} else {
		put_reason(o, e, true, &b);
		buf_printf(&b, ", rule '%s'", o->rule);
		if (o->effect > EFFECT_ALERT)
			buf_printf(&b, " (effect %s)", enum_name(&effect_names, o->effect));
	}
	if (o->note[0])
		buf_printf(&b, "; %s", o->note);
	return finish(&b, out, size);
}
