/* SPDX-License-Identifier: Apache-2.0 */
/* seawall user cert, user revoke: client certificates for the proxy in front of an engine. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "ctl/command.h"
#include "ctl/output.h"
#include "ctl/pki.h"
#include "ctl/pki_revoke.h"
#include "ctl/state.h"

#define DAYS 365

static int check_group(const char *text, struct diag *reterr)
{
	return pki_name_check("group", text, reterr);
}

/* "a,b" into a list, each checked. */
static int split(const char *text, struct str_list *list, uint32_t max, int (*check)(const char *, struct diag *), struct diag *reterr)
{
	for (const char *p = text; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
		CLEANUP(free) char *word = strndup(p, strcspn(p, ","));
		int r = word ? check(word, reterr) : -ENOMEM;

		if (r == 0 && list->count == max)
			r = diag_msg(reterr, -EINVAL, "more than %u of '%.100s'", max, text);
		if (r == 0)
			r = str_list_add(list, word);
		if (r < 0)
			return r;
	}
	return 0;
}

static void put_list(struct buf *b, const struct str_list *l)
{
	buf_putc(b, '[');
	for (uint32_t i = 0; i < l->count; i++) {
		json_put_sep(b);
		json_put_str(b, l->items[i]);
	}
	buf_putc(b, ']');
}

static void tell_json(const struct pki_user *user, const char *pki, const struct pki_made *made)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(64 << 10);
	char expires[TIME_TEXT_SIZE];
	const struct {
		const char *key, *value;
	} fields[] = {{"user", user->name}, {"directory", user->out}, {"serial", made->serial},
		{"expires", time_format(made->expires, expires, sizeof(expires))}, {"pki", pki}};

	buf_putc(&b, '{');
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		json_put_key(&b, fields[i].key);
		json_put_str(&b, fields[i].value);
	}
	json_put_key(&b, "groups");
	put_list(&b, user->groups);
	buf_printf(&b, ",\"authority_made\":%s,\"proxy_made\":%s}", made->authority ? "true" : "false", made->proxy ? "true" : "false");
	if (!b.failed)
		puts((char *)b.data);
}

static void tell(const struct pki_user *user, const char *pki, const struct pki_made *made)
{
	char expires[TIME_TEXT_SIZE];

	if (made->authority)
		printf("made the authority in %s: keep ca.key secret\n", pki);
	if (made->proxy)
		printf("made the proxy's certificate, %s/proxy.pem: a proxy that runs takes it within two seconds\n", pki);
	fputs("made the certificate of ", stdout);
	print_text(user->name);
	printf(", good until %.10s; use it with\n  export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=", time_format(made->expires, expires, sizeof(expires)));
	print_text(user->out);
	putchar('\n');
}

int cmd_user_cert(struct call *c)
{
	CLEANUP(str_list_done) struct str_list groups = {0};
	CLEANUP(str_list_done) struct str_list hosts = {0};
	const char *out = call_value(c, "out"), *days = call_value(c, "days");
	struct pki_user user = {.name = c->args[0], .groups = &groups};
	struct pki_made made;
	struct diag diag = {0};
	char pki[PATH_MAX];
	uint64_t n = DAYS;

	if (!out || !*out)
		return cannot_say("'user cert' needs -o DIR: where to write the certificate");
	if (days && parse_u64(days, 1, PKI_DAYS_MAX, &n) < 0)
		return cannot_say("--days '%s': expected a number from 1 to %d", days, PKI_DAYS_MAX);
	user.days = (uint32_t)n;
	user.out = out;
	int r = pki_name_check("user", user.name, &diag);
	if (r == 0)
		r = split(call_value(c, "groups"), &groups, PKI_GROUPS_MAX, check_group, &diag);
	if (r == 0)
		r = split(call_value(c, "host"), &hosts, PKI_HOSTS_MAX, pki_host_check, &diag);
	state_path("pki", pki);
	if (r == 0)
		r = pki_issue(pki, &hosts, &user, &made, &diag);
	if (r < 0)
		return *diag.message ? cannot(&diag) : cannot_say("out of memory");
	if (c->json)
		tell_json(&user, pki, &made);
	else
		tell(&user, pki, &made);
	return CTL_DONE;
}

int cmd_user_revoke(struct call *c)
{
	CLEANUP(str_list_done) struct str_list serials = {0};
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
	struct diag diag = {0};
	char pki[PATH_MAX];

	state_path("pki", pki);
	int r = pki_revoke(pki, c->args[0], call_value(c, "cert"), &serials, &diag);
	if (r < 0)
		return *diag.message ? cannot(&diag) : cannot_say("out of memory");
	if (c->json) {
		buf_puts(&b, "{\"user\":");
		json_put_str(&b, c->args[0]);
		buf_puts(&b, ",\"revoked\":");
		put_list(&b, &serials);
		buf_putc(&b, '}');
		if (!b.failed)
			puts((char *)b.data);
	} else if (serials.count) {
		printf("took back %u certificate%s of ", serials.count, serials.count == 1 ? "" : "s");
		print_text(c->args[0]);
		putchar('\n');
	} else {
		fputs("there is no certificate of ", stdout);
		print_text(c->args[0]);
		puts(" to take back; --cert FILE names one that was not noted when it was made");
	}
	return serials.count ? CTL_DONE : CTL_NO;
}
