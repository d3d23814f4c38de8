/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What engines answer, judged for compliance: the text is taken for the answer to /info, for the
 * configuration file, for the default network and for an image. In front of it, up to the first
 * newline, the words of a command line, divided by blanks.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gate/compliance_judge.h"
#include "policy/gates.h"

#define WORDS_MAX 64

static void on_told(void *ctx, const char *check, bool passed, const char *cause)
{
	unsigned *count = ctx;

	/* One answer to one check, and a failure says why. */
	if (++*count > 64 || !compliance_check(check) || (!passed && !*cause) || (passed && *cause))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(json_free) struct json *root = NULL;
	char *line = strndup((const char *)data, size), *items[WORDS_MAX];
	struct str_list words = {.items = items};
	unsigned count = 0;

	if (!line)
		abort();
	const uint8_t *newline = memchr(data, '\n', size);
	size_t head = newline ? (size_t)(newline - data) + 1 : 0;
	line[strcspn(line, "\n")] = 0;
	for (char *save = NULL, *w = strtok_r(line, " ", &save); w && words.count < WORDS_MAX; w = strtok_r(NULL, " ", &save))
		items[words.count++] = w;
	if (json_parse(&root, (const char *)data + head, size - head, NULL) == 0) {
		struct daemon_facts f = {.info = root, .version = root, .bridge = root, .config = root, .words = &words};
		compliance_judge_daemon(&f, on_told, &count);
		f.words = NULL;
		f.config = NULL;
		count = 0;
		compliance_judge_daemon(&f, on_told, &count);
		count = 0;
		compliance_judge_image(root, on_told, &count);
	}
	free(line);
	return 0;
}
