/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judgement of miners. First byte 'p': the rest is a stream. Otherwise the rest is a path and
 * arguments, each ended by a NUL. What a stream's beginning proves, its continuation cannot undo.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/miner.h"

#define ARGS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct miner_finding *f)
{
	if (!memchr(f->sign, 0, sizeof(f->sign)))
		abort();
	if ((f->judgement == MINER_NO) != (f->evidence == EVIDENCE_NONE))
		abort();
}

static void payload(const uint8_t *data, size_t size)
{
	struct miner_finding whole = miner_judge_payload(data, size), half = miner_judge_payload(data, size / 2);

	check(&whole);
	if (half.judgement == MINER_YES && (whole.judgement != MINER_YES || strcmp(half.sign, whole.sign) != 0))
		abort();
}

static void exec(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *items[ARGS];
	struct str_list args = {.items = items};
	struct miner_finding f;
	size_t at;

	if (!text)
		return;
	memcpy(text, data, size);
	text[size] = 0;
	for (at = strlen(text) + 1; at < size && args.count < ARGS; at += strlen(text + at) + 1)
		items[args.count++] = text + at;
	f = miner_judge_exec(text, &args);
	check(&f);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 'p')
		payload(data + 1, size - 1);
	else
		exec(data + 1, size - 1);
	return 0;
}
