/* SPDX-License-Identifier: Apache-2.0 */
/* One table of options; help is printed from it: see options.h. */
#include "defender/options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/parse.h"
#include "base/privilege.h"

#define JOURNAL_DEFAULT (100ull << 20)
#define JOURNAL_MIN (1ull << 20)
#define JOURNAL_MAX (16ull << 30)
#define SPOOL_DEFAULT (64ull << 20)
#define BLOCK_DEFAULT (600 * NSEC_PER_SEC)
#define DOCKER_DEFAULT "/run/docker.sock"
#define CONTAINERD_DEFAULT "/run/containerd/containerd.sock"

static const char *without_scheme(const char *address)
{
	return str_has_prefix(address, "unix://") ? address + strlen("unix://") : address;
}

static int add_engine(struct defender_config *c, enum runtime_kind kind, const char *socket, struct diag *reterr)
{
	socket = without_scheme(socket);
	if (socket[0] != '/')
		return diag_set(reterr, -EINVAL, 0, 0, "a path or unix:///path", "'%s' is no socket that can be opened here", socket);
	if (c->engine_count == ENGINES_MAX)
		return diag_msg(reterr, -EINVAL, "more than %d engines", ENGINES_MAX);
	c->engines[c->engine_count].kind = kind;
	c->engines[c->engine_count++].socket = socket;
	return 0;
}

static int set_docker(struct defender_config *c, const char *value, struct diag *reterr)
{
	return add_engine(c, RUNTIME_DOCKER, value, reterr);
}

static int set_containerd(struct defender_config *c, const char *value, struct diag *reterr)
{
	return add_engine(c, RUNTIME_CONTAINERD, value, reterr);
}

static int set_state(struct defender_config *c, const char *value, struct diag *reterr)
{
	(void)reterr;
	c->state = value;
	return 0;
}

static int set_size(uint64_t *to, const char *value, struct diag *reterr)
{
	uint64_t n;
	int r = parse_size(value, &n);

	if (r < 0 || n < JOURNAL_MIN || n > JOURNAL_MAX)
		return diag_set(reterr, -EINVAL, 0, 0, "a size from 1M to 16G, such as 100M", "'%s' is no size for a journal", value);
	*to = n;
	return 0;
}

static int set_journal(struct defender_config *c, const char *value, struct diag *reterr)
{
	return set_size(&c->journal_bytes, value, reterr);
}

static int set_spool(struct defender_config *c, const char *value, struct diag *reterr)
{
	return set_size(&c->spool_bytes, value, reterr);
}

static int set_block(struct defender_config *c, const char *value, struct diag *reterr)
{
	int r = parse_duration(value, &c->block_ns);

	return r < 0 ? diag_set(reterr, -EINVAL, 0, 0, "a duration such as 10m", "'%s' is no duration", value) : 0;
}

static int set_cgroup(struct defender_config *c, const char *value, struct diag *reterr)
{
	if (strcmp(value, "v1") != 0 && strcmp(value, "v2") != 0)
		return diag_set(reterr, -EINVAL, 0, 0, "v1 or v2", "'%s' is no cgroup hierarchy", value);
	c->cgroup_v1 = value[1] == '1' ? "pids" : NULL;
	return 0;
}

static int set_proxy(struct defender_config *c, const char *value, struct diag *reterr)
{
	(void)reterr;
	c->proxy = value;
	return 0;
}

static int set_webhook(struct defender_config *c, const char *value, struct diag *reterr)
{
	(void)reterr;
	c->webhook = value;
	return 0;
}

static int set_dry_run(struct defender_config *c, const char *value, struct diag *reterr)
{
	(void)value;
	(void)reterr;
	c->dry_run = true;
	return 0;
}

static const struct {
	const char *name, *value, *help;
	int (*set)(struct defender_config *c, const char *value, struct diag *reterr);
} options[] = {
	{"docker", "SOCKET", "watch the containers of this Docker engine (again for more)", set_docker},
	{"containerd", "SOCKET", "the same for containerd", set_containerd},
	{"state", "DIR", "where everything is kept (SEAWALL_STATE, else /var/lib/seawall)", set_state},
	{"journal-size", "SIZE", "of the flight recorder (100M)", set_journal},
	{"spool-size", "SIZE", "for audits while the Console is away (64M)", set_spool},
	{"block-time", "TIME", "how long a blocked container is remembered (10m)", set_block},
	{"cgroup", "v1|v2", "where containers are told apart (SEAWALL_CGROUP, else v2 when it is mounted)", set_cgroup},
	{"proxy", "ADDRESS", "offer the Docker engine over TLS to users with certificates (SEAWALL_PROXY, HOST:PORT)", set_proxy},
	{"webhook", "ADDRESS", "answer the API server of Kubernetes over TLS (SEAWALL_WEBHOOK, HOST:PORT)", set_webhook},
	{"dry-run", NULL, "judge and tell, stop nothing", set_dry_run},
	{"help", NULL, "this text", NULL},
	{"version", NULL, "the version", NULL},
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

static int print_help(void)
{
	printf("Usage: seawall-defender [OPTION]...\nWatches and protects the containers of this host.\n\n");
	for (size_t i = 0; i < OPTIONS; i++) {
		char left[40];
		snprintf(left, sizeof(left), "--%s %s", options[i].name, options[i].value ? options[i].value : "");
		printf("  %-22s %s\n", left, options[i].help);
	}
	return 1;
}

static int apply(struct defender_config *c, size_t i, const char *value, struct diag *reterr)
{
	if (options[i].set)
		return options[i].set(c, value, reterr);
	if (strcmp(options[i].name, "help") == 0)
		return print_help();
	printf("seawall-defender %s\n", SEAWALL_VERSION);
	return 1;
}

/* Without --docker or --containerd: what the environment names, else the usual places. */
static int default_engines(struct defender_config *c, struct diag *reterr)
{
	const char *docker = getenv("DOCKER_HOST"), *containerd = getenv("CONTAINERD_ADDRESS");

	if (c->engine_count)
		return 0;
	int r = add_engine(c, RUNTIME_DOCKER, docker && *docker ? docker : DOCKER_DEFAULT, reterr);
	return r < 0 ? r : add_engine(c, RUNTIME_CONTAINERD, containerd && *containerd ? containerd : CONTAINERD_DEFAULT, reterr);
}

/* Hosts that mount no v2 hierarchy at all have their containers in v1 only. */
static int default_cgroup(struct defender_config *c, struct diag *reterr)
{
	CLEANUP(buf_done) struct buf mounts = BUF_INIT(1u << 20);
	const char *wanted = getenv("SEAWALL_CGROUP");

	if (wanted && *wanted)
		return set_cgroup(c, wanted, reterr);
	if (file_read("/proc/self/mounts", &mounts) == 0 && mounts.data && !strstr((char *)mounts.data, " cgroup2 "))
		c->cgroup_v1 = "pids";
	return 0;
}

int options_parse(struct defender_config *config, int argc, char **argv, struct diag *reterr)
{
	static char host[256];
	struct option longs[OPTIONS + 1] = {0};
	const char *state = getenv("SEAWALL_STATE"), *proxy = getenv("SEAWALL_PROXY");
	const char *webhook = getenv("SEAWALL_WEBHOOK");
	int at, r = 0;

	for (size_t i = 0; i < OPTIONS; i++)
		longs[i] = (struct option){options[i].name, options[i].value ? required_argument : no_argument, NULL, 0};
	if (gethostname(host, sizeof(host) - 1) < 0)
		memcpy(host, "localhost", sizeof("localhost"));
	*config = (struct defender_config){.state = state && *state ? state : "/var/lib/seawall", .host = host,
		.journal_bytes = JOURNAL_DEFAULT, .spool_bytes = SPOOL_DEFAULT, .block_ns = BLOCK_DEFAULT,
		.gate_uid = privilege_uid(PRIVILEGE_GATE_USER, PRIVILEGE_GATE_UID), .console_uid = geteuid(),
		.proxy = proxy && *proxy ? proxy : NULL, .webhook = webhook && *webhook ? webhook : NULL};
	opterr = 0;
	r = default_cgroup(config, reterr);
	for (int c; r == 0 && (c = getopt_long(argc, argv, "", longs, &at)) != -1;) {
		if (c != 0)
			return diag_msg(reterr, -EINVAL, "unknown or incomplete option '%.100s', see --help", argv[optind - 1]);
		r = apply(config, (size_t)at, optarg, reterr);
	}
	if (r == 0 && optind < argc)
		r = diag_msg(reterr, -EINVAL, "unexpected argument '%.100s', see --help", argv[optind]);
	return r == 0 ? default_engines(config, reterr) : r;
}
