/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of the Gate: one table. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gate/gate.h"

#define STATE_DEFAULT "/var/lib/seawall"

static const struct {
	const char *name, *arg, *help;
	enum runtime_kind engine; /* NONE: not an engine */
} table[] = {
	{"socket", "PATH", "the Defender's socket (default: ROOT/defender.sock)", RUNTIME_NONE},
	{"root", "DIR", "directory to be confined to (default: $SEAWALL_STATE/gate)", RUNTIME_NONE},
	{"docker", "PATH", "watch a Docker engine at this socket", RUNTIME_DOCKER},
	{"containerd", "PATH", "watch a containerd at this socket", RUNTIME_CONTAINERD},
	{"cluster", "NAME", "of Kubernetes, for the scopes of rules (default: $SEAWALL_CLUSTER)", RUNTIME_NONE},
	{"help", NULL, "print this", RUNTIME_NONE},
	{"version", NULL, "print the version", RUNTIME_NONE},
};

static void usage(FILE *out)
{
	fprintf(out, "Usage: seawall-gate [OPTION]...\nTells the Defender which containers exist. "
		     "Started by `seawall up`.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		fprintf(out, "  --%s %-*s %s\n", table[i].name, (int)(18 - strlen(table[i].name)),
			table[i].arg ? table[i].arg : "", table[i].help);
}

static int add_engine(struct gate_options *o, enum runtime_kind kind, const char *socket)
{
	if (o->engine_count == GATE_ENGINES_MAX)
		return log_err(-E2BIG, "more than %d engines", GATE_ENGINES_MAX);
	o->engines[o->engine_count++] = (struct gate_engine){kind, socket};
	return 0;
}

/* The two defaults that hang together; strings live as long as the program. */
static int set_paths(struct gate_options *o)
{
	const char *state = getenv("SEAWALL_STATE");
	const char *cluster = getenv("SEAWALL_CLUSTER");
	char *path;

	if (!o->cluster && cluster && *cluster)
		o->cluster = cluster;
	if (!o->root) {
		if (asprintf(&path, "%s/gate", state && *state ? state : STATE_DEFAULT) < 0)
			return -ENOMEM;
		o->root = path;
	}
	if (!o->socket) {
		if (asprintf(&path, "%s/defender.sock", o->root) < 0)
			return -ENOMEM;
		o->socket = path;
	}
	return 0;
}

int gate_options_parse(struct gate_options *o, int argc, char **argv)
{
	struct option longs[ARRAY_SIZE(table) + 1] = {0};
	int i, c, r = 0;

	for (size_t t = 0; t < ARRAY_SIZE(table); t++)
		longs[t] = (struct option){
			table[t].name, table[t].arg ? required_argument : no_argument, NULL, 0};
	while ((c = getopt_long(argc, argv, "", longs, &i)) == 0) {
		if (table[i].engine != RUNTIME_NONE)
			r = add_engine(o, table[i].engine, optarg);
		else if (strcmp(table[i].name, "socket") == 0)
			o->socket = optarg;
		else if (strcmp(table[i].name, "root") == 0)
			o->root = optarg;
		else if (strcmp(table[i].name, "cluster") == 0)
			o->cluster = optarg;
		else if (strcmp(table[i].name, "help") == 0)
			return usage(stdout), 1;
		else
			return puts("seawall-gate " SEAWALL_VERSION), 1;
		if (r < 0)
			break;
	}
	if (c != -1 || optind != argc) {
		usage(stderr);
		return 3;
	}
	return set_paths(o);
}
