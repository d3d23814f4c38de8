/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: see log.h. The only mutable globals outside the mains. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *log_name = "seawall";
static enum log_level log_max = LOG_LEVEL_INFO;

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void log_open(const char *name)
{
	const char *want = getenv("SEAWALL_LOG");

	log_name = name;
	for (int i = 0; want && i < 4; i++)
		if (strcmp(want, level_names[i]) == 0)
			log_max = (enum log_level)i;
}

void log_set_level(enum log_level level)
{
	log_max = level;
}

int log_write(enum log_level level, int r, const char *fmt, ...)
{
	char text[2048], line[4096];
	struct timespec now;
	struct tm tm;
	va_list ap;

	if (level > log_max)
		return r;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	size_t n = (size_t)snprintf(line, sizeof(line), "%02d:%02d:%02d.%03ld %s %s: ", tm.tm_hour,
		tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000, log_name, level_names[level]);
	for (const unsigned char *p = (unsigned char *)text; *p && n < sizeof(line) - 128; p++) {
		if (*p >= 0x20 && *p != 0x7f)
			line[n++] = (char)*p;
		else
			n += (size_t)snprintf(line + n, 8, "\\x%02x", *p);
	}
	if (r < 0)
		n += (size_t)snprintf(line + n, 96, ": %s", strerror(-r));
	line[n++] = '\n';
	ssize_t w = write(STDERR_FILENO, line, n);
	(void)w;
	return r;
}
