/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of the policy file; the areas of the gates are in grammar_gates.c. To add a key: a row in its map's table. A row that is not enforced
 * yet says so by `later` or by detections that are not built, and its users are warned.
 */
#include <assert.h>

#include "policy/grammar_words.h"

/* Tables read best as laid out by hand. */
/* clang-format off */

/* ---- words ---- */

static const struct schema effect = {.kind = SCHEMA_CHOICE, .choices = &effect_names, .expected = "effect"};
/* A scan is known by connections already made: there is nothing left to prevent. */
static const struct schema effect_after = {.kind = SCHEMA_CHOICE, .choices = &effect_names, .expected = "effect",
	.allowed = BIT(EFFECT_DISABLE) | BIT(EFFECT_ALERT) | BIT(EFFECT_BLOCK)};

static const struct schema severity = {.kind = SCHEMA_CHOICE, .choices = &severity_names, .expected = "severity",
	.allowed = BIT(SEVERITY_LOW) | BIT(SEVERITY_MEDIUM) | BIT(SEVERITY_HIGH) | BIT(SEVERITY_CRITICAL)};

/* ---- collections ---- */

static const struct schema label = {.kind = SCHEMA_TEXT, .expected = "key:value", .store = value_label};
static const struct schema labels = SCOPE_LIST(label, "a list of key:value patterns");
static const struct schema pattern = {.kind = SCHEMA_TEXT, .expected = "a pattern", .store = value_scope};
static const struct schema patterns = SCOPE_LIST(pattern, "a list of patterns");

#define SCOPE(key, index, schema_, doc_) \
	{.name = (key), .schema = &(schema_), .offset = offsetof(struct collection, fields[index]), .stored = true, .doc = (doc_)}

static const struct schema_field collection_fields[] = {
	{.name = "name", .schema = &name, .offset = offsetof(struct collection, name), .stored = true, .required = true,
		.doc = "what rules call it"},
	{.name = "notes", .schema = &text, .doc = "for people"},
	SCOPE("images", SCOPE_IMAGES, images, "image names"),
	SCOPE("containers", SCOPE_CONTAINERS, patterns, "container names"),
	SCOPE("labels", SCOPE_LABELS, labels, "labels of the container, as key:value"),
	SCOPE("namespaces", SCOPE_NAMESPACES, patterns, "Kubernetes namespaces"),
	SCOPE("clusters", SCOPE_CLUSTERS, patterns, "clusters"),
	SCOPE("hosts", SCOPE_HOSTS, patterns, "host names"),
};

static void *add_collection(void *target)
{
	struct policy *p = target;

	return grow((void **)&p->collections, &p->collection_count, sizeof(*p->collections));
}

static const struct schema collection = MAP(collection_fields);
static const struct schema collections = {.kind = SCHEMA_LIST, .item = &collection, .expected = "a list of collections",
	.names = NAMES_COLLECTIONS, .max = POLICY_COLLECTIONS_MAX, .add = add_collection};

/* ---- runtime ---- */

#define DETECTIONS(...) .detections = (const enum detection[]){__VA_ARGS__, DETECTION_NONE}
#define RULE_AT(member) .offset = offsetof(struct runtime_rule, member), .stored = true
#define DENIED_AT(member) .offset = offsetof(struct denied_list, member), .stored = true

static const struct schema path = {.kind = SCHEMA_TEXT, .expected = "a path", .store = value_path};
static const struct schema paths = LIST(path, "a list of paths");
static const struct schema address = {.kind = SCHEMA_TEXT, .expected = "an address", .store = value_address};
static const struct schema addresses = LIST(address, "a list of addresses");
static const struct schema port = {.kind = SCHEMA_TEXT, .expected = "a port or range", .store = value_ports};
static const struct schema ports = LIST(port, "a list of ports");
static const struct schema domain = {.kind = SCHEMA_TEXT, .expected = "a domain", .store = value_domain};
static const struct schema domains = LIST(domain, "a list of domains");

static const struct schema_field denied_path_fields[] = {
	{.name = "effect", .schema = &effect, DENIED_AT(effect), .required = true, .doc = "what happens"},
	{.name = "paths", .schema = &paths, DENIED_AT(paths), .required = true, .doc = "executables"},
};
static const struct schema denied_paths = MAP(denied_path_fields);

static int finish_denied_network(struct walk *w, const struct node *n, void *target)
{
	if (node_get(n, "addresses") || node_get(n, "ports") || node_get(n, "domains"))
		return 0;
	return schema_error(w, n, "addresses, ports or domains", "'denied' says nothing to deny");
}

static const struct schema_field denied_network_fields[] = {
	{.name = "effect", .schema = &effect, DENIED_AT(effect), .required = true, .doc = "what happens"},
	{.name = "addresses", .schema = &addresses, .stored = true, .doc = "IPv4 and IPv6 addresses and networks"},
	{.name = "ports", .schema = &ports, .stored = true, .doc = "ports of the other side, and ranges"},
	{.name = "domains", .schema = &domains, DENIED_AT(domains), .later = true, .doc = "names asked for"},
};
static const struct schema denied_network = {.kind = SCHEMA_MAP, .expected = "a map of effect, addresses, ports",
	FIELDS(denied_network_fields), .store = finish_denied_network};

static const struct schema_field process_fields[] = {
	{.name = "crypto_miners", .schema = &effect, DETECTIONS(DETECTION_CRYPTO_MINER), .doc = "miners, by name, arguments and stratum"},
	{.name = "reverse_shell", .schema = &effect, DETECTIONS(DETECTION_REVERSE_SHELL, DETECTION_BIND_SHELL), .doc = "shells tied to the network"},
	{.name = "modified_binaries", .schema = &effect,
		DETECTIONS(DETECTION_MODIFIED_BINARY, DETECTION_NEW_BINARY, DETECTION_FILELESS_EXEC, DETECTION_ALTERED_PACKAGE),
		.doc = "programs that the image did not bring"},
	{.name = "engine_clients", .schema = &effect, DETECTIONS(DETECTION_ENGINE_CLIENT, DETECTION_ENGINE_SOCKET), .doc = "docker, kubectl and the like in a container"},
	{.name = "escape", .schema = &effect,
		DETECTIONS(DETECTION_NAMESPACE_ESCAPE, DETECTION_MOUNT, DETECTION_PTRACE, DETECTION_KERNEL_MODULE, DETECTION_BPF_LOAD,
			DETECTION_RELEASE_AGENT, DETECTION_RUNTIME_OVERWRITE),
		.doc = "ways out of the container: namespaces, mounts, tracing, modules, BPF"},
	{.name = "privilege_escalation", .schema = &effect, DETECTIONS(DETECTION_SUID_EXEC, DETECTION_PRIVILEGE_ESCALATION), .doc = "programs with another user's rights"},
	{.name = "allowed", .schema = &paths, RULE_AT(allowed), .doc = "executables that are never judged"},
	{.name = "denied", .schema = &denied_paths, RULE_AT(processes), .doc = "executables that must not run"},
	{.name = "model", .schema = &effect, DETECTIONS(DETECTION_UNEXPECTED_PROCESS), .doc = "what the learned model does not know"},
};
static const struct schema processes = MAP(process_fields);

static const struct schema_field network_fields[] = {
	{.name = "raw_sockets", .schema = &effect, DETECTIONS(DETECTION_RAW_SOCKET), .doc = "sockets that read or forge packets"},
	{.name = "port_scan", .schema = &effect_after, DETECTIONS(DETECTION_PORT_SCAN), .doc = "scans of ports or hosts"},
	{.name = "lateral_movement", .schema = &effect, DETECTIONS(DETECTION_LATERAL_MOVEMENT), .doc = "engines, kubelets and etcd of other hosts"},
	{.name = "denied", .schema = &denied_network, RULE_AT(network), .doc = "where nothing may connect to"},
};
static const struct schema network = MAP(network_fields);

static const struct schema_field file_fields[] = {
	{.name = "sensitive", .schema = &effect,
		DETECTIONS(DETECTION_SENSITIVE_FILE, DETECTION_ADMIN_ACCOUNT, DETECTION_SSH_ACCESS, DETECTION_PRELOAD_HIJACK),
		.doc = "writes to accounts, keys, cron, preload"},
	{.name = "denied", .schema = &denied_paths, RULE_AT(files), .later = true, .doc = "files that must not be written"},
};
static const struct schema files = MAP(file_fields);

static const struct schema_field custom_fields[] = {
	{.name = "rule", .schema = &name, .required = true, .doc = "name of the imported rule"},
	{.name = "effect", .schema = &effect, .required = true, .doc = "what happens"},
};
static const struct schema custom = MAP(custom_fields);
static const struct schema customs = LIST(custom, "a list of {rule, effect}");

/* Every detection by its id: for those that have no key of their own, and single ones of a key. */
#define BY_ID(id_, DETECTION) {.name = id_, .schema = &effect, .detections = (const enum detection[]){DETECTION, DETECTION_NONE}, .doc = "alone"}
static const struct schema_field detection_fields[] = {
	BY_ID("crypto_miner", DETECTION_CRYPTO_MINER), BY_ID("reverse_shell", DETECTION_REVERSE_SHELL),
	BY_ID("bind_shell", DETECTION_BIND_SHELL), BY_ID("modified_binary", DETECTION_MODIFIED_BINARY),
	BY_ID("new_binary", DETECTION_NEW_BINARY), BY_ID("fileless_exec", DETECTION_FILELESS_EXEC),
	BY_ID("altered_package", DETECTION_ALTERED_PACKAGE), BY_ID("lateral_movement", DETECTION_LATERAL_MOVEMENT),
	BY_ID("engine_client", DETECTION_ENGINE_CLIENT), BY_ID("cloud_metadata", DETECTION_CLOUD_METADATA),
	BY_ID("kube_api", DETECTION_KUBE_API),
	{.name = "port_scan", .schema = &effect_after, DETECTIONS(DETECTION_PORT_SCAN), .doc = "alone"},
	BY_ID("raw_socket", DETECTION_RAW_SOCKET), BY_ID("suid_exec", DETECTION_SUID_EXEC),
	BY_ID("privilege_escalation", DETECTION_PRIVILEGE_ESCALATION), BY_ID("namespace_escape", DETECTION_NAMESPACE_ESCAPE),
	BY_ID("mount", DETECTION_MOUNT), BY_ID("ptrace", DETECTION_PTRACE), BY_ID("kernel_module", DETECTION_KERNEL_MODULE),
	BY_ID("bpf_load", DETECTION_BPF_LOAD), BY_ID("release_agent", DETECTION_RELEASE_AGENT),
	BY_ID("engine_socket", DETECTION_ENGINE_SOCKET), BY_ID("runtime_overwrite", DETECTION_RUNTIME_OVERWRITE),
	BY_ID("sensitive_file", DETECTION_SENSITIVE_FILE), BY_ID("admin_account", DETECTION_ADMIN_ACCOUNT),
	BY_ID("ssh_access", DETECTION_SSH_ACCESS), BY_ID("preload_hijack", DETECTION_PRELOAD_HIJACK),
	BY_ID("persistence", DETECTION_PERSISTENCE), BY_ID("packed_elf", DETECTION_PACKED_ELF),
	BY_ID("foreign_elf", DETECTION_FOREIGN_ELF), BY_ID("log_tamper", DETECTION_LOG_TAMPER),
	BY_ID("mass_rename", DETECTION_MASS_RENAME), BY_ID("feed_hash", DETECTION_FEED_HASH),
	BY_ID("feed_ip", DETECTION_FEED_IP), BY_ID("feed_domain", DETECTION_FEED_DOMAIN),
};
static_assert(ARRAY_SIZE(detection_fields) == DETECTION_FEED_DOMAIN, "a row for each threat, and none for lists and models");
static const struct schema by_detection = MAP(detection_fields);

/* The node of an effect key of the rule, at its top or in one of its sections. */
static const struct node *effect_given(const struct node *rule, const struct schema *map, enum detection d)
{
	const struct node *found = NULL;

	for (uint32_t i = 0; rule && i < map->field_count && !found; i++) {
		const struct schema_field *f = &map->fields[i];
		const struct node *n = node_get(rule, f->name);

		for (const enum detection *of = f->detections; n && of && *of; of++)
			if (*of == d)
				found = n;
		if (!found && n && f->schema->kind == SCHEMA_MAP)
			found = effect_given(n, f->schema, d);
	}
	return found;
}

/* One detection alone before its group, the group before `threats`, wherever they stand in the file. */
static void settle_effects(struct runtime_rule *rule, const struct node *n)
{
	const struct node *alone = node_get(n, "detections"), *rest = node_get(n, "threats");

	for (uint32_t i = 0; i < ARRAY_SIZE(detection_fields); i++) {
		enum detection d = detection_fields[i].detections[0];
		const struct node *given = alone ? node_get(alone, detection_fields[i].name) : NULL;

		if (!given && !effect_given(n, &grammar_runtime_rule, d))
			given = rest;
		int value = given && given->kind == NODE_TEXT ? enum_from_name(&effect_names, given->text) : -1;
		if (value == EFFECT_PREVENT && detection_fields[i].schema == &effect_after)
			value = EFFECT_ALERT; /* of `threats`: nothing is left to prevent */
		if (value >= 0)
			rule->effects[d] = (enum effect)value;
	}
}

static int finish_rule(struct walk *w, const struct node *n, void *target)
{
	struct runtime_rule *rule = target;

	if (rule && value_scope_is_everything(w, n))
		rule->scope_count = 0;
	if (rule)
		settle_effects(rule, n);
	if (rule)
		grammar_finish_rule(rule);
	return 0;
}

static const struct schema_field runtime_fields[] = {
	RULE_FIELDS, RULE_SCOPE,
	{.name = "processes", .schema = &processes, .stored = true, .doc = "what runs"},
	{.name = "network", .schema = &network, .stored = true, .doc = "what connects"},
	{.name = "files", .schema = &files, .stored = true, .doc = "what is written"},
	{.name = "kubernetes", .schema = &effect, DETECTIONS(DETECTION_KUBE_API, DETECTION_CLOUD_METADATA), .doc = "attacks on the cluster and cloud"},
	{.name = "feeds", .schema = &effect, DETECTIONS(DETECTION_FEED_HASH, DETECTION_FEED_IP, DETECTION_FEED_DOMAIN), .doc = "matches of imported feeds"},
	{.name = "threats", .schema = &effect, .doc = "every threat that the rule does not name"},
	{.name = "detections", .schema = &by_detection, .stored = true, .doc = "single detections by their id"},
	{.name = "custom", .schema = &customs, .later = true, .doc = "imported rules and their effects"},
};
const struct schema grammar_runtime_rule = {.kind = SCHEMA_MAP, .expected = "a rule", FIELDS(runtime_fields), .store = finish_rule};

static void *add_rule(void *target)
{
	struct policy *p = target;

	return grow((void **)&p->runtime, &p->runtime_count, sizeof(*p->runtime));
}

static const struct schema runtime = {.kind = SCHEMA_LIST, .item = &grammar_runtime_rule, .expected = "a list of rules",
	.names = NAMES_RUNTIME, .max = POLICY_RULES_MAX, .add = add_rule};

void grammar_finish_rule(struct runtime_rule *rule)
{
	rule->effects[DETECTION_DENIED_PROCESS] = rule->processes.paths.count ? rule->processes.effect : EFFECT_DISABLE;
	rule->effects[DETECTION_DENIED_ADDRESS] = rule->network.address_count ? rule->network.effect : EFFECT_DISABLE;
	rule->effects[DETECTION_DENIED_PORT] = rule->network.port_count ? rule->network.effect : EFFECT_DISABLE;
	rule->effects[DETECTION_DENIED_DOMAIN] = rule->network.domains.count ? rule->network.effect : EFFECT_DISABLE;
	rule->effects[DETECTION_DENIED_FILE] = rule->files.paths.count ? rule->files.effect : EFFECT_DISABLE;
}

/* ---- vulnerabilities ---- */

static const struct schema duration = {.kind = SCHEMA_TEXT, .expected = "a duration such as 7d", .store = value_duration};
static const struct schema date = {.kind = SCHEMA_TEXT, .expected = "a date such as 2027-01-31", .store = value_date};

static const struct schema_field grace_fields[] = {
	{.name = "low", .schema = &duration, .doc = "time to mend it"},
	{.name = "medium", .schema = &duration, .doc = "time to mend it"},
	{.name = "high", .schema = &duration, .doc = "time to mend it"},
	{.name = "critical", .schema = &duration, .doc = "time to mend it"},
};
static const struct schema grace = MAP(grace_fields);

static const struct schema_field exception_fields[] = {
	{.name = "id", .schema = &word, .required = true, .doc = "CVE or advisory"},
	{.name = "effect", .schema = &gate_effect, .required = true, .doc = "what happens instead"},
	{.name = "until", .schema = &date, .doc = "last day of the exception"},
	{.name = "why", .schema = &text, .doc = "for people"},
};
static const struct schema exception = MAP(exception_fields);
static const struct schema exceptions = LIST(exception, "a list of {id, effect}");

static const struct schema_field vulnerability_fields[] = {
	RULE_FIELDS, RULE_SCOPE,
	{.name = "alert", .schema = &severity, .doc = "least severity that is told"},
	{.name = "block", .schema = &severity, .doc = "least severity that is refused"},
	{.name = "only_fixed", .schema = &boolean, .doc = "only what has a fix"},
	{.name = "grace", .schema = &grace, .doc = "time after the fix, by severity"},
	{.name = "exceptions", .schema = &exceptions, .doc = "single findings"},
};
static const struct schema vulnerability = MAP(vulnerability_fields);
static const struct schema vulnerabilities = RULES(vulnerability, NAMES_VULNERABILITIES);

/* ---- outputs ---- */

static const struct schema output = {.kind = SCHEMA_DICT, .item = &any, .expected = "a map of `key: value`"};
static const struct schema outputs = RULES(output, NAMES_OUTPUTS);

/* ---- the whole ---- */

static const struct schema version = {.kind = SCHEMA_TEXT, .expected = "the number 1", .store = value_version};

static const struct schema_field policy_fields[] = {
	{.name = "version", .schema = &version, .doc = "of the policy language: 1"},
	{.name = "collections", .schema = &collections, .stored = true, .doc = "named sets of containers"},
	{.name = "runtime", .schema = &runtime, .stored = true, .doc = "rules for running containers"},
	{.name = "trust", .schema = &grammar_trust, .stored = true, .doc = "which images may run"},
	{.name = "vulnerabilities", .schema = &vulnerabilities, .later = true, .doc = "rules for findings in images"},
	{.name = "compliance", .schema = &grammar_compliance, .stored = true, .doc = "rules for settings of containers and hosts"},
	{.name = "access", .schema = &grammar_access, .stored = true, .doc = "who may do what with the engine"},
	{.name = "admission", .schema = &grammar_admission, .stored = true, .doc = "who may do what with the API server of Kubernetes"},
	{.name = "outputs", .schema = &outputs, .later = true, .doc = "where alerts go"},
};
const struct schema grammar_policy = {.kind = SCHEMA_MAP, .expected = "a map with version, collections, runtime, ...", FIELDS(policy_fields)};
