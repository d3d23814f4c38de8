/* SPDX-License-Identifier: Apache-2.0 */
/* Section 2 of the benchmark: how the engine's daemon is set up. See compliance_judge.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "gate/compliance_judge.h"

#define CAUSE_MAX 400
#define HOSTS_MAX 64
#define MAINTAINED_MAJOR 25 /* the oldest line of Moby that is mended upstream */

/* PASS, FAIL with a cause, or nothing to say. */
enum answer { ANSWER_PASS, ANSWER_FAIL, ANSWER_UNKNOWN };

struct cause {
	char text[CAUSE_MAX];
};

static enum answer fail(struct cause *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static enum answer fail(struct cause *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->text, sizeof(c->text), fmt, ap);
	va_end(ap);
	return ANSWER_FAIL;
}

static enum answer pass_if(bool good, struct cause *c, const char *cause)
{
	return good ? ANSWER_PASS : fail(c, "%s", cause);
}

/* --- options: of the command line, else of the file; the daemon refuses one that is in both --- */

struct option {
	const char *flag;  /* "log-level" */
	char letter;	   /* 'l', 0 = none */
	bool boolean;	   /* its value is never the next word */
	const char *key;   /* of the file; lists end in s there */
};

/* The value of the word at *i for this option, NULL when it is another; *i moves over its value. */
static const char *word_value(const struct str_list *words, uint32_t *i, const struct option *o)
{
	const char *w = words->items[*i], *rest = NULL;
	size_t n = strlen(o->flag);

	if (w[0] != '-')
		return NULL;
	if (w[1] == '-' && strncmp(w + 2, o->flag, n) == 0 && (w[n + 2] == '=' || !w[n + 2]))
		rest = w + n + 2;
	else if (o->letter && w[1] == o->letter)
		rest = w + 2;
	if (!rest)
		return NULL;
	if (*rest == '=')
		return rest + 1;
	if (*rest)
		return rest; /* -Htcp://... */
	if (o->boolean)
		return "true";
	return *i + 1 < words->count ? words->items[++*i] : "";
}

static const char *option_word(const struct daemon_facts *f, const struct option *o)
{
	const char *found = NULL, *v;

	for (uint32_t i = 0; f->words && i < f->words->count; i++)
		if ((v = word_value(f->words, &i, o)))
			found = v; /* the last one counts */
	return found;
}

/* Is enough known to tell that an option is not set? */
static bool settings_known(const struct daemon_facts *f)
{
	return f->words && !f->config_unread;
}

static bool is_true(const char *text)
{
	return strcmp(text, "true") == 0 || strcmp(text, "1") == 0 || strcmp(text, "t") == 0 ||
	       strcmp(text, "T") == 0 || strcmp(text, "TRUE") == 0 || strcmp(text, "True") == 0;
}

static bool option_bool(const struct daemon_facts *f, const char *name, bool otherwise)
{
	const struct option o = {.flag = name, .boolean = true};
	const char *word = option_word(f, &o);

	return word ? is_true(word) : json_get_bool(f->config, name, otherwise);
}

static const char *option_str(const struct daemon_facts *f, const char *name, char letter)
{
	const struct option o = {.flag = name, .letter = letter};
	const char *word = option_word(f, &o);

	return word ? word : json_get_str(f->config, name, "");
}

static bool has_security(const struct daemon_facts *f, const char *name)
{
	const struct json *options = json_get(f->info, "SecurityOptions");
	size_t n = strlen(name);

	for (const struct json *j = json_first(options); j; j = json_next(j)) {
		const char *o = json_str(j, "");
		if (str_has_prefix(o, "name="))
			o += strlen("name=");
		if (strncmp(o, name, n) == 0 && (!o[n] || o[n] == ','))
			return true;
	}
	return false;
}

/* --- the checks --- */

static enum answer engine_version(const struct daemon_facts *f, struct cause *c)
{
	const char *v = json_get_str(f->version, "Version", "");
	char *end;
	unsigned long major = strtoul(v, &end, 10);

	if (end == v || *end != '.')
		return ANSWER_UNKNOWN;
	return major >= MAINTAINED_MAJOR ? ANSWER_PASS
					 : fail(c,
						   "version %.60s: upstream mends lines from %d on; a distribution may mend "
						   "its own",
						   v, MAINTAINED_MAJOR);
}

static enum answer rootless(const struct daemon_facts *f, struct cause *c)
{
	return pass_if(has_security(f, "rootless"), c, "the daemon runs as root");
}

static enum answer icc(const struct daemon_facts *f, struct cause *c)
{
	const struct json *options = json_get(f->bridge, "Options");

	if (f->no_bridge)
		return ANSWER_PASS;
	if (!f->bridge)
		return ANSWER_UNKNOWN;
	return pass_if(!is_true(json_get_str(options, "com.docker.network.bridge.enable_icc", "true")), c,
		"containers on the network 'bridge' reach each other on every port");
}

static enum answer log_level(const struct daemon_facts *f, struct cause *c)
{
	const char *level = option_str(f, "log-level", 'l');

	if (json_get_bool(f->info, "Debug", false))
		return fail(c, "the daemon runs with debug on");
	if (!settings_known(f) && !*level)
		return ANSWER_UNKNOWN;
	return !*level || strcmp(level, "info") == 0 ? ANSWER_PASS : fail(c, "the level is '%.40s'", level);
}

static enum answer iptables(const struct daemon_facts *f, struct cause *c)
{
	if (!option_bool(f, "iptables", true))
		return fail(c, "iptables is set to false");
	return settings_known(f) ? ANSWER_PASS : ANSWER_UNKNOWN;
}

static bool is_loopback_name(const char *registry)
{
	return str_has_prefix(registry, "localhost:") || strcmp(registry, "localhost") == 0 ||
	       str_has_prefix(registry, "127.") || str_has_prefix(registry, "[::1]") ||
	       str_has_prefix(registry, "::1");
}

static enum answer registries(const struct daemon_facts *f, struct cause *c)
{
	const struct json *config = json_get(f->info, "RegistryConfig");

	if (!json_is_object(config))
		return ANSWER_UNKNOWN;
	for (const struct json *j = json_first(json_get(config, "IndexConfigs")); j; j = json_next(j))
		if (!json_get_bool(j, "Secure", true) && !is_loopback_name(json_key(j)))
			return fail(c, "'%.200s' is spoken to without TLS", json_key(j));
	for (const struct json *j = json_first(json_get(config, "InsecureRegistryCIDRs")); j; j = json_next(j))
		if (!is_loopback_name(json_str(j, "")))
			return fail(c, "every registry in %.60s is spoken to without TLS", json_str(j, ""));
	return ANSWER_PASS;
}

static enum answer aufs(const struct daemon_facts *f, struct cause *c)
{
	return pass_if(strcmp(json_get_str(f->info, "Driver", ""), "aufs") != 0, c, "the storage driver is aufs");
}

/* Everything but unix:// and fd:// is TCP: "tcp://x", "x:2375", ":2375", "". */
static bool is_tcp(const char *host)
{
	return !str_has_prefix(host, "unix://") && !str_has_prefix(host, "fd://") && !str_has_prefix(host, "npipe://");
}

/* The first TCP address that the daemon listens on, NULL = none that is known. */
static const char *tcp_host(const struct daemon_facts *f)
{
	static const struct option o = {.flag = "host", .letter = 'H'};
	const char *v;

	for (uint32_t i = 0; f->words && i < f->words->count; i++)
		if ((v = word_value(f->words, &i, &o)) && is_tcp(v))
			return v;
	for (const struct json *j = json_first(json_get(f->config, "hosts")); j; j = json_next(j))
		if (json_is_string(j) && is_tcp(json_str(j, "")))
			return json_str(j, "");
	return NULL;
}

/* Newer engines say it themselves: "WARNING: API is accessible on http://0.0.0.0:2375 without encryption." */
static const char *own_warning(const struct daemon_facts *f)
{
	for (const struct json *j = json_first(json_get(f->info, "Warnings")); j; j = json_next(j)) {
		const char *at = strstr(json_str(j, ""), "API is accessible on http");
		if (at)
			return at;
	}
	return NULL;
}

/* Certificates of clients are what counts: TLS alone hides what is said, and lets everybody speak. */
static enum answer tcp(const struct daemon_facts *f, struct cause *c)
{
	const char *host = tcp_host(f), *warning = own_warning(f);

	if (warning) {
		size_t n = strcspn(warning, "\n"); /* its first line, a sentence */
		return fail(c, "%.*s", (int)(n - (n && warning[n - 1] == '.')), warning);
	}
	if (!host)
		return settings_known(f) ? ANSWER_PASS : ANSWER_UNKNOWN;
	if (option_bool(f, "tlsverify", false))
		return ANSWER_PASS;
	return fail(c, "%.120s takes commands from everybody who reaches it%s", *host ? host : "tcp://",
		option_bool(f, "tls", false) ? ": TLS, but no certificate is asked for" : ", without TLS");
}

static enum answer ulimits(const struct daemon_facts *f, struct cause *c)
{
	static const struct option o = {.flag = "default-ulimit"};

	if (option_word(f, &o) || json_first(json_get(f->config, "default-ulimits")))
		return ANSWER_PASS;
	return settings_known(f) ? fail(c, "no default-ulimits are set") : ANSWER_UNKNOWN;
}

static enum answer userns(const struct daemon_facts *f, struct cause *c)
{
	return pass_if(has_security(f, "userns") || has_security(f, "rootless"), c, "no user namespaces are used");
}

static enum answer cgroup_parent(const struct daemon_facts *f, struct cause *c)
{
	const char *parent = option_str(f, "cgroup-parent", 0);

	if (*parent && strcmp(parent, "/docker") != 0)
		return fail(c, "the parent cgroup is '%.120s'", parent);
	return settings_known(f) ? ANSWER_PASS : ANSWER_UNKNOWN;
}

static enum answer base_size(const struct daemon_facts *f, struct cause *c)
{
	static const struct option o = {.flag = "storage-opt"};
	const char *v;

	for (uint32_t i = 0; f->words && i < f->words->count; i++)
		if ((v = word_value(f->words, &i, &o)) && str_has_prefix(v, "dm.basesize"))
			return fail(c, "%.80s is set", v);
	for (const struct json *j = json_first(json_get(f->config, "storage-opts")); j; j = json_next(j))
		if (str_has_prefix(json_str(j, ""), "dm.basesize"))
			return fail(c, "%.80s is set", json_str(j, ""));
	return settings_known(f) ? ANSWER_PASS : ANSWER_UNKNOWN;
}

static enum answer authorization(const struct daemon_facts *f, struct cause *c)
{
	return pass_if(json_first(json_path(f->info, "Plugins.Authorization")), c,
		"no authorization plugin is set: whoever reaches the socket is root");
}

static enum answer logging(const struct daemon_facts *f, struct cause *c)
{
	const char *driver = json_get_str(f->info, "LoggingDriver", "");

	if (!*driver)
		return ANSWER_UNKNOWN;
	if (strcmp(driver, "json-file") == 0 || strcmp(driver, "local") == 0 || strcmp(driver, "none") == 0)
		return fail(c, "the log driver is '%s'", driver);
	return ANSWER_PASS;
}

static enum answer no_new_privileges(const struct daemon_facts *f, struct cause *c)
{
	if (option_bool(f, "no-new-privileges", false) || has_security(f, "no-new-privileges"))
		return ANSWER_PASS;
	return settings_known(f) ? fail(c, "no-new-privileges is not set") : ANSWER_UNKNOWN;
}

static bool in_swarm(const struct daemon_facts *f)
{
	const char *state = json_str(json_path(f->info, "Swarm.LocalNodeState"), "inactive");

	return strcmp(state, "inactive") != 0;
}

static enum answer live_restore(const struct daemon_facts *f, struct cause *c)
{
	if (in_swarm(f))
		return ANSWER_UNKNOWN; /* the two exclude each other */
	return pass_if(json_get_bool(f->info, "LiveRestoreEnabled", false), c, "live-restore is off");
}

static enum answer userland_proxy(const struct daemon_facts *f, struct cause *c)
{
	if (!option_bool(f, "userland-proxy", true))
		return ANSWER_PASS;
	return settings_known(f) ? fail(c, "the userland proxy is on") : ANSWER_UNKNOWN;
}

static enum answer seccomp(const struct daemon_facts *f, struct cause *c)
{
	const struct json *options = json_get(f->info, "SecurityOptions");

	for (const struct json *j = json_first(options); j; j = json_next(j))
		if (str_has_prefix(json_str(j, ""), "name=seccomp") && strstr(json_str(j, ""), "profile=unconfined"))
			return fail(c, "the default seccomp profile is 'unconfined'");
	return pass_if(has_security(f, "seccomp"), c, "the engine does not use seccomp");
}

static enum answer experimental(const struct daemon_facts *f, struct cause *c)
{
	return pass_if(!json_get_bool(f->info, "ExperimentalBuild", false), c, "experimental features are on");
}

static enum answer swarm(const struct daemon_facts *f, struct cause *c)
{
	return pass_if(!in_swarm(f), c, "the engine is part of a swarm");
}

static const struct {
	const char *check;
	enum answer (*judge)(const struct daemon_facts *f, struct cause *c);
	bool version; /* it needs the version only */
} checks[] = {
	{"engine_version", engine_version, true},
	{"daemon_rootless", rootless},
	{"daemon_icc", icc},
	{"daemon_log_level", log_level},
	{"daemon_iptables", iptables},
	{"insecure_registries", registries},
	{"storage_aufs", aufs},
	{"daemon_tcp", tcp},
	{"default_ulimits", ulimits},
	{"userns_remap", userns},
	{"daemon_cgroup_parent", cgroup_parent},
	{"base_device_size", base_size},
	{"authorization_plugin", authorization},
	{"remote_logging", logging},
	{"daemon_no_new_privileges", no_new_privileges},
	{"live_restore", live_restore},
	{"userland_proxy", userland_proxy},
	{"daemon_seccomp", seccomp},
	{"experimental", experimental},
	{"swarm_mode", swarm},
};

void compliance_judge_daemon(const struct daemon_facts *f, judge_fn *fn, void *ctx)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		struct cause c = {""};
		if (!checks[i].version && !json_is_object(f->info))
			continue;
		enum answer a = checks[i].judge(f, &c);
		if (a != ANSWER_UNKNOWN)
			fn(ctx, checks[i].check, a == ANSWER_PASS, c.text);
	}
}
