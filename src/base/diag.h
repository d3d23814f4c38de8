/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An error a person can act on: where, what, and what was expected instead. Written only on
 * failure, by the function that returned the negative errno; nullable everywhere.
 */
#pragma once

#include <stdint.h>

struct diag {
	char file[256];     /* as the user named it, "" when there is none */
	uint32_t line;      /* from 1; 0 = does not apply */
	uint32_t column;    /* from 1; 0 = does not apply */
	char message[512];  /* one sentence, no trailing dot, no newline */
	char expected[256]; /* what would have been right, "" when the message says it */
};

/* Fills `d` (nullable; file is left alone so that the caller may set it) and returns r. */
int diag_set(struct diag *d, int r, uint32_t line, uint32_t column, const char *expected,
	const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* Sets message only: diag_set(d, r, 0, 0, NULL, ...). */
#define diag_msg(d, r, ...) diag_set((d), (r), 0, 0, NULL, __VA_ARGS__)

/* "file:line:column: message (expected ...)" into out; always terminated; returns out. */
const char *diag_format(const struct diag *d, char *out, uint32_t size);
