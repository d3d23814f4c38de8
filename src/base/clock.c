/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks and their text: see clock.h. */
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/parse.h"

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

uint64_t time_now(void)
{
	return clock_ns(CLOCK_REALTIME);
}

uint64_t time_monotonic(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t time_boot(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

uint64_t time_from_boot(uint64_t boot_ns)
{
	return boot_ns + (time_now() - time_boot());
}

const char *time_format(uint64_t wall_ns, char *out, size_t size)
{
	time_t sec = (time_t)(wall_ns / NSEC_PER_SEC);
	struct tm tm;
	char text[32];

	if (!wall_ns) {
		if (size)
			out[0] = 0;
		return out;
	}
	gmtime_r(&sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, size, "%s.%09lluZ", text, (unsigned long long)(wall_ns % NSEC_PER_SEC));
	return out;
}

static int parse_rfc3339(const char *s, uint64_t *ret)
{
	struct tm tm = {0};
	const char *p = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	uint64_t nsec = 0;

	if (!p)
		return -EINVAL;
	if (*p == '.') {
		uint64_t unit = NSEC_PER_SEC;
		for (p++; *p >= '0' && *p <= '9'; p++) {
			unit /= 10;
			nsec += unit * (uint64_t)(*p - '0');
		}
	}
	int64_t offset = 0;
	if (*p == 'Z' || *p == 'z') {
		p++;
	} else if (*p == '+' || *p == '-') {
		unsigned h, m;
		int used = 0;
		if (sscanf(p + 1, "%2u:%2u%n", &h, &m, &used) != 2 || used != 5)
			return -EINVAL;
		offset = (int64_t)(h * 3600 + m * 60) * (*p == '-' ? -1 : 1);
		p += 6;
	} else {
		return -EINVAL;
	}
	int64_t sec = (int64_t)timegm(&tm) - offset;
	if (*p || sec < 0)
		return -EINVAL;
	*ret = (uint64_t)sec * NSEC_PER_SEC + nsec;
	return 0;
}

int time_parse(const char *s, uint64_t *ret_wall_ns)
{
	uint64_t ago;

	if (parse_duration(s, &ago) == 0) {
		uint64_t now = time_now();
		*ret_wall_ns = ago < now ? now - ago : 0;
		return 0;
	}
	return parse_rfc3339(s, ret_wall_ns);
}
