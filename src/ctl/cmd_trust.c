/* SPDX-License-Identifier: Apache-2.0 */
/* seawall trust groups, check: which images are trusted, and why one is or is not. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/output.h"
#include "ctl/policy_files.h"
#include "ctl/trust_facts.h"
#include "policy/gates.h"

/* The policy of a file, or the one in force. Returns a CTL_ code. */
static int get_policy(struct call *c, struct policy **ret)
{
	CLEANUP(files_done) struct files files = {.json = c->json};
	CLEANUP(reply_done) struct reply reply = {0};
	CLEANUP(client_free) struct client *client = NULL;
	struct policy_messages messages = {0};
	struct policy_source source;
	struct diag diag = {0};
	const char *file = call_value(c, "policy");
	int code = CTL_DONE;

	if (file) {
		code = files_read(&files, &file, 1);
		source = files.sources[0];
	} else if (client_new(&client, &diag) < 0) {
		return cannot(&diag);
	} else {
		code = client_get(client, "/policy", &reply);
		source.name = "policy";
		source.text = json_get_str(reply.json, "text", "");
		source.size = strlen(source.text);
	}
	if (code != CTL_DONE)
		return code;
	int r = policy_load(ret, &source, 1, &messages);
	if (r < 0)
		findings_of_check(&messages, c->json);
	policy_messages_done(&messages);
	return r == 0 ? CTL_DONE : r == -ENOMEM ? cannot_say("out of memory") : CTL_NO;
}

static int print_line(struct buf *b)
{
	if (b->failed)
		return cannot_say("out of memory");
	puts((char *)b->data);
	return CTL_DONE;
}

static void put_strings(struct buf *b, const char *key, const struct str_list *l)
{
	json_put_key(b, key);
	buf_putc(b, '[');
	for (uint32_t i = 0; i < l->count; i++) {
		json_put_sep(b);
		json_put_str(b, l->items[i]);
	}
	buf_putc(b, ']');
}

/* ---- groups ---- */

static bool in_list(const struct group_list *l, uint32_t g)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (l->items[i] == g)
			return true;
	return false;
}

static struct trust_key *key_of(const char *pem)
{
	struct trust_key *k = NULL;

	return trust_key_new(&k, pem, strlen(pem), NULL) == 0 ? k : NULL;
}

static int group_json(const struct policy *p, uint32_t i)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4u << 20);
	const struct trust_group *g = &p->trust_groups[i];

	buf_puts(&b, "{\"name\":");
	json_put_str(&b, g->name);
	json_put_key(&b, "images");
	buf_putc(&b, '[');
	for (uint32_t k = 0; k < g->images.count; k++) {
		char text[2048];
		snprintf(text, sizeof(text), "%s%s", g->images.items[k].exclude ? "-" : "", g->images.items[k].text);
		json_put_sep(&b);
		json_put_str(&b, text);
	}
	buf_putc(&b, ']');
	put_strings(&b, "digests", &g->digests);
	put_strings(&b, "base_layers", &g->base_layers);
	json_put_key(&b, "keys");
	buf_putc(&b, '[');
	for (uint32_t k = 0; k < g->keys.count; k++) {
		CLEANUP(trust_key_free) struct trust_key *key = key_of(g->keys.items[k]);
		json_put_sep(&b);
		buf_puts(&b, "{\"kind\":");
		json_put_str(&b, key ? trust_key_kind(key) : NULL);
		buf_puts(&b, ",\"fingerprint\":");
		json_put_str(&b, key ? trust_key_fingerprint(key) : NULL);
		buf_putc(&b, '}');
	}
	buf_puts(&b, "],\"rules\":[");
	for (uint32_t k = 0; k < p->trust_count; k++) {
		if (!in_list(&p->trust[k].allowed, i) && !in_list(&p->trust[k].denied, i))
			continue;
		json_put_sep(&b);
		json_put_str(&b, p->trust[k].name);
	}
	buf_puts(&b, "]}");
	return print_line(&b);
}

/* One cell of a list: its items with commas between, each cut to so many bytes. */
static void cell_of(struct table *t, const struct str_list *l, int cut)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(65536);

	for (uint32_t i = 0; i < l->count; i++)
		buf_printf(&b, "%s%.*s", b.len ? ", " : "", cut, l->items[i]);
	table_add(t, b.len && !b.failed ? (char *)b.data : NULL);
}

#define DIGEST_CUT 19 /* "sha256:" and twelve digits */

static void group_row(struct table *t, const struct trust_group *g)
{
	CLEANUP(buf_done) struct buf images = BUF_INIT(65536), keys = BUF_INIT(65536);

	for (uint32_t k = 0; k < g->images.count; k++)
		buf_printf(&images, "%s%s%s", images.len ? ", " : "", g->images.items[k].exclude ? "-" : "", g->images.items[k].text);
	for (uint32_t k = 0; k < g->keys.count; k++) {
		CLEANUP(trust_key_free) struct trust_key *key = key_of(g->keys.items[k]);
		buf_printf(&keys, "%s%s %.*s", keys.len ? ", " : "", key ? trust_key_kind(key) : "?", DIGEST_CUT,
			key ? trust_key_fingerprint(key) : "");
	}
	table_add(t, g->name);
	table_add(t, images.len && !images.failed ? (char *)images.data : NULL);
	cell_of(t, &g->digests, DIGEST_CUT);
	cell_of(t, &g->base_layers, DIGEST_CUT);
	table_add(t, keys.len && !keys.failed ? (char *)keys.data : NULL);
}

int cmd_trust_groups(struct call *c)
{
	static const char *const titles[] = {"GROUP", "IMAGES", "DIGESTS", "BASE LAYERS", "KEYS", NULL};
	CLEANUP(policy_unref) struct policy *p = NULL;
	struct table t;
	int code = get_policy(c, &p);

	if (code != CTL_DONE)
		return code;
	table_init(&t, titles, 1);
	for (uint32_t i = 0; i < p->trust_group_count && code == CTL_DONE; i++) {
		if (c->json)
			code = group_json(p, i);
		else
			group_row(&t, &p->trust_groups[i]);
	}
	if (!c->json)
		table_print(&t, "the policy has no groups of images");
	return code;
}

/* ---- check ---- */

/* The group with one of its conditions only: which of them the image does not meet. */
static bool meets(const struct trust_group *part, const struct image_facts *image)
{
	struct policy p = {.trust_groups = (struct trust_group *)(uintptr_t)part, .trust_group_count = 1};
	const uint32_t zero = 0;

	return policy_trust_group(&p, &zero, 1, image) == 0;
}

static void why_not_signed(const struct trust_group *g, const struct trust_facts *f, char *out, size_t size)
{
	struct trust_finding found;

	snprintf(out, size, "%s", *f->trouble ? f->trouble : f->repo_digests.count ? "no signature is known for it" : "it has no digest (built here, or loaded from an archive), and is not what its name leads to in a registry");
	for (uint32_t k = 0; k < g->keys.count; k++) {
		CLEANUP(trust_key_free) struct trust_key *key = key_of(g->keys.items[k]);
		for (uint32_t i = 0; key && i < f->repo_digests.count; i++)
			if (evidence_check(&f->evidence, f->repo_digests.items[i], key, &found) == -EKEYREJECTED)
				snprintf(out, size, "%s", found.why);
	}
}

/* Whether the image is in the group, and why. */
static bool explain(const struct trust_group *g, const struct trust_facts *f, char *out, size_t size)
{
	const struct trust_group parts[] = {{.images = g->images}, {.digests = g->digests}, {.base_layers = g->base_layers}, {.keys = g->keys}};
	static const char *const in[] = {"its name", "its digest", "its base layers", "its signature"};
	static const char *const out_of[] = {"its name fits no pattern", "its digest is another", "it does not begin with these layers", ""};
	const bool asked[] = {g->images.count, g->digests.count, g->base_layers.count, g->keys.count};
	struct buf b = BUF_FIXED((uint8_t *)out, size);

	out[0] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!asked[i])
			continue;
		if (!meets(&parts[i], &f->image)) {
			snprintf(out, size, "%s", out_of[i]);
			if (i == 3)
				why_not_signed(g, f, out, size);
			return false;
		}
		buf_printf(&b, "%s%s", b.len ? ", " : "by ", in[i]);
	}
	return b.len > 0;
}

struct checked {
	const struct policy *policy;
	const struct trust_facts *facts;
	struct gate_verdict verdict;
	bool trusted;
};

static int print_json_verdict(const struct checked *x)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1u << 20), groups = BUF_INIT(1u << 20);
	const struct trust_facts *f = x->facts;
	char why[512];

	buf_puts(&b, "{\"image\":");
	json_put_str(&b, f->name);
	buf_printf(&b, ",\"trusted\":%s,\"groups\":[", x->trusted ? "true" : "false");
	for (uint32_t i = 0; i < x->policy->trust_group_count; i++) {
		const struct trust_group *g = &x->policy->trust_groups[i];
		bool in = explain(g, f, why, sizeof(why));
		if (in) {
			json_put_sep(&b);
			json_put_str(&b, g->name);
		}
		buf_printf(&groups, "%s{\"group\":", groups.len ? "," : "");
		json_put_str(&groups, g->name);
		buf_printf(&groups, ",\"in\":%s,\"why\":", in ? "true" : "false");
		json_put_str(&groups, why);
		buf_putc(&groups, '}');
	}
	buf_puts(&b, "],\"rule\":");
	json_put_str(&b, x->verdict.rule);
	buf_puts(&b, ",\"reason\":");
	json_put_str(&b, x->verdict.reason);
	buf_puts(&b, ",\"effect\":");
	json_put_str(&b, enum_name(&gate_effect_names, (int)x->verdict.effect));
	buf_printf(&b, ",\"explain\":[%s],\"id\":", groups.data ? (char *)groups.data : "");
	json_put_str(&b, f->id);
	put_strings(&b, "digests", &f->repo_digests);
	buf_puts(&b, ",\"from\":");
	json_put_str(&b, f->from);
	buf_puts(&b, ",\"trouble\":");
	json_put_str(&b, *f->trouble ? f->trouble : NULL);
	buf_putc(&b, '}');
	return print_line(&b);
}

static void print_text_verdict(const struct checked *x)
{
	char why[512];

	print_text(x->facts->name);
	printf(": %s%s%s\n  ", tint(x->trusted ? TINT_GREEN : TINT_RED), x->trusted ? "trusted" : "not trusted", tint(TINT_NONE));
	if (x->verdict.rule)
		printf("rule '%s': ", x->verdict.rule);
	print_text(x->verdict.reason);
	putchar('\n');
	for (uint32_t i = 0; i < x->policy->trust_group_count; i++) {
		bool in = explain(&x->policy->trust_groups[i], x->facts, why, sizeof(why));
		printf("  %s group '%s': ", in ? "in" : "not in", x->policy->trust_groups[i].name);
		print_text(why);
		putchar('\n');
	}
	if (*x->facts->trouble) {
		fputs("  ", stdout);
		print_text(x->facts->trouble);
		putchar('\n');
	}
}

static bool wants_signatures(const struct policy *p)
{
	for (uint32_t i = 0; i < p->trust_group_count; i++)
		if (p->trust_groups[i].keys.count)
			return true;
	return false;
}

int cmd_trust_check(struct call *c)
{
	CLEANUP(policy_unref) struct policy *p = NULL;
	CLEANUP(trust_facts_done) struct trust_facts facts = {0};
	struct diag diag = {0};
	int code = get_policy(c, &p);

	if (code != CTL_DONE)
		return code;
	int r = trust_facts_get(&facts, c->args[0], call_value(c, "layout"), wants_signatures(p), &diag);
	if (r < 0) {
		cannot(&diag);
		return r == -ENOENT ? CTL_NO : CTL_CANNOT;
	}
	struct policy_subject subject = {.image = facts.name, .namespace_ = call_value(c, "namespace")};
	struct checked x = {.policy = p, .facts = &facts, .verdict = policy_judge_trust(p, &subject, &facts.image)};
	x.trusted = x.verdict.effect == GATE_IGNORE;
	if (!x.verdict.rule)
		snprintf(x.verdict.reason, sizeof(x.verdict.reason), "no trust rule is about it");
	if (!c->json)
		print_text_verdict(&x);
	else
		code = print_json_verdict(&x);
	return code != CTL_DONE ? code : x.trusted ? CTL_DONE : CTL_NO;
}
