/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a struct creation: see creation.h. */
#include "policy/creation.h"

#include <stdlib.h>
#include <string.h>

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
