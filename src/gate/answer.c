/* SPDX-License-Identifier: Apache-2.0 */
/* See answer.h. */
#include "gate/answer.h"

#include <string.h>

#include "base/cleanup.h"

static const struct {
	const char *action, *technique;
} techniques[] = {
	{"container_create", "T1610"},
	{"container_start", "T1610"},
	{"container_exec_create", "T1609"},
	{"container_exec_start", "T1609"},
	{"container_attach", "T1609"},
	{"container_archive_put", "T1105"},
	{"image_build", "T1612"},
	{"image_create", "T1204.003"},
	{"image_load", "T1204.003"},
	{"pod_exec", "T1609"},
	{"pod_attach", "T1609"},
	{"pod_ephemeralcontainers", "T1609"},
	{"pod_create", "T1610"},
	{"daemonset_create", "T1610"},
	{"deployment_create", "T1610"},
	{"cronjob_create", "T1053.007"},
};

static const struct {
	const char *word;
	enum effect effect;
	enum done done;
	enum severity severity, dangerous;
} answers[] = {
	[ACCESS_ALLOW] = {"allowed", EFFECT_DISABLE, DONE_NONE, SEVERITY_NONE, SEVERITY_NONE},
	[ACCESS_ALERT] = {"allowed, with a warning", EFFECT_ALERT, DONE_ALERT, SEVERITY_LOW, SEVERITY_MEDIUM},
	[ACCESS_DENY] = {"denied", EFFECT_BLOCK, DONE_BLOCK, SEVERITY_MEDIUM, SEVERITY_HIGH},
};

const char *answer_word(enum access_effect effect)
{
	return answers[effect].word;
}

void answer_fill(struct audit *a, enum access_effect effect, const char *action, bool dangerous)
{
	a->effect = answers[effect].effect;
	a->done = answers[effect].done;
	a->severity = dangerous ? answers[effect].dangerous : answers[effect].severity;
	a->command.verdict = (char *)(uintptr_t)enum_name(&access_effect_names, (int)effect);
	for (size_t i = 0; effect != ACCESS_ALLOW && i < ARRAY_SIZE(techniques); i++)
		if (strcmp(techniques[i].action, action) == 0)
			a->techniques = (struct str_list){(char **)(uintptr_t)&techniques[i].technique, 1};
}
