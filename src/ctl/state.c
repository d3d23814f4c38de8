/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are: see state.h. */
#include "ctl/state.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"

const char *state_dir(char *out)
{
	const char *dir = getenv("SEAWALL_STATE");
	char cwd[PATH_MAX];

	if (!dir || !*dir)
		dir = "/var/lib/seawall";
	if (realpath(dir, out))
		return out;
	if (dir[0] == '/' || !getcwd(cwd, sizeof(cwd)))
		snprintf(out, PATH_MAX, "%s", dir);
	else
		snprintf(out, PATH_MAX, "%.2000s/%.2000s", cwd,
			str_has_prefix(dir, "./") ? dir + 2 : dir);
	return out;
}

const char *state_path(const char *name, char *out)
{
	size_t n = strlen(state_dir(out));

	snprintf(out + n, PATH_MAX - n, "/%s", name);
	return out;
}

const char *state_url(char *out, size_t size)
{
	const char *url = getenv("SEAWALL_URL"), *listen = getenv("SEAWALL_LISTEN");

	if (url && *url)
		snprintf(out, size, "%s", url);
	else if (listen && *listen)
		snprintf(out, size, "https://%s", listen);
	else
		snprintf(out, size, "%s", STATE_URL);
	size_t n = strlen(out);
	if (n && out[n - 1] == '/')
		out[n - 1] = 0;
	return out;
}

int program_find(const char *name, char *out, struct diag *reterr)
{
	/* Beside us; the build tree's top, then its folders; an installation; from a unit test. */
	static const char *const places[] = {".", "../..", "../drill", "../console", "../defender",
		"../gate", "../registry", "../libexec/seawall", "../../../src/shim"};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return diag_msg(reterr, -errno, "cannot tell where this program is");
	self[n] = 0;
	const char *dir = dirname(self);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char path[PATH_MAX + 64];
		snprintf(path, sizeof(path), "%s/%s/%s", dir, places[i], name);
		if (access(path, X_OK) == 0 && realpath(path, out))
			return 0;
	}
	return diag_msg(
		reterr, -ENOENT, "cannot find the program %s (looked around %s)", name, dir);
}
