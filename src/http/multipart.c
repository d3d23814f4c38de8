/* SPDX-License-Identifier: Apache-2.0 */
/* multipart/form-data: see multipart.h. */
#include "http/multipart.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define BOUNDARY_MAX 70 /* RFC 2046 */

/* The value of `name=` in a header's parameters, quoted or not; false when absent or too long. */
static bool header_parameter(const char *header, size_t size, const char *name, char *out, size_t out_size)
{
	size_t name_size = strlen(name);
	const char *end = header + size;

	for (const char *p = header; p && p < end; p = memchr(p, ';', (size_t)(end - p))) {
		while (p < end && (*p == ';' || *p == ' ' || *p == '\t'))
			p++;
		if ((size_t)(end - p) <= name_size || strncasecmp(p, name, name_size) != 0 || p[name_size] != '=')
			continue;
		p += name_size + 1;
		bool quoted = p < end && *p == '"';
		p += quoted;
		size_t n = 0;
		while (p + n < end && (quoted ? p[n] != '"' : p[n] != ';' && p[n] != ' '))
			n++;
		if (n >= out_size || memchr(p, 0, n))
			return false;
		memcpy(out, p, n);
		out[n] = 0;
		return true;
	}
	return false;
}

/* Reads the part's header lines; returns where its data begins, or NULL. */
static const char *part_head(const char *p, const char *end, struct multipart_part *part)
{
	static const char disposition[] = "Content-Disposition:";

	for (;;) {
		const char *eol = memmem(p, (size_t)(end - p), "\r\n", 2);
		if (!eol)
			return NULL;
		if (eol == p)
			return p + 2;
		size_t n = (size_t)(eol - p), skip = sizeof(disposition) - 1;
		if (n > skip && strncasecmp(p, disposition, skip) == 0) {
			header_parameter(p + skip, n - skip, "name", part->name, sizeof(part->name));
			header_parameter(p + skip, n - skip, "filename", part->filename, sizeof(part->filename));
		}
		p = eol + 2;
	}
}

int multipart_parse(const char *content_type, const char *body, size_t size, struct multipart_part *parts,
	struct diag *reterr)
{
	static const char type[] = "multipart/form-data";
	char mark[BOUNDARY_MAX + 5] = "\r\n--";
	const char *p = body, *end = body + size;
	int count = 0;

	if (!content_type || strncasecmp(content_type, type, sizeof(type) - 1) != 0)
		return -ENOTSUP;
	if (!header_parameter(content_type, strlen(content_type), "boundary", mark + 4, BOUNDARY_MAX + 1) || !mark[4])
		return diag_set(reterr, -EBADMSG, 0, 0, "a boundary of 1 to 70 characters", "multipart body without boundary");
	size_t mark_size = strlen(mark);
	/* The first mark has no line break before it. */
	if (size < mark_size - 2 || memcmp(body, mark + 2, mark_size - 2) != 0)
		return diag_msg(reterr, -EBADMSG, "multipart body does not begin with its boundary");
	p += mark_size - 2;
	while ((size_t)(end - p) >= 2 && memcmp(p, "\r\n", 2) == 0) {
		if (count == MULTIPART_MAX)
			return diag_msg(reterr, -EBADMSG, "more than %d parts", MULTIPART_MAX);
		struct multipart_part *part = &parts[count];
		*part = (struct multipart_part){0};
		part->data = part_head(p + 2, end, part);
		const char *stop = part->data ? memmem(part->data, (size_t)(end - part->data), mark, mark_size) : NULL;
		if (!stop)
			return diag_msg(reterr, -EBADMSG, "part %d does not end with the boundary", count + 1);
		part->size = (size_t)(stop - part->data);
		p = stop + mark_size;
		count++;
	}
	if ((size_t)(end - p) < 2 || memcmp(p, "--", 2) != 0)
		return diag_msg(reterr, -EBADMSG, "multipart body is cut off");
	return count;
}
