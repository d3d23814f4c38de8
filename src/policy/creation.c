/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a struct creation: see creation.h. */
#include "policy/creation.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void creation_done(struct creation *c)
{
	char *const texts[] = {c->id, c->name, c->image, c->digest, c->pod, c->namespace_, c->runtime, c->user,
		c->restart_policy};
	struct str_list *const lists[] = {&c->capabilities, &c->devices, &c->joins, &c->security_options, &c->sysctls,
		&c->networks, &c->env_names, &c->secret_envs, &c->ports, &c->args, &c->hooks};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		free(texts[i]);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		str_list_done(lists[i]);
	kv_list_done(&c->labels);
	for (uint32_t i = 0; i < c->mount_count; i++) {
		free(c->mounts[i].source);
		free(c->mounts[i].resolved);
		free(c->mounts[i].target);
	}
	free(c->mounts);
	*c = (struct creation){0};
}

struct mount_fact *creation_add_mount(struct creation *c)
{
	if (c->mount_count >= CREATION_MOUNTS_MAX)
		return NULL;
	struct mount_fact *p = realloc(c->mounts, (c->mount_count + 1) * sizeof(*p));
	if (!p)
		return NULL;
	c->mounts = p;
	return memset(&p[c->mount_count++], 0, sizeof(*p));
}

void creation_path_clean(char *out, const char *from)
{
	size_t n = 0;

	for (const char *p = from; *p;) {
		const char *part = p + strspn(p, "/");
		size_t length = strcspn(part, "/");

		p = part + length;
		if (length == 0 || (length == 1 && part[0] == '.'))
			continue;
		if (length == 2 && part[0] == '.' && part[1] == '.') {
			while (n && out[--n] != '/')
				;
			continue;
		}
		out[n++] = '/';
		memmove(out + n, part, length);
		n += length;
	}
	if (!n)
		out[n++] = '/';
	out[n] = 0;
}

const char *creation_capability(const char *name, char out[64])
{
	/* What every container of Docker has: asking for it asks for nothing. */
	static const char *const usual[] = {"CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID",
		"SETUID", "SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"};
	size_t n = 0;

	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (; name[n] && n < 63; n++)
		out[n] = (char)toupper((unsigned char)name[n]);
	out[n] = 0;
	if (name[n] || !n)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		if (strcmp(usual[i], out) == 0)
			return "";
	return out;
}
