/* SPDX-License-Identifier: Apache-2.0 */
/* Judges one event by one rule: see policy.h. */
#include <netinet/in.h>
#include <string.h>

#include "base/parse.h"
#include "base/pattern.h"
#include "bpf/destinations.h"
#include "policy/calls.h"
#include "policy/miner.h"
#include "policy/policy.h"

/* The word for a sign in messages: "argument 'stratum+tcp://'". */
static const char *sign_word(enum evidence e)
{
	switch ((int)e) {
	case EVIDENCE_NAME:
		return "name";
	case EVIDENCE_ARGV:
		return "argument";
	case EVIDENCE_STRATUM:
		return "stratum message";
	default:
		return "sign";
	}
}

/* Keeps the stronger effect; of equals the detection that comes first in its enum. */
static void offer(struct verdict *best, const struct runtime_rule *rule, const struct verdict *v)
{
	enum effect effect = rule->effects[v->detection];

	if (effect == EFFECT_DISABLE || effect < best->effect)
		return;
	if (effect == best->effect && best->detection && best->detection <= v->detection)
		return;
	bool suspect = best->suspect;
	*best = *v;
	best->effect = effect;
	best->suspect = suspect;
}

static const char *list_match(const struct str_list *patterns, const char *text)
{
	for (uint32_t i = 0; text && i < patterns->count; i++)
		if (pattern_match(patterns->items[i], text, false))
			return patterns->items[i];
	return NULL;
}

static void offer_miner(
	struct verdict *best, const struct runtime_rule *rule, const struct miner_finding *f)
{
	struct verdict v = {.detection = DETECTION_CRYPTO_MINER, .evidence = f->evidence};

	snprintf(v.reason, sizeof(v.reason), "%s '%s'", sign_word(f->evidence), f->sign);
	offer(best, rule, &v);
}

/* The detections that have something to say about this exec, in the order of their enum. */
static void offer_file(struct verdict *best, const struct runtime_rule *rule, const struct event *e)
{
	static const enum detection by_origin[ORIGIN_COUNT_] = {DETECTION_NONE, DETECTION_NEW_BINARY,
		DETECTION_MODIFIED_BINARY, DETECTION_FILELESS_EXEC};
	struct verdict v = {.detection = by_origin[e->origin], .evidence = EVIDENCE_FILE};
	const char *client;

	snprintf(v.reason, sizeof(v.reason), "file '%.140s'", e->path);
	if (v.detection)
		offer(best, rule, &v);
	if (e->borrowed_rights) {
		v.detection = DETECTION_SUID_EXEC;
		offer(best, rule, &v);
	}
	if (miner_table_client(e->path, &client)) {
		v = (struct verdict){.detection = DETECTION_ENGINE_CLIENT, .evidence = EVIDENCE_NAME};
		snprintf(v.reason, sizeof(v.reason), "name '%.140s'", client);
		offer(best, rule, &v);
	}
}

/* An accepted connection is what a server started by inetd has too: there only a shell is one. */
static void offer_tie(struct verdict *best, const struct runtime_rule *rule, const struct event *e)
{
	struct verdict v = {.detection = DETECTION_REVERSE_SHELL, .evidence = EVIDENCE_DESCRIPTOR};
	const char *how = "connected to";

	if (e->direction == DIRECTION_INBOUND && miner_table_shell(e->path, &e->args)) {
		v.detection = DETECTION_BIND_SHELL;
		how = "accepted from";
	} else if (e->direction != DIRECTION_OUTBOUND) {
		return;
	}
	snprintf(v.reason, sizeof(v.reason), "input and output %s %.64s", how, e->address ? e->address : "the network");
	offer(best, rule, &v);
}

static struct verdict match_exec(const struct runtime_rule *rule, const struct event *e)
{
	struct verdict best = {0};

	if (!e->path || list_match(&rule->allowed, e->path))
		return best;
	struct miner_finding miner = miner_judge_exec(e->path, &e->args);
	if (miner.judgement == MINER_YES)
		offer_miner(&best, rule, &miner);
	best.suspect = miner.judgement == MINER_SUSPECT &&
		       rule->effects[DETECTION_CRYPTO_MINER] != EFFECT_DISABLE;
	offer_tie(&best, rule, e);
	offer_file(&best, rule, e);
	if (list_match(&rule->processes.paths, e->path)) {
		struct verdict v = {
			.detection = DETECTION_DENIED_PROCESS, .evidence = EVIDENCE_PATH};

		snprintf(v.reason, sizeof(v.reason), "path '%.140s'", e->path);
		offer(&best, rule, &v);
	}
	return best;
}

bool address_range_holds(const struct address_range *range, const uint8_t address[16])
{
	unsigned whole = range->prefix / 8, rest = range->prefix % 8;

	if (memcmp(range->address, address, whole) != 0)
		return false;
	return rest == 0 ||
	       ((range->address[whole] ^ address[whole]) & (0xff00u >> rest) & 0xff) == 0;
}

/* What a destination means by itself: the kernel asks the same header. */
static void offer_destination(struct verdict *best, const struct runtime_rule *rule, const struct event *e,
	const uint8_t address[16])
{
	static const struct {
		uint32_t bit;
		enum detection detection;
		enum evidence evidence;
	} rows[] = {
		{DESTINATION_LATERAL, DETECTION_LATERAL_MOVEMENT, EVIDENCE_PORT},
		{DESTINATION_METADATA, DETECTION_CLOUD_METADATA, EVIDENCE_ADDRESS},
		{DESTINATION_KUBE_API, DETECTION_KUBE_API, EVIDENCE_PORT},
	};
	uint32_t found = destination_classify(address, (uint16_t)e->port, e->proto == PROTO_TCP ? IPPROTO_TCP : IPPROTO_UDP);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct verdict v = {.detection = rows[i].detection, .evidence = rows[i].evidence};

		if (!(found & rows[i].bit))
			continue;
		if (v.evidence == EVIDENCE_PORT)
			snprintf(v.reason, sizeof(v.reason), "port %u", e->port);
		else
			snprintf(v.reason, sizeof(v.reason), "address %.64s", e->address);
		offer(best, rule, &v);
	}
}

static struct verdict match_connect(const struct runtime_rule *rule, const struct event *e)
{
	struct verdict best = {0};
	uint8_t address[16], prefix;
	bool known = e->address && !strchr(e->address, '/') &&
		     parse_cidr(e->address, address, &prefix) == 0;

	if (known)
		offer_destination(&best, rule, e, address);
	if (e->scan) {
		struct verdict v = {.detection = DETECTION_PORT_SCAN, .evidence = EVIDENCE_BEHAVIOUR, .reason = "many closed ports"};

		offer(&best, rule, &v);
	}
	for (uint32_t i = 0; i < rule->network.port_count; i++) {
		const struct port_range *p = &rule->network.ports[i];
		struct verdict v = {.detection = DETECTION_DENIED_PORT, .evidence = EVIDENCE_PORT};

		if (e->port < p->from || e->port > p->to)
			continue;
		snprintf(v.reason, sizeof(v.reason), "port %u", e->port);
		offer(&best, rule, &v);
	}
	for (uint32_t i = 0; known && i < rule->network.address_count; i++) {
		struct verdict v = {
			.detection = DETECTION_DENIED_ADDRESS, .evidence = EVIDENCE_ADDRESS};

		if (!address_range_holds(&rule->network.addresses[i], address))
			continue;
		snprintf(v.reason, sizeof(v.reason), "address %.64s", e->address);
		offer(&best, rule, &v);
	}
	return best;
}

static struct verdict match_call(const struct runtime_rule *rule, const struct event *e)
{
	const struct policy_call *call = policy_call_of(e->syscall);
	struct verdict best = {0}, v = {.evidence = EVIDENCE_SYSCALL};

	if (!call)
		return best;
	v.detection = call->detection;
	snprintf(v.reason, sizeof(v.reason), "system call '%s'", call->name);
	offer(&best, rule, &v);
	return best;
}

/* Sockets: an engine's, told by its name where the kernel saw who listens; raw ones. */
static struct verdict match_socket(const struct runtime_rule *rule, const struct event *e)
{
	struct verdict best = {0}, v = {.detection = DETECTION_RAW_SOCKET, .evidence = EVIDENCE_BEHAVIOUR, .reason = "raw socket"};

	if (e->type == EVENT_CONNECT) {
		v = (struct verdict){.detection = DETECTION_ENGINE_SOCKET, .evidence = EVIDENCE_PATH};
		snprintf(v.reason, sizeof(v.reason), "socket '%.140s'", e->file);
	}
	offer(&best, rule, &v);
	return best;
}

struct verdict policy_match_event(const struct runtime_rule *rule, const struct event *e)
{
	if (rule && e->type == EVENT_EXEC)
		return match_exec(rule, e);
	if (rule && (e->type == EVENT_SOCKET || (e->type == EVENT_CONNECT && e->file)))
		return match_socket(rule, e);
	if (rule && e->type == EVENT_CONNECT)
		return match_connect(rule, e);
	if (rule && e->type == EVENT_SYSCALL)
		return match_call(rule, e);
	return (struct verdict){0};
}

struct verdict policy_match_payload(const struct runtime_rule *rule, const void *data, size_t size)
{
	struct verdict best = {0};

	if (rule) {
		struct miner_finding miner = miner_judge_payload(data, size);
		if (miner.judgement != MINER_NO)
			offer_miner(&best, rule, &miner);
	}
	return best;
}

struct verdict policy_match_suspect(const struct runtime_rule *rule, const struct event *exec)
{
	struct verdict best = {0};

	if (rule && exec->path && !list_match(&rule->allowed, exec->path)) {
		struct miner_finding miner = miner_judge_exec(exec->path, &exec->args);
		if (miner.judgement != MINER_NO)
			offer_miner(&best, rule, &miner);
	}
	return best;
}
