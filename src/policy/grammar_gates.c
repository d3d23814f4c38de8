/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the areas trust, compliance, access, and admission, which has access's form and a scope. */
#include <errno.h>

#include "policy/grammar_words.h"

/* clang-format off */

/* The end of a rule's map: a scope that names `everything` is none. */
static int finish_head(struct walk *w, const struct node *n, void *target)
{
	struct rule_head *head = target;

	if (head && value_scope_is_everything(w, n))
		head->scope_count = 0;
	return 0;
}

/* ---- trust ---- */

#define GROUP_AT(member) .offset = offsetof(struct trust_group, member), .stored = true
#define TRUST_AT(member) .offset = offsetof(struct trust_rule, member), .stored = true

static const struct schema digest = TEXT("a digest", value_digest);
static const struct schema digests = LIST(digest, "a list of digests");
static const struct schema layers = LIST(digest, "a list of layer digests, the lowest first");
static const struct schema key = TEXT("a public key in PEM", value_key);
static const struct schema_field signature_fields[] = {
	{.name = "key", .schema = &key, .stored = true, .required = true, .doc = "public key: PEM text, or the name of its file for `seawall policy apply`"},
};
static const struct schema signature = MAP(signature_fields);
static const struct schema signatures = LIST(signature, "a list of {key}");

static int finish_group(struct walk *w, const struct node *n, void *target)
{
	static const char *const lists[] = {"images", "digests", "base_layers", "signatures"};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const struct node *list = node_get(n, lists[i]);

		/* What is no list has been told already. */
		if (list && list->kind != NODE_NULL && (list->count || list->kind == NODE_TEXT))
			return 0;
	}
	return schema_error(w, n, "images, digests, base_layers or signatures", "the group says no image");
}

static const struct schema_field group_fields[] = {
	{.name = "name", .schema = &name, GROUP_AT(name), .required = true, .doc = "what rules call it"},
	{.name = "notes", .schema = &text, GROUP_AT(notes), .doc = "for people"},
	{.name = "images", .schema = &images, GROUP_AT(images), .doc = "image names"},
	{.name = "digests", .schema = &digests, GROUP_AT(digests), .doc = "image digests"},
	{.name = "base_layers", .schema = &layers, GROUP_AT(base_layers), .doc = "layers that the image begins with"},
	{.name = "signatures", .schema = &signatures, GROUP_AT(keys), .doc = "who must have signed: one of them"},
};
static const struct schema group = {.kind = SCHEMA_MAP, .expected = "a group of images", FIELDS(group_fields), .store = finish_group};

static void *add_group(void *target)
{
	struct policy *p = target;

	return grow((void **)&p->trust_groups, &p->trust_group_count, sizeof(*p->trust_groups));
}

static const struct schema groups = {.kind = SCHEMA_LIST, .item = &group, .expected = "a list of groups",
	.names = NAMES_GROUPS, .max = POLICY_RULES_MAX, .add = add_group};

static const struct schema group_name = TEXT("the name of a group", value_group);
static const struct schema group_names = LIST(group_name, "a list of groups");
static const struct schema_field trust_rule_fields[] = {
	RULE_FIELDS, RULE_SCOPE,
	{.name = "allowed", .schema = &group_names, TRUST_AT(allowed), .doc = "groups that may run"},
	{.name = "denied", .schema = &group_names, TRUST_AT(denied), .doc = "groups that may not; before those allowed"},
	{.name = "effect", .schema = &gate_effect, TRUST_AT(effect), .required = true, .doc = "what happens to those denied, and to all that are not allowed"},
};

static int finish_trust_rule(struct walk *w, const struct node *n, void *target)
{
	const struct trust_rule *rule = target;

	if (rule && rule->allowed.count == 0 && rule->denied.count == 0 && w->messages->errors == 0) {
		int r = schema_warning(w, n, "the rule names no group: it lets every image pass");

		if (r < 0)
			return r;
	}
	return finish_head(w, n, target);
}

static const struct schema trust_rule = {.kind = SCHEMA_MAP, .expected = "a rule", FIELDS(trust_rule_fields), .store = finish_trust_rule};

static void *add_trust_rule(void *target)
{
	struct policy *p = target;

	return grow((void **)&p->trust, &p->trust_count, sizeof(*p->trust));
}

static const struct schema trust_rules = STORED_RULES(trust_rule, NAMES_TRUST, add_trust_rule);

static const struct schema_field trust_fields[] = {
	{.name = "groups", .schema = &groups, .stored = true, .doc = "groups of images"},
	{.name = "rules", .schema = &trust_rules, .stored = true, .doc = "which groups may run where"},
};
const struct schema grammar_trust = MAP(trust_fields);

/* ---- compliance ---- */

static void *add_check(void *target)
{
	struct compliance_rule *r = target;

	return grow((void **)&r->checks, &r->check_count, sizeof(*r->checks));
}

/* The effect is the first member of struct check_effect: the dict's values go straight there. */
static const struct schema checks = {.kind = SCHEMA_DICT, .item = &gate_effect, .expected = "a map of `check: effect`",
	.add = add_check, .store = value_check};
static const struct schema_field compliance_fields[] = {
	RULE_FIELDS, RULE_SCOPE,
	{.name = "checks", .schema = &checks, .stored = true, .required = true, .doc = "checks and their effects"},
};
static const struct schema compliance_rule = {.kind = SCHEMA_MAP, .expected = "a rule", FIELDS(compliance_fields), .store = finish_head};

static void *add_compliance_rule(void *target)
{
	struct policy *p = target;

	return grow((void **)&p->compliance, &p->compliance_count, sizeof(*p->compliance));
}

const struct schema grammar_compliance = STORED_RULES(compliance_rule, NAMES_COMPLIANCE, add_compliance_rule);

/* ---- access, admission ---- */

#define WHEN_AT(member) .offset = offsetof(struct access_when, member), .stored = true
#define ACCESS_AT(member) .offset = offsetof(struct access_rule, member), .stored = true

static const struct schema access_effect = {.kind = SCHEMA_CHOICE, .choices = &access_effect_names, .expected = "effect"};
static const struct schema audit_choice = {.kind = SCHEMA_CHOICE, .choices = &access_audit_names, .expected = "audit"};
static const struct schema message = TEXT("a text", value_message);
static const struct schema fact = {.kind = SCHEMA_BOOL, .expected = "true or false", .store = value_fact};
static const struct schema user = TEXT("a pattern of users", value_user);
static const struct schema users = LIST(user, "a list of users");
static const struct schema word_pattern = TEXT("a pattern", value_pattern);
static const struct schema user_groups = LIST(word_pattern, "a list of groups");
static const struct schema actions = LIST(word_pattern, "a list of actions");
static const struct schema asked_patterns = SCOPE_LIST(word_pattern, "a list of patterns");
static const struct schema asked_users = SCOPE_LIST(user, "a list of users");
static const struct schema capability = TEXT("a capability such as NET_ADMIN, or `*`", value_capability);
static const struct schema capabilities = SCOPE_LIST(capability, "a list of capabilities");
static const struct schema bind = TEXT("a path", value_bind);
static const struct schema binds = SCOPE_LIST(bind, "a list of paths");
static const struct schema host_namespace = TEXT("a namespace", value_host_namespace);
static const struct schema host_namespaces = SCOPE_LIST(host_namespace, "a list of namespaces");
static const struct schema client = TEXT("an address", value_client);
static const struct schema clients = SCOPE_LIST(client, "a list of addresses");

static const struct schema_field when_fields[] = {
	{.name = "privileged", .schema = &fact, WHEN_AT(privileged), .doc = "a privileged container or exec"},
	{.name = "capabilities", .schema = &capabilities, WHEN_AT(capabilities), .doc = "capabilities that are added"},
	{.name = "binds", .schema = &binds, WHEN_AT(binds), .doc = "paths of the host that are mounted"},
	{.name = "volumes", .schema = &asked_patterns, WHEN_AT(volumes), .doc = "named volumes that are mounted"},
	{.name = "devices", .schema = &asked_patterns, WHEN_AT(devices), .doc = "devices of the host"},
	{.name = "host_namespaces", .schema = &host_namespaces, WHEN_AT(host_namespaces), .doc = "namespaces of the host: network, pid, ipc, uts, user, cgroup"},
	{.name = "joins", .schema = &asked_patterns, WHEN_AT(joins), .doc = "containers whose namespaces are joined"},
	{.name = "security_options", .schema = &asked_patterns, WHEN_AT(security_options), .doc = "such as seccomp=unconfined"},
	{.name = "sysctls", .schema = &asked_patterns, WHEN_AT(sysctls), .doc = "kernel settings, by key or key=value"},
	{.name = "runtimes", .schema = &asked_patterns, WHEN_AT(runtimes), .doc = "OCI runtimes that are named"},
	{.name = "networks", .schema = &asked_patterns, WHEN_AT(networks), .doc = "networks of a container, build or connect"},
	{.name = "images", .schema = &images, WHEN_AT(images), .doc = "the image"},
	{.name = "exec_users", .schema = &asked_users, WHEN_AT(exec_users), .doc = "the user of an exec"},
	{.name = "targets", .schema = &asked_patterns, WHEN_AT(targets), .doc = "what the command is for: a container, a volume, ..."},
	{.name = "addresses", .schema = &clients, WHEN_AT(addresses), .doc = "addresses and networks of the client"},
};
static const struct schema when = {.kind = SCHEMA_MAP, .expected = "a map of `condition: value`", FIELDS(when_fields)};

#define ACCESS_FIELDS \
	{.name = "users", .schema = &users, ACCESS_AT(users), .doc = "who; all when absent; \"\" is nobody in particular"}, \
	{.name = "groups", .schema = &user_groups, ACCESS_AT(groups), .doc = "whose; all when absent"}, \
	{.name = "actions", .schema = &actions, ACCESS_AT(actions), .doc = "what: names, patterns, read_only, dangerous; all when absent"}, \
	{.name = "when", .schema = &when, ACCESS_AT(when), .doc = "what is asked for"}, \
	{.name = "effect", .schema = &access_effect, ACCESS_AT(effect), .required = true, .doc = "the answer"}, \
	{.name = "message", .schema = &message, ACCESS_AT(message), .doc = "what the user is told"}, \
	{.name = "audit", .schema = &audit_choice, ACCESS_AT(audit), .doc = "what is recorded; counted when absent"}
static const struct schema_field access_fields[] = {RULE_FIELDS, ACCESS_FIELDS};
static const struct schema_field admission_fields[] = {RULE_FIELDS, RULE_SCOPE, ACCESS_FIELDS};

static int finish_access_rule(struct walk *w, const struct node *n, void *target)
{
	struct access_rule *rule = target;
	const struct node *audit = node_get(n, "audit");
	bool less = rule && (rule->audit == ACCESS_AUDIT_DENIED || rule->audit == ACCESS_AUDIT_NONE);

	if (rule && !audit)
		rule->audit = ACCESS_AUDIT_COUNTED;
	if (audit && less && rule->effect == ACCESS_ALERT && w->messages->errors == 0)
		return schema_warning(w, audit, "'audit' makes no difference to an alert: it is recorded always");
	return 0;
}

static const struct schema access_rule = {.kind = SCHEMA_MAP, .expected = "a rule", FIELDS(access_fields), .store = finish_access_rule};

static int finish_admission_rule(struct walk *w, const struct node *n, void *target)
{
	int r = finish_access_rule(w, n, target);

	return r < 0 ? r : finish_head(w, n, target);
}

static const struct schema admission_rule = {.kind = SCHEMA_MAP, .expected = "a rule", FIELDS(admission_fields), .store = finish_admission_rule};

static void *add_access_rule(void *target)
{
	struct policy *p = target;

	return grow((void **)&p->access, &p->access_count, sizeof(*p->access));
}

const struct schema grammar_access = STORED_RULES(access_rule, NAMES_ACCESS, add_access_rule);

static void *add_admission_rule(void *target)
{
	struct policy *p = target;

	return grow((void **)&p->admission, &p->admission_count, sizeof(*p->admission));
}

const struct schema grammar_admission = STORED_RULES(admission_rule, NAMES_ADMISSION, add_admission_rule);
