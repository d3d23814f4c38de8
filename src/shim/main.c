/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seawall-shim: see shim.h. Everything but `create` and `run` becomes the real runtime at once:
 * running containers can be looked at, signalled and removed with all of Seawall dead.
 */
#include "shim/shim.h"

#include <stdio.h>

/* True when the container must not be created; text says why. */
static bool refused(const struct settings *s, const struct arguments *a, uint64_t began, char *text, size_t size)
{
	static struct shim_reply reply;
	char why[SHIM_WHY_MAX];

	if (ask_gate(&reply, s, a, began + s->deadline_ns, why) == 0) {
		if (reply.answer == SHIM_REFUSE)
			snprintf(text, size, "%s", reply.text);
		return reply.answer == SHIM_REFUSE;
	}
	if (s->closed)
		snprintf(text, size,
			"[Seawall] container blocked by rule 'fail closed': Seawall was asked and did not answer "
			"within %llu ms (%s)",
			(unsigned long long)(s->deadline_ns / 1000000), why);
	return s->closed;
}

int main(int argc, char **argv)
{
	static struct settings settings;
	static char text[SHIM_TEXT_MAX], dir[PATH_MAX];
	uint64_t began = ask_now();
	struct arguments a;

	arguments_parse(&a, argc, argv);
	if (settings_dir(dir, sizeof(dir)) == 0)
		settings_read(&settings, dir);
	if (settings.asks && arguments_creates(&a) && refused(&settings, &a, began, text, sizeof(text))) {
		refuse_tell(&a, text, time(NULL));
		return 1;
	}
	real_exec(settings.runtime, dir, argv);
	refuse_tell(&a, "seawall-shim: no container runtime found (neither runc nor crun)", time(NULL));
	return 1;
}
