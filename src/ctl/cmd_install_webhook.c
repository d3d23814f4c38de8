/* SPDX-License-Identifier: Apache-2.0 */
/* seawall install webhook, uninstall webhook: an API server of Kubernetes is told of the Gate. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "ctl/command.h"
#include "ctl/output.h"
#include "ctl/pki.h"
#include "ctl/spawn.h"
#include "ctl/state.h"
#include "ctl/webhook_cert.h"

#define NAMES_MAX 32
#define MANIFEST_MAX (256u << 10)

/* "a,b" into a list of what can be a host name, which namespaces are too. */
static int split(const char *text, struct str_list *list, struct diag *reterr)
{
	for (const char *p = text; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
		CLEANUP(free) char *word = strndup(p, strcspn(p, ","));
		int r = word ? pki_host_check(word, reterr) : -ENOMEM;

		if (r == 0 && list->count == NAMES_MAX)
			r = diag_msg(reterr, -EINVAL, "more than %d of '%.100s'", NAMES_MAX, text);
		if (r == 0)
			r = str_list_add(list, word);
		if (r < 0)
			return r;
	}
	return 0;
}

static void say(const struct call *c, const char *file, const char *action)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(64u << 10);

	if (!c->json) {
		fprintf(stderr, "%s: %s\n", file, action);
		return;
	}
	buf_puts(&b, "{\"file\":");
	json_put_str(&b, file);
	buf_puts(&b, ",\"action\":");
	json_put_str(&b, action);
	buf_putc(&b, '}');
	if (!b.failed)
		puts((char *)b.data);
}

static int write_out(struct call *c, const char *path, const struct buf *text)
{
	CLEANUP(buf_done) struct buf old = BUF_INIT(MANIFEST_MAX);
	bool there = file_read(path, &old) == 0;
	bool same = there && old.len == text->len && memcmp(old.data, text->data, old.len) == 0;
	int r = same ? 0 : file_write_atomic(path, text->data, text->len, 0644);

	if (r < 0)
		return cannot_say("%s: %s", path, strerror(-r));
	say(c, path, same ? "unchanged" : there ? "changed" : "created");
	return CTL_DONE;
}

/* kubectl with these words, its talk shown when it fails. */
static int kubectl(const char *const *argv)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(1u << 20);
	int r = spawn_run(&(struct spawn){.argv = argv}, &out);

	if (r < 0)
		return cannot_say("kubectl cannot be run: %s", strerror(-r));
	if (out.data)
		fwrite(out.data, 1, out.len, stderr);
	return r == 0 ? CTL_DONE : cannot_say("kubectl failed (%d)", r);
}

static int apply(struct call *c, const struct buf *text)
{
	char path[PATH_MAX];
	const char *const argv[] = {"kubectl", "apply", "-f", state_path("webhook.yaml", path), NULL};
	int code = write_out(c, path, text);

	return code == CTL_DONE ? kubectl(argv) : code;
}

/* What the options say. */
struct wanted {
	struct str_list hosts, exempt;
	char host[256];
	unsigned port;
	bool closed;
};

static void wanted_done_cleanup_(struct wanted *w)
{
	str_list_done(&w->hosts);
	str_list_done(&w->exempt);
}

static int options_read(struct call *c, struct wanted *w, struct diag *reterr)
{
	const char *address = call_value(c, "address") ? call_value(c, "address") : getenv("SEAWALL_WEBHOOK");
	const char *fail = call_value(c, "fail");
	int r = 0;

	if (!address || !*address)
		return diag_msg(reterr, -EINVAL, "'install webhook' needs --address HOST:PORT: where the API server reaches this host");
	w->closed = fail && strcmp(fail, "closed") == 0;
	if (fail && !w->closed && strcmp(fail, "open") != 0)
		return diag_msg(reterr, -EINVAL, "--fail '%s': expected open or closed", fail);
	r = webhook_address(address, w->host, sizeof(w->host), &w->port, reterr);
	if (r == 0 && (strcmp(w->host, "0.0.0.0") == 0 || strcmp(w->host, "::") == 0))
		return diag_msg(reterr, -EINVAL, "'%s' is every address of this host; --address says the one that the API server reaches", w->host);
	if (r == 0)
		r = str_list_add(&w->hosts, w->host);
	if (r == 0)
		r = split(call_value(c, "host"), &w->hosts, reterr);
	return r == 0 ? split(call_value(c, "exempt"), &w->exempt, reterr) : r;
}

static int manifest(const struct wanted *w, struct buf *out, struct diag *reterr)
{
	CLEANUP(buf_done) struct buf ca = BUF_INIT(64u << 10);
	char path[PATH_MAX];
	int r = file_read(state_path("pki/ca.pem", path), &ca);

	if (r < 0)
		return diag_msg(reterr, r, "cannot read '%s': %s", path, strerror(-r));
	buf_putc(&ca, 0);
	webhook_manifest_put(out, &(struct webhook_manifest){.host = w->host, .port = w->port, .closed = w->closed, .exempt = &w->exempt,
		.ca = ca.failed ? "" : (const char *)ca.data});
	return out->failed;
}

int cmd_install_webhook(struct call *c)
{
	__attribute__((cleanup(wanted_done_cleanup_))) struct wanted w = {0};
	CLEANUP(buf_done) struct buf text = BUF_INIT(MANIFEST_MAX);
	struct diag diag = {0};
	const char *out = call_value(c, "out");
	char path[PATH_MAX];
	bool made = false, dry = call_flag(c, "dry-run");
	int r = options_read(c, &w, &diag);

	/* A manifest without the authority would be none; nothing else is made for a look. */
	if (r == 0 && dry && access(state_path("pki/ca.pem", path), F_OK) < 0)
		return cannot_say("there is no authority yet: without --dry-run, this makes it");
	if (r == 0 && !dry)
		r = webhook_cert(&w.hosts, &made, &diag);
	if (r == 0)
		r = manifest(&w, &text, &diag);
	if (r < 0)
		return *diag.message ? cannot(&diag) : cannot_say("out of memory");
	if (!dry)
		say(c, state_path("pki/" WEBHOOK_CERT_FILE, path), made ? "created" : "unchanged");
	if (out && !dry)
		r = write_out(c, out, &text);
	else if (!call_flag(c, "apply") || dry)
		fwrite(text.data, 1, text.len, stdout);
	if (r == CTL_DONE && call_flag(c, "apply") && !dry)
		r = apply(c, &text);
	return r;
}

int cmd_uninstall_webhook(struct call *c)
{
	/* The configuration first: while it is there and leads nowhere, failurePolicy decides about every pod. */
	static const char *const steps[][7] = {
		{"kubectl", "delete", "validatingwebhookconfiguration", "seawall", "--ignore-not-found", NULL},
		{"kubectl", "-n", WEBHOOK_NAMESPACE, "delete", "service/" WEBHOOK_NAME, "--ignore-not-found", NULL},
	};
	const char *out = call_value(c, "out");
	int code = CTL_DONE;

	for (size_t i = 0; i < ARRAY_SIZE(steps) && code == CTL_DONE; i++) {
		if (call_flag(c, "apply") && !call_flag(c, "dry-run")) {
			code = kubectl(steps[i]);
			continue;
		}
		for (size_t k = 0; steps[i][k]; k++)
			printf("%s%s", k ? " " : "", steps[i][k]);
		putchar('\n');
	}
	if (code == CTL_DONE && out && !call_flag(c, "dry-run")) {
		if (unlink(out) < 0 && errno != ENOENT)
			return cannot_say("%s: %s", out, strerror(errno));
		say(c, out, "removed");
	}
	return code;
}
