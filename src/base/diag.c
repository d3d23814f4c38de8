/* SPDX-License-Identifier: Apache-2.0 */
/* Errors for people: see diag.h. */
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>

int diag_set(struct diag *d, int r, uint32_t line, uint32_t column, const char *expected,
	const char *fmt, ...)
{
	if (!d)
		return r;
	d->line = line;
	d->column = column;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(d->message, sizeof(d->message), fmt, ap);
	va_end(ap);
	snprintf(d->expected, sizeof(d->expected), "%s", expected ? expected : "");
	return r;
}

const char *diag_format(const struct diag *d, char *out, uint32_t size)
{
	char place[320] = "";

	if (d->file[0] && d->line)
		snprintf(place, sizeof(place), "%s:%u:%u: ", d->file, d->line, d->column);
	else if (d->file[0])
		snprintf(place, sizeof(place), "%s: ", d->file);
	else if (d->line)
		snprintf(place, sizeof(place), "line %u, column %u: ", d->line, d->column);
	if (d->expected[0])
		snprintf(out, size, "%s%s (expected %s)", place, d->message, d->expected);
	else
		snprintf(out, size, "%s%s", place, d->message);
	return out;
}
