/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of the policy file. To add a key: a row in its map's table. A row that is not enforced
 * yet says so by `later` or by detections that are not built, and its users are warned.
 */
#include "policy/grammar.h"

#include <string.h>

#include "policy/values.h"

/* Tables read best as laid out by hand. */
/* clang-format off */

#define FIELDS(table) .fields = (table), .field_count = ARRAY_SIZE(table)
#define MAP(table) {.kind = SCHEMA_MAP, .expected = "a map of `key: value`", FIELDS(table)}
#define LIST(item_, expected_) {.kind = SCHEMA_LIST, .item = &(item_), .expected = (expected_), .max = POLICY_PATTERNS_MAX}
#define SCOPE_LIST(item_, expected_) \
	{.kind = SCHEMA_LIST, .item = &(item_), .expected = (expected_), .min = 1, .max = POLICY_PATTERNS_MAX}
#define RULES(item_, names_) \
	{.kind = SCHEMA_LIST, .item = &(item_), .expected = "a list of rules", .names = (names_), .max = POLICY_RULES_MAX}
#define BIT(choice) (1u << (choice))

/* ---- words ---- */

static const struct schema name = {.kind = SCHEMA_TEXT, .expected = "a name", .store = value_name};
static const struct schema text = {.kind = SCHEMA_TEXT, .expected = "a text", .store = value_text};
static const struct schema word = {.kind = SCHEMA_TEXT, .expected = "a word", .store = value_name};
static const struct schema boolean = {.kind = SCHEMA_BOOL, .expected = "true or false"};
static const struct schema any = {.kind = SCHEMA_ANY, .expected = "a value"};
static const struct schema words = LIST(word, "a list of words");

static const struct schema effect = {.kind = SCHEMA_CHOICE, .choices = &effect_names, .expected = "effect"};
/* A scan is known by connections already made: there is nothing left to prevent. */
static const struct schema effect_after = {.kind = SCHEMA_CHOICE, .choices = &effect_names, .expected = "effect",
	.allowed = BIT(EFFECT_DISABLE) | BIT(EFFECT_ALERT) | BIT(EFFECT_BLOCK)};

static const char *const gate_effects_[] = {"ignore", "alert", "block"};
static const struct enum_names gate_effects = {gate_effects_, ARRAY_SIZE(gate_effects_)};
static const struct schema gate_effect = {.kind = SCHEMA_CHOICE, .choices = &gate_effects, .expected = "effect"};

static const char *const access_effects_[] = {"allow", "alert", "deny"};
static const struct enum_names access_effects = {access_effects_, ARRAY_SIZE(access_effects_)};
static const struct schema access_effect = {.kind = SCHEMA_CHOICE, .choices = &access_effects, .expected = "effect"};

static const char *const audit_choices_[] = {"all", "denied", "none"};
static const struct enum_names audit_choices = {audit_choices_, ARRAY_SIZE(audit_choices_)};
static const struct schema audit_choice = {.kind = SCHEMA_CHOICE, .choices = &audit_choices, .expected = "audit"};

static const struct schema severity = {.kind = SCHEMA_CHOICE, .choices = &severity_names, .expected = "severity",
	.allowed = BIT(SEVERITY_LOW) | BIT(SEVERITY_MEDIUM) | BIT(SEVERITY_HIGH) | BIT(SEVERITY_CRITICAL)};

/* ---- collections ---- */

static const struct schema image = {.kind = SCHEMA_TEXT, .expected = "an image pattern", .store = value_image};
static const struct schema images = SCOPE_LIST(image, "a list of image patterns");
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

/* Appends a zeroed element to an array field and its count. */
static void *grow(void **items, uint32_t *count, size_t size)
{
	char *p = realloc(*items, (*count + 1) * size);

	if (!p)
		return NULL;
	*items = p;
	return memset(p + (*count)++ * size, 0, size);
}

static void *add_collection(void *target)
{
	struct policy *p = target;

	return grow((void **)&p->collections, &p->collection_count, sizeof(*p->collections));
}

static const struct schema collection = MAP(collection_fields);
static const struct schema collections = {.kind = SCHEMA_LIST, .item = &collection, .expected = "a list of collections",
	.names = NAMES_COLLECTIONS, .max = POLICY_COLLECTIONS_MAX, .add = add_collection};

/* ---- what all rules have ---- */

static const struct schema scope_name = {.kind = SCHEMA_TEXT, .expected = "the name of a collection", .store = value_scope_name};
static const struct schema scope = SCOPE_LIST(scope_name, "a list of collections");

#define RULE_FIELDS                                                                                     \
	{.name = "name", .schema = &name, .required = true, .doc = "what audits and refusals call it"}, \
	{.name = "notes", .schema = &text, .doc = "for people"},                                        \
	{.name = "owner", .schema = &text, .doc = "whom to ask"},                                       \
	{.name = "disabled", .schema = &boolean, .doc = "true: as if it were not there"}
#define RULE_SCOPE {.name = "scope", .schema = &scope, .doc = "collections it is for; all when absent"}

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
	{.name = "allowed", .schema = &paths, RULE_AT(allowed), .doc = "executables that are never judged"},
	{.name = "denied", .schema = &denied_paths, RULE_AT(processes), .doc = "executables that must not run"},
	{.name = "model", .schema = &effect, DETECTIONS(DETECTION_UNEXPECTED_PROCESS), .doc = "what the learned model does not know"},
};
static const struct schema processes = MAP(process_fields);

static const struct schema_field network_fields[] = {
	{.name = "port_scan", .schema = &effect_after, DETECTIONS(DETECTION_PORT_SCAN), .doc = "scans of ports or hosts"},
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

static int finish_rule(struct walk *w, const struct node *n, void *target)
{
	struct runtime_rule *rule = target;

	if (rule && value_scope_is_everything(w, n))
		rule->scope_count = 0;
	if (rule)
		grammar_finish_rule(rule);
	return 0;
}

static const struct schema_field runtime_fields[] = {
	{.name = "name", .schema = &name, RULE_AT(name), .required = true, .doc = "what audits and refusals call it"},
	{.name = "notes", .schema = &text, RULE_AT(notes), .doc = "for people"},
	{.name = "owner", .schema = &text, RULE_AT(owner), .doc = "whom to ask"},
	{.name = "disabled", .schema = &boolean, RULE_AT(disabled), .doc = "true: as if it were not there"},
	{.name = "scope", .schema = &scope, .stored = true, .doc = "collections it is for; all when absent"},
	{.name = "processes", .schema = &processes, .stored = true, .doc = "what runs"},
	{.name = "network", .schema = &network, .stored = true, .doc = "what connects"},
	{.name = "files", .schema = &files, .stored = true, .doc = "what is written"},
	{.name = "kubernetes", .schema = &effect, DETECTIONS(DETECTION_KUBE_API, DETECTION_CLOUD_METADATA), .doc = "attacks on the cluster and cloud"},
	{.name = "feeds", .schema = &effect, DETECTIONS(DETECTION_FEED_HASH, DETECTION_FEED_IP, DETECTION_FEED_DOMAIN), .doc = "matches of imported feeds"},
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

/* ---- trust ---- */

static const struct schema digest = {.kind = SCHEMA_TEXT, .expected = "a digest", .store = value_digest};
static const struct schema digests = LIST(digest, "a list of digests");
static const struct schema_field signature_fields[] = {
	{.name = "key", .schema = &text, .required = true, .doc = "file of a public key"},
};
static const struct schema signature = MAP(signature_fields);
static const struct schema signatures = LIST(signature, "a list of {key}");

static const struct schema_field group_fields[] = {
	{.name = "name", .schema = &name, .required = true, .doc = "what rules call it"},
	{.name = "notes", .schema = &text, .doc = "for people"},
	{.name = "images", .schema = &images, .doc = "image names"},
	{.name = "digests", .schema = &digests, .doc = "image digests"},
	{.name = "signatures", .schema = &signatures, .doc = "who must have signed"},
};
static const struct schema group = MAP(group_fields);
static const struct schema groups = {.kind = SCHEMA_LIST, .item = &group, .expected = "a list of groups",
	.names = NAMES_GROUPS, .max = POLICY_RULES_MAX};

static const struct schema group_name = {.kind = SCHEMA_TEXT, .expected = "the name of a group", .store = value_group};
static const struct schema group_names = LIST(group_name, "a list of groups");
static const struct schema_field trust_rule_fields[] = {
	RULE_FIELDS, RULE_SCOPE,
	{.name = "allowed", .schema = &group_names, .doc = "groups that may run"},
	{.name = "denied", .schema = &group_names, .doc = "groups that may not"},
	{.name = "effect", .schema = &gate_effect, .required = true, .doc = "what happens to the rest"},
};
static const struct schema trust_rule = MAP(trust_rule_fields);
static const struct schema trust_rules = RULES(trust_rule, NAMES_TRUST);

static const struct schema_field trust_fields[] = {
	{.name = "groups", .schema = &groups, .doc = "groups of images"},
	{.name = "rules", .schema = &trust_rules, .doc = "which groups may run where"},
};
static const struct schema trust = MAP(trust_fields);

/* ---- vulnerabilities, compliance ---- */

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

static const struct schema checks = {.kind = SCHEMA_DICT, .item = &gate_effect, .expected = "a map of `check: effect`"};
static const struct schema_field compliance_fields[] = {
	RULE_FIELDS, RULE_SCOPE,
	{.name = "checks", .schema = &checks, .required = true, .doc = "checks and their effects"},
};
static const struct schema compliance_rule = MAP(compliance_fields);
static const struct schema compliance = RULES(compliance_rule, NAMES_COMPLIANCE);

/* ---- access, admission, outputs ---- */

static const struct schema conditions = {.kind = SCHEMA_DICT, .item = &any, .expected = "a map of `condition: value`"};
static const struct schema_field access_fields[] = {
	RULE_FIELDS,
	{.name = "users", .schema = &words, .doc = "who; all when absent"},
	{.name = "groups", .schema = &words, .doc = "whose; all when absent"},
	{.name = "actions", .schema = &words, .doc = "what; all when absent"},
	{.name = "when", .schema = &conditions, .doc = "what is asked for"},
	{.name = "effect", .schema = &access_effect, .required = true, .doc = "the answer"},
	{.name = "message", .schema = &text, .doc = "what the user is told"},
	{.name = "audit", .schema = &audit_choice, .doc = "what is recorded"},
};
static const struct schema access_rule = MAP(access_fields);
static const struct schema access_rules = RULES(access_rule, NAMES_ACCESS);
static const struct schema admission = RULES(access_rule, NAMES_ADMISSION);

static const struct schema output = {.kind = SCHEMA_DICT, .item = &any, .expected = "a map of `key: value`"};
static const struct schema outputs = RULES(output, NAMES_OUTPUTS);

/* ---- the whole ---- */

static const struct schema version = {.kind = SCHEMA_TEXT, .expected = "the number 1", .store = value_version};

static const struct schema_field policy_fields[] = {
	{.name = "version", .schema = &version, .doc = "of the policy language: 1"},
	{.name = "collections", .schema = &collections, .stored = true, .doc = "named sets of containers"},
	{.name = "runtime", .schema = &runtime, .stored = true, .doc = "rules for running containers"},
	{.name = "trust", .schema = &trust, .later = true, .doc = "which images may run"},
	{.name = "vulnerabilities", .schema = &vulnerabilities, .later = true, .doc = "rules for findings in images"},
	{.name = "compliance", .schema = &compliance, .later = true, .doc = "rules for settings of containers and hosts"},
	{.name = "access", .schema = &access_rules, .later = true, .doc = "who may do what with the engine"},
	{.name = "admission", .schema = &admission, .later = true, .doc = "the same for Kubernetes"},
	{.name = "outputs", .schema = &outputs, .later = true, .doc = "where alerts go"},
};
const struct schema grammar_policy = {.kind = SCHEMA_MAP, .expected = "a map with version, collections, runtime, ...", FIELDS(policy_fields)};
