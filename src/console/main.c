/* SPDX-License-Identifier: Apache-2.0 */
/* seawall-console: policy, store, HTTPS API and web UI. Parse options, set up, run. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "console/console.h"
#include "console/setup.h"

#define GEOIP_FILE "dbip-country.mmdb"
#define STORE_BYTES_MAX (2ull << 30)
#define STORE_AGE (90ull * 24 * 3600 * NSEC_PER_SEC)
#define REMOVED_AGE (7ull * 24 * 3600 * NSEC_PER_SEC)

static const char usage[] =
	"usage: seawall-console [--state DIR] [--listen ADDRESS:PORT] [--geoip FILE]\n"
	"  --state DIR     where everything is kept (SEAWALL_STATE, /var/lib/seawall)\n"
	"  --listen A:P    address of UI and API (SEAWALL_LISTEN, 127.0.0.1:8083)\n"
	"  --geoip FILE    country database, mmdb (default: " GEOIP_FILE " beside the program)\n"
	"  --help, --version\n";

static const char *environment(const char *name, const char *otherwise)
{
	const char *v = getenv(name);

	return v && *v ? v : otherwise;
}

/* 0 = go on, 1 = done (help), 2 = usage error. */
static int parse_options(int argc, char **argv, struct setup_options *o)
{
	static const struct option options[] = {
		{"state", required_argument, NULL, 's'}, {"listen", required_argument, NULL, 'l'},
		{"geoip", required_argument, NULL, 'g'}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'}, {0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 's':
			o->state = optarg;
			break;
		case 'l':
			o->listen = optarg;
			break;
		case 'g':
			o->geoip = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 1;
		case 'V':
			puts("seawall-console " SEAWALL_VERSION);
			return 1;
		default:
			fputs(usage, stderr);
			return 2;
		}
	if (optind == argc)
		return 0;
	fputs(usage, stderr);
	return 2;
}

/* Beside the program, in the build tree, or where it is installed; NULL when it is nowhere. */
static const char *find_geoip(char out[PATH_MAX])
{
	static const char *const places[] = {"", "/../../web", "/../../share/seawall"};
	char dir[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);

	if (n <= 0)
		return NULL;
	dir[n] = 0;
	*strrchr(dir, '/') = 0;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		int size = snprintf(out, PATH_MAX, "%s%s/" GEOIP_FILE, dir, places[i]);
		if (size > 0 && size < PATH_MAX && access(out, R_OK) == 0)
			return out;
	}
	return NULL;
}

static int on_signal(void *ctx, int signo)
{
	(void)signo;
	loop_quit(ctx);
	return 0;
}

static int run(struct setup *s)
{
	CLEANUP(loop_free) struct loop *loop = NULL;
	CLEANUP(store_close) struct store *store = NULL;
	CLEANUP(console_free) struct console *console = NULL;
	struct diag d = {0};
	int r = loop_new(&loop);

	if (r == 0)
		r = loop_add_signal(loop, NULL, SIGTERM, on_signal, loop);
	if (r == 0)
		r = loop_add_signal(loop, NULL, SIGINT, on_signal, loop);
	if (r < 0)
		return log_err(r, "cannot start");
	signal(SIGPIPE, SIG_IGN);
	r = store_open(&store, SETUP_DATABASE, &d);
	if (r < 0)
		return log_err(0, "%s", d.message), r;
	const struct console_config config = {.loop = loop, .store = take_ptr(store), .geo = take_ptr(s->geo),
		.http_fd = take_fd(s->http_fd), .ipc_fd = take_fd(s->ipc_fd), .peer_uid = s->peer_uid,
		.cert_pem = (const char *)s->cert.data, .key_pem = (const char *)s->key.data,
		.limits = {STORE_BYTES_MAX, STORE_AGE, REMOVED_AGE}};
	r = console_new(&console, &config, &d);
	if (r < 0)
		return log_err(0, "%s", d.message), r;
	return loop_run(loop);
}

int main(int argc, char **argv)
{
	char geoip[PATH_MAX];
	struct setup_options options = {.state = environment("SEAWALL_STATE", "/var/lib/seawall"),
		.listen = environment("SEAWALL_LISTEN", "127.0.0.1:8083"), .geoip = find_geoip(geoip)};
	struct setup setup = {.http_fd = -1, .ipc_fd = -1};
	struct diag d = {0};

	log_open("seawall-console");
	int r = parse_options(argc, argv, &options);
	if (r)
		return r == 1 ? 0 : 2;
	r = setup_run(&setup, &options, &d);
	if (r < 0) {
		char text[1024];
		log_err(0, "%s", diag_format(&d, text, sizeof(text)));
		return 2;
	}
	r = run(&setup);
	setup_done(&setup);
	return r < 0 ? 2 : 0;
}
