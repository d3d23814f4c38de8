/* SPDX-License-Identifier: Apache-2.0 */
/* How a runtime tells its engine that it will not: see shim.h. */
#include "shim/shim.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct line {
	char *out;
	size_t n, size;
};

static void put(struct line *l, const char *text, size_t n)
{
	/* Room is kept for the end of the line, so that it is a whole line whatever the text. */
	n = n > l->size - l->n ? l->size - l->n : n;
	memcpy(l->out + l->n, text, n);
	l->n += n;
}

/* Quoted, in a form that both JSON and logrus' text take. */
static void put_quoted(struct line *l, const char *text)
{
	char escape[8];

	put(l, "\"", 1);
	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		if (l->size - l->n < sizeof(escape))
			break;
		if (c == '"' || c == '\\')
			put(l, escape, (size_t)snprintf(escape, sizeof(escape), "\\%c", c));
		else if (c == '\n')
			put(l, "\\n", 2);
		else if (c < 0x20 || c == 0x7f)
			put(l, escape, (size_t)snprintf(escape, sizeof(escape), "\\u%04x", c));
		else
			put(l, p, 1);
	}
	put(l, "\"", 1);
}

/* "2026-11-25T04:19:01Z". Without libc's, which would read the host's time zone. */
static void put_time(struct line *l, time_t now)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned long second = (unsigned long)now % 86400, day = (unsigned long)now / 86400, year = 1970, month = 0;
	char text[64];

	for (;; year++) {
		unsigned long length = 365 + (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
		if (day < length)
			break;
		day -= length;
	}
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	for (; day >= days[month] + (unsigned long)(leap && month == 1); month++)
		day -= days[month] + (unsigned long)(leap && month == 1);
	int n = snprintf(text, sizeof(text), "\"%04lu-%02lu-%02luT%02lu:%02lu:%02luZ\"", year, month + 1, day + 1,
		second / 3600, second / 60 % 60, second % 60);
	put(l, text, (size_t)n);
}

static void put_words(struct line *l, const char *text)
{
	put(l, text, strlen(text));
}

size_t refuse_line(bool json, const char *text, time_t now, char *out, size_t size)
{
	struct line l = {.out = out, .size = size - 64};

	if (json) {
		put_words(&l, "{\"level\":\"error\",\"msg\":");
		put_quoted(&l, text);
		l.size = size - 1;
		put_words(&l, ",\"time\":");
		put_time(&l, now);
		put_words(&l, "}\n");
	} else {
		put_words(&l, "time=");
		put_time(&l, now);
		put_words(&l, " level=error msg=");
		put_quoted(&l, text);
		l.size = size - 1;
		put_words(&l, "\n");
	}
	out[l.n] = 0;
	return l.n;
}

static void write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);
		if (done <= 0)
			return;
		p += done;
		n -= (size_t)done;
	}
}

void refuse_tell(const struct arguments *a, const char *text, time_t now)
{
	/* Every byte of the text may become an escape of six. */
	static char line[6 * SHIM_TEXT_MAX + 256];
	const char *path = a->log;

	if (path && strncmp(path, "file:", 5) == 0) /* crun */
		path += 5;
	if (path && *path) {
		/* The file first: writing to a stderr that nobody holds may end us. */
		size_t n = refuse_line(a->log_json, text, now, line, sizeof(line));
		int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
		if (fd >= 0) {
			write_all(fd, line, n);
			close(fd);
		}
	}
	int n = snprintf(line, sizeof(line), "%s\n", text);
	write_all(STDERR_FILENO, line, (size_t)n);
}
