/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of seawall-registry: one table. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "registry/registry.h"

#define STATE_DEFAULT "/var/lib/seawall"

static const struct {
	const char *name, *arg, *help;
} table[] = {
	{"socket", "PATH", "listen here for the Gate (default: $SEAWALL_STATE/gate/" REGISTRY_SOCKET ")"},
	{"root", "DIR", "directory to be confined to (default: $SEAWALL_STATE/registry)"},
	{"insecure", "HOSTS", "registries that may speak plain HTTP: patterns, with commas between"},
	{"help", NULL, "print this"},
	{"version", NULL, "print the version"},
};

static void usage(FILE *out)
{
	fprintf(out, "Usage: seawall-registry [OPTION]...\nFetches signatures from registries for the Gate. "
		     "Started by `seawall up`.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		fprintf(out, "  --%s %-*s %s\n", table[i].name, (int)(18 - strlen(table[i].name)),
			table[i].arg ? table[i].arg : "", table[i].help);
}

/* The defaults; strings live as long as the program. */
static int set_paths(struct registry_options *o)
{
	const char *state = getenv("SEAWALL_STATE");
	char *path;

	if (!state || !*state)
		state = STATE_DEFAULT;
	if (!o->root) {
		if (asprintf(&path, "%s/registry", state) < 0)
			return -ENOMEM;
		o->root = path;
	}
	if (!o->socket) {
		if (asprintf(&path, "%s/gate/" REGISTRY_SOCKET, state) < 0)
			return -ENOMEM;
		o->socket = path;
	}
	if (!o->insecure)
		o->insecure = getenv("SEAWALL_INSECURE_REGISTRIES");
	return 0;
}

int registry_options_parse(struct registry_options *o, int argc, char **argv)
{
	struct option longs[ARRAY_SIZE(table) + 1] = {0};
	int i, c;

	for (size_t t = 0; t < ARRAY_SIZE(table); t++)
		longs[t] = (struct option){table[t].name, table[t].arg ? required_argument : no_argument, NULL, 0};
	while ((c = getopt_long(argc, argv, "", longs, &i)) == 0) {
		if (strcmp(table[i].name, "socket") == 0)
			o->socket = optarg;
		else if (strcmp(table[i].name, "root") == 0)
			o->root = optarg;
		else if (strcmp(table[i].name, "insecure") == 0)
			o->insecure = optarg;
		else if (strcmp(table[i].name, "help") == 0)
			return usage(stdout), 1;
		else
			return puts("seawall-registry " SEAWALL_VERSION), 1;
	}
	if (c != -1 || optind != argc) {
		usage(stderr);
		return 3;
	}
	return set_paths(o);
}
