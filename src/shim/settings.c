/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seawall-shim.conf: lines of key=value, `#` comments. Written whole by `seawall install shim`; a
 * file that is cut, garbled or of another version asks nobody, but still names the runtime when
 * that line can be read.
 */
#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define CONF_NAME "seawall-shim.conf"
#define CONF_MAX 8192
#define DEADLINE_MAX_NS (SHIM_DEADLINE_MAX_MS * 1000000ull)
#define NUMBER_MAX 100000000u

/* Digits at the start of s; -1 = none or too many. *ret_rest: what follows. */
static int64_t number(const char *s, const char **ret_rest)
{
	int64_t v = 0;
	const char *p = s;

	for (; *p >= '0' && *p <= '9' && v <= NUMBER_MAX; p++)
		v = v * 10 + (*p - '0');
	*ret_rest = p;
	return p == s || v > NUMBER_MAX ? -1 : v;
}

static bool set_path(char *out, size_t size, const char *value)
{
	return value[0] == '/' && snprintf(out, size, "%s", value) < (int)size;
}

static bool set_runtime(struct settings *s, const char *value)
{
	return set_path(s->runtime, sizeof(s->runtime), value);
}

static bool set_socket(struct settings *s, const char *value)
{
	if (!set_path(s->socket, sizeof(s->socket), value))
		s->socket[0] = 0;
	return s->socket[0] != 0;
}

static bool set_engine(struct settings *s, const char *value)
{
	return snprintf(s->engine, sizeof(s->engine), "%s", value) < (int)sizeof(s->engine);
}

static bool set_deadline(struct settings *s, const char *value)
{
	const char *unit;
	int64_t v = number(value, &unit);
	uint64_t ns = v < 0 ? 0 : strcmp(unit, "ms") == 0 ? (uint64_t)v * 1000000 :
		      strcmp(unit, "s") == 0 ? (uint64_t)v * 1000000000 : 0;

	if (!ns || ns > DEADLINE_MAX_NS)
		return false;
	s->deadline_ns = ns;
	return true;
}

static bool set_uid(struct settings *s, const char *value)
{
	const char *rest;
	int64_t v = number(value, &rest);

	if (v < 0 || *rest)
		return false;
	s->uid = (uint32_t)v;
	return true;
}

static bool set_fail(struct settings *s, const char *value)
{
	s->closed = strcmp(value, "closed") == 0;
	return s->closed || strcmp(value, "open") == 0;
}

static const struct {
	const char *key;
	bool (*set)(struct settings *s, const char *value);
} keys[] = {
	{"runtime", set_runtime},
	{"socket", set_socket},
	{"engine", set_engine},
	{"deadline", set_deadline},
	{"fail", set_fail},
	{"uid", set_uid},
};

/* One terminated line. */
static bool set_line(struct settings *s, char *line)
{
	char *equals = strchr(line, '=');

	if (line[0] == '#' || line[0] == 0)
		return true;
	if (!equals)
		return false;
	*equals = 0;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].key, line) == 0)
			return keys[i].set(s, equals + 1);
	return false;
}

void settings_parse(struct settings *ret, const char *text, size_t n)
{
	char line[PATH_MAX + 64];
	const char *end = text + n;
	bool whole = n == 0 || text[n - 1] == '\n'; /* else it was cut */

	*ret = (struct settings){.deadline_ns = SHIM_DEADLINE_MS * 1000000ull};
	for (const char *p = text; p < end;) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t length = (size_t)((stop ? stop : end) - p);
		if (!stop || length >= sizeof(line) || memchr(p, 0, length)) {
			whole = false;
		} else {
			memcpy(line, p, length);
			line[length] = 0;
			whole &= set_line(ret, line);
		}
		p += length + 1;
	}
	ret->asks = whole && ret->socket[0];
}

void settings_read(struct settings *ret, const char *dir)
{
	char path[PATH_MAX + 32], text[CONF_MAX];
	struct stat st;
	ssize_t n = 0;

	snprintf(path, sizeof(path), "%s/" CONF_NAME, dir);
	/* Not blocking: nobody knows what lies there. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = read(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	/* Longer than ever written by us: read as cut. */
	settings_parse(ret, text, n > 0 ? (size_t)n : 0);
	if (n == (ssize_t)sizeof(text))
		ret->asks = false;
}

int settings_dir(char *out, size_t size)
{
	static const char deleted[] = " (deleted)";
	ssize_t n = readlink("/proc/self/exe", out, size - 1);

	if (n <= 0 || (size_t)n >= size - 1)
		return -1;
	out[n] = 0;
	size_t tail = sizeof(deleted) - 1;
	if ((size_t)n > tail && strcmp(out + n - tail, deleted) == 0)
		out[(size_t)n - tail] = 0;
	char *slash = strrchr(out, '/');
	if (!slash)
		return -1;
	*slash = 0;
	return 0;
}
