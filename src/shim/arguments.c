/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of an OCI runtime, as runc (Go flags: -name, --name, value after = or apart) and
 * crun (GNU: also -bVALUE, options after operands) take it. Only what the shim needs is kept; what
 * takes a value must be known all the same, to tell that value from the command.
 */
#include "shim/shim.h"

#include <string.h>

#include "base/cleanup.h"

/* Options that take a value, global ones and those of create and run. */
static const struct {
	const char *name;
	size_t offset; /* of a const char * in struct arguments, 0 = not needed */
} valued[] = {
	{"log", offsetof(struct arguments, log)},
	{"log-format", 0},
	{"root", 0},
	{"criu", 0},
	{"rootless", 0},
	{"cgroup-manager", 0},
	{"bundle", offsetof(struct arguments, bundle)},
	{"b", offsetof(struct arguments, bundle)},
	{"config", offsetof(struct arguments, config)},
	{"f", offsetof(struct arguments, config)},
	{"console-socket", 0},
	{"pid-file", 0},
	{"preserve-fds", 0},
};

static const char *const commands[] = {"checkpoint", "create", "delete", "events", "exec", "features", "help", "init",
	"kill", "list", "mounts", "pause", "ps", "restore", "resume", "run", "spec", "start", "state", "update"};

static bool is_command(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(word, commands[i]) == 0)
			return true;
	return false;
}

static void keep(struct arguments *a, size_t i, const char *value)
{
	if (strcmp(valued[i].name, "log-format") == 0)
		a->log_json = strcmp(value, "json") == 0;
	else if (valued[i].offset)
		*(const char **)((char *)a + valued[i].offset) = value;
}

/* One word that begins with a dash; true when the next word is its value and was taken. */
static bool option(struct arguments *a, const char *word, const char *next)
{
	const char *name = word + 1 + (word[1] == '-');
	size_t n = strcspn(name, "=");

	for (size_t i = 0; i < ARRAY_SIZE(valued); i++) {
		if (strlen(valued[i].name) != n || strncmp(valued[i].name, name, n) != 0)
			continue;
		if (name[n])
			keep(a, i, name + n + 1);
		else if (next)
			keep(a, i, next);
		return !name[n] && next;
	}
	/* crun: -b/path */
	for (size_t i = 0; word[1] != '-' && i < ARRAY_SIZE(valued); i++)
		if (!valued[i].name[1] && valued[i].name[0] == name[0])
			keep(a, i, name + 1);
	return false;
}

void arguments_parse(struct arguments *ret, int argc, char *const *argv)
{
	bool operands = false;

	*ret = (struct arguments){.bundle = "."};
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		if (!operands && strcmp(word, "--") == 0)
			operands = true;
		else if (!operands && word[0] == '-' && word[1])
			i += option(ret, word, i + 1 < argc ? argv[i + 1] : NULL);
		else if (ret->command && !ret->id)
			ret->id = word;
		/* The value of an option that we do not know is no command: look on. */
		else if (!ret->command && is_command(word))
			ret->command = word;
	}
}

bool arguments_creates(const struct arguments *a)
{
	return a->command && a->id && (strcmp(a->command, "create") == 0 || strcmp(a->command, "run") == 0);
}
