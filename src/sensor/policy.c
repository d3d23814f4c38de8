/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled policy in the kernel's maps. Each rule is one slot; slots come in two banks, so that
 * containers keep a whole old rule until they are given their new slot: never half of each.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <bpf/bpf.h>

#include "base/banned.h"
#include "bpf/miner_words.h"
#include "policy/calls.h"
#include "policy/miner.h"
#include "sensor/set.h"
#include "seawall.skel.h" /* after set.h: it uses the wire types */

#define SAME(a, b) static_assert((int)(a) == (int)(b), "bpf/event_wire.h and model/enums.h say the same")
SAME(WIRE_EFFECT_DISABLE, EFFECT_DISABLE);
SAME(WIRE_EFFECT_ALERT, EFFECT_ALERT);
SAME(WIRE_EFFECT_PREVENT, EFFECT_PREVENT);
SAME(WIRE_EFFECT_BLOCK, EFFECT_BLOCK);
SAME(WIRE_DONE_NONE, DONE_NONE);
SAME(WIRE_DONE_ALERT, DONE_ALERT);
SAME(WIRE_DONE_PREVENT, DONE_PREVENT);
SAME(WIRE_DONE_FAILED, DONE_FAILED);
SAME(WIRE_DETECTION_CRYPTO_MINER, DETECTION_CRYPTO_MINER);
SAME(WIRE_DETECTION_REVERSE_SHELL, DETECTION_REVERSE_SHELL);
SAME(WIRE_DETECTION_BIND_SHELL, DETECTION_BIND_SHELL);
SAME(WIRE_DETECTION_MODIFIED_BINARY, DETECTION_MODIFIED_BINARY);
SAME(WIRE_DETECTION_NEW_BINARY, DETECTION_NEW_BINARY);
SAME(WIRE_DETECTION_FILELESS_EXEC, DETECTION_FILELESS_EXEC);
SAME(WIRE_DETECTION_LATERAL_MOVEMENT, DETECTION_LATERAL_MOVEMENT);
SAME(WIRE_DETECTION_ENGINE_CLIENT, DETECTION_ENGINE_CLIENT);
SAME(WIRE_DETECTION_CLOUD_METADATA, DETECTION_CLOUD_METADATA);
SAME(WIRE_DETECTION_KUBE_API, DETECTION_KUBE_API);
SAME(WIRE_DETECTION_PORT_SCAN, DETECTION_PORT_SCAN);
SAME(WIRE_DETECTION_RAW_SOCKET, DETECTION_RAW_SOCKET);
SAME(WIRE_DETECTION_SUID_EXEC, DETECTION_SUID_EXEC);
SAME(WIRE_DETECTION_NAMESPACE_ESCAPE, DETECTION_NAMESPACE_ESCAPE);
SAME(WIRE_DETECTION_ENGINE_SOCKET, DETECTION_ENGINE_SOCKET);
SAME(WIRE_DETECTION_DENIED_PROCESS, DETECTION_DENIED_PROCESS);
SAME(WIRE_DETECTION_DENIED_PORT, DETECTION_DENIED_PORT);
SAME(WIRE_DETECTION_DENIED_ADDRESS, DETECTION_DENIED_ADDRESS);
SAME(WIRE_EVIDENCE_NAME, EVIDENCE_NAME);
SAME(WIRE_EVIDENCE_ARGV, EVIDENCE_ARGV);
SAME(WIRE_EVIDENCE_STRATUM, EVIDENCE_STRATUM);
SAME(WIRE_EVIDENCE_BEHAVIOUR, EVIDENCE_BEHAVIOUR);
SAME(WIRE_EVIDENCE_PATH, EVIDENCE_PATH);
SAME(WIRE_EVIDENCE_ADDRESS, EVIDENCE_ADDRESS);
SAME(WIRE_EVIDENCE_PORT, EVIDENCE_PORT);
SAME(WIRE_EVIDENCE_FILE, EVIDENCE_FILE);
SAME(WIRE_EVIDENCE_SYSCALL, EVIDENCE_SYSCALL);
SAME(WIRE_EVIDENCE_DESCRIPTOR, EVIDENCE_DESCRIPTOR);
SAME(WIRE_DIRECTION_OUTBOUND, DIRECTION_OUTBOUND);
SAME(WIRE_DIRECTION_INBOUND, DIRECTION_INBOUND);
SAME(WIRE_DIRECTION_LISTEN, DIRECTION_LISTEN);
SAME(WIRE_CALL_TO_ROOT, CALL_TO_ROOT);
SAME(WIRE_CALL_TO_ROOT_ANY, CALL_TO_ROOT_ANY);
SAME(WIRE_CALL_NAMESPACES, CALL_NAMESPACES);
SAME(WIRE_CALL_NAMESPACES_AT, CALL_NAMESPACES_AT);
SAME(WIRE_SLOT_KILL, SENSOR_SLOT_KILL);
SAME(WIRE_SLOTS_BANK, POLICY_RULES_MAX);
static_assert(WIRE_DETECTIONS >= DETECTION_COUNT_, "an effect for each detection");
static_assert(WIRE_PATTERNS_MAX >= WIRE_SLOTS_MAX * 2 * POLICY_PATTERNS_MAX, "room for every list");

int sensor_miner_table_load(struct sensor_set *s)
{
	struct miner_key key;
	struct miner_word word;
	size_t n;
	int r;

	for (size_t i = 0; i < miner_table_count; i++) {
		const struct miner_table_row *row = &miner_table[i];

		memset(&key, 0, sizeof(key));
		n = strnlen(row->text, sizeof(key.text) - 1);
		memcpy(key.text, row->text, n);
		key.space = row->space;
		key.prefix_bits = (uint32_t)(8 * (sizeof(key.space) + n + row->exact)); /* exact: with the NUL */
		word = (struct miner_word){.class_ = row->class_, .length = (uint32_t)n};
		r = bpf_map__update_elem(s->bpf->maps.miner_words, &key, sizeof(key), &word, sizeof(word), BPF_ANY);
		if (r < 0)
			return r;
	}
	return 0;
}

static int call_put(struct sensor_set *s, uint32_t number, bool compat, const struct policy_call *c)
{
	struct wire_call_key key = {.number = number, .capability = c->capability, .compat = compat};
	struct wire_call_row row = {.detection = (uint8_t)c->detection, .lasting = c->lasting,
		.when = (uint8_t)c->when};

	/* The kernel half does not know where 32-bit programs have their arguments. */
	if (number == CALL_NONE || (compat && c->when != CALL_ALWAYS))
		return 0;
	/* The kernel would not ask the table about another capability. */
	assert(WIRE_CAPABILITIES & WIRE_CAPABILITY(c->capability));
	memcpy(row.name, c->name, strnlen(c->name, sizeof(row.name) - 1));
	return bpf_map__update_elem(s->bpf->maps.call_rows, &key, sizeof(key), &row, sizeof(row), BPF_ANY);
}

int sensor_calls_load(struct sensor_set *s)
{
	int r = 0;

	for (size_t i = 0; i < policy_calls_count && r == 0; i++) {
		r = call_put(s, policy_calls[i].number, false, &policy_calls[i]);
		if (r == 0)
			r = call_put(s, policy_calls[i].number_compat, true, &policy_calls[i]);
	}
	return r;
}

static bool pattern_fill(const char *text, struct wire_pattern *ret)
{
	size_t n = strlen(text);

	memset(ret, 0, sizeof(*ret));
	ret->lead = n && text[0] == '*';
	ret->trail = n > 1 && text[n - 1] == '*';
	text += ret->lead;
	n -= (size_t)ret->lead + ret->trail;
	if (n >= sizeof(ret->text))
		return false;
	memcpy(ret->text, text, n);
	ret->length = (uint32_t)n;
	return true;
}

static int patterns_put(struct sensor_set *s, uint32_t slot, enum wire_pattern_list list,
	const struct str_list *texts, struct diag *reterr)
{
	struct wire_pattern_key key = {.slot = slot, .list = list};
	struct wire_pattern value;
	int r;

	for (uint32_t i = 0; i < texts->count; i++) {
		if (!pattern_fill(texts->items[i], &value))
			return diag_msg(reterr, -E2BIG, "the kernel takes patterns of at most %u bytes, not '%.40s...'",
				WIRE_PATTERN_MAX - 1, texts->items[i]);
		key.index = (uint16_t)i;
		r = bpf_map__update_elem(s->bpf->maps.patterns, &key, sizeof(key), &value, sizeof(value), BPF_ANY);
		if (r < 0)
			return diag_msg(reterr, r, "cannot put a pattern into the kernel: %s", strerror(-r));
	}
	return 0;
}

static void patterns_clear(struct sensor_set *s, uint32_t slot)
{
	struct wire_pattern_key key = {.slot = slot};

	for (uint16_t list = WIRE_PATTERN_ALLOWED; list <= WIRE_PATTERN_DENIED; list++)
		for (uint16_t i = 0; i < POLICY_PATTERNS_MAX; i++) {
			key.list = list;
			key.index = i;
			if (bpf_map__delete_elem(s->bpf->maps.patterns, &key, sizeof(key), 0) < 0)
				break; /* a list has no gaps */
		}
}

static int slot_put(struct sensor_set *s, uint32_t slot, const struct wire_slot *value)
{
	return bpf_map__update_elem(s->bpf->maps.slots, &slot, sizeof(slot), value, sizeof(*value), BPF_ANY);
}

static int addresses_put(struct sensor_set *s, uint32_t slot, const struct denied_list *list)
{
	const uint32_t present = 1;
	int r = 0;

	for (uint32_t i = 0; i < list->address_count && r == 0; i++) {
		const struct address_range *a = &list->addresses[i];
		struct wire_address_key key = {.prefix_bits = 32u + a->prefix, .slot = slot};

		memcpy(key.address, a->address, sizeof(key.address));
		r = bpf_map__update_elem(s->bpf->maps.denied_addresses, &key, sizeof(key), &present, sizeof(present), BPF_ANY);
	}
	return r;
}

/* A range of ports as the fewest prefixes: each as wide as its start and what is left allow. */
static int ports_put(struct sensor_set *s, uint32_t slot, const struct port_range *range)
{
	const uint32_t present = 1;
	uint32_t from = range->from;
	int r = 0;

	while (from <= range->to && r == 0) {
		uint32_t bits = 16, width = 1;
		struct wire_port_key key = {.slot = slot, .port = {(uint8_t)(from >> 8), (uint8_t)from}};

		while (bits > 0 && from % (width * 2) == 0 && from + width * 2 - 1 <= range->to) {
			width *= 2;
			bits--;
		}
		key.prefix_bits = 32 + bits;
		r = bpf_map__update_elem(s->bpf->maps.denied_ports, &key, sizeof(key), &present, sizeof(present), BPF_ANY);
		from += width;
	}
	return r;
}

static int network_put(struct sensor_set *s, uint32_t slot, const struct denied_list *list, struct diag *reterr)
{
	int r = addresses_put(s, slot, list);

	for (uint32_t i = 0; i < list->port_count && r == 0; i++)
		r = ports_put(s, slot, &list->ports[i]);
	return r < 0 ? diag_msg(reterr, r, "cannot put a denied destination into the kernel: %s", strerror(-r)) : 0;
}

/* Deletes the bank's keys from a trie. Both kinds of key begin alike. */
static void destinations_clear(struct bpf_map *map, size_t key_size, uint32_t first)
{
	union {
		struct wire_address_key address;
		struct wire_port_key port;
	} key, next;
	int r = bpf_map__get_next_key(map, NULL, &next, key_size);

	while (r == 0) {
		key = next;
		r = bpf_map__get_next_key(map, &key, &next, key_size);
		if (key.address.slot >= first && key.address.slot < first + WIRE_SLOTS_BANK)
			bpf_map__delete_elem(map, &key, key_size, 0);
	}
}

static int bank_clear(struct sensor_set *s, uint32_t first)
{
	const struct wire_slot empty = {};
	int r = 0;

	for (uint32_t i = 0; i < WIRE_SLOTS_BANK && r == 0; i++) {
		r = slot_put(s, first + i, &empty);
		patterns_clear(s, first + i);
	}
	destinations_clear(s->bpf->maps.denied_addresses, sizeof(struct wire_address_key), first);
	destinations_clear(s->bpf->maps.denied_ports, sizeof(struct wire_port_key), first);
	return r;
}

static int rule_put(struct sensor_set *s, uint32_t slot, const struct runtime_rule *rule, struct diag *reterr)
{
	struct wire_slot value = {
		.allowed = (uint16_t)rule->allowed.count,
		.denied = (uint16_t)rule->processes.paths.count,
	};
	int r;

	for (int d = 0; d < DETECTION_COUNT_; d++)
		value.effects[d] = (uint8_t)rule->effects[d];
	if (rule->allowed.count > POLICY_PATTERNS_MAX || rule->processes.paths.count > POLICY_PATTERNS_MAX)
		return diag_msg(reterr, -E2BIG, "rule '%s': more than %u patterns in a list", rule->name, POLICY_PATTERNS_MAX);
	r = patterns_put(s, slot, WIRE_PATTERN_ALLOWED, &rule->allowed, reterr);
	if (r == 0)
		r = patterns_put(s, slot, WIRE_PATTERN_DENIED, &rule->processes.paths, reterr);
	if (r == 0)
		r = network_put(s, slot, &rule->network, reterr);
	if (r == 0)
		r = slot_put(s, slot, &value);
	return r;
}

static bool engine_key(const char *path, struct wire_engine_key *ret)
{
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	*ret = (struct wire_engine_key){.inode = st.st_ino, .device = major(st.st_dev) << 20 | minor(st.st_dev)};
	return true;
}

/* The new ones go in before the old ones go out: one that stays is never missing. */
int sensor_engine_sockets_set(struct sensor_set *s, const char *const *paths, size_t n)
{
	struct wire_engine_key keys[WIRE_ENGINES_MAX], known[WIRE_ENGINES_MAX], *last = NULL;
	struct bpf_map *map = s->bpf->maps.engine_sockets;
	const uint32_t present = 1;
	size_t count = 0, before = 0;
	int r = 0;

	while (before < WIRE_ENGINES_MAX && bpf_map__get_next_key(map, last, &known[before], sizeof(*known)) == 0)
		last = &known[before++];
	for (size_t i = 0; i < n && count < WIRE_ENGINES_MAX / 2 && r == 0; i++) {
		if (!engine_key(paths[i], &keys[count]))
			continue;
		r = bpf_map__update_elem(map, &keys[count], sizeof(*keys), &present, sizeof(present), BPF_ANY);
		count++;
	}
	for (size_t i = 0; i < before; i++) {
		bool stays = false;

		for (size_t k = 0; k < count && !stays; k++)
			stays = memcmp(&known[i], &keys[k], sizeof(*keys)) == 0;
		if (!stays)
			bpf_map__delete_elem(map, &known[i], sizeof(*known), 0);
	}
	return r;
}

int sensor_policy_apply(struct sensor_set *s, const struct policy *policy, uint32_t *ret_slots, struct diag *reterr)
{
	uint32_t bank = !s->bank, first = WIRE_SLOT_FIRST + bank * WIRE_SLOTS_BANK;
	int r;

	if (policy->runtime_count > POLICY_RULES_MAX)
		return diag_msg(reterr, -E2BIG, "more than %u runtime rules", POLICY_RULES_MAX);
	r = bank_clear(s, first);
	if (r < 0)
		return diag_msg(reterr, r, "cannot write the kernel's policy: %s", strerror(-r));
	for (uint32_t i = 0; i < policy->runtime_count; i++) {
		r = rule_put(s, first + i, &policy->runtime[i], reterr);
		if (r < 0)
			return r;
	}
	for (uint32_t i = 0; i < policy->runtime_count; i++)
		ret_slots[i] = first + i;
	s->bank = bank;
	sensor_programs_want(s, policy);
	return 0;
}
