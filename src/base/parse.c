/* SPDX-License-Identifier: Apache-2.0 */
/* Strict number, duration, size and address parsing: see parse.h. */
#include "base/parse.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

int parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)s[0]))
		return -EINVAL;
	errno = 0;
	unsigned long long v = strtoull(s, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno || v < min || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int parse_hex64(const char *s, uint64_t *ret)
{
	char *end;

	if (!isxdigit((unsigned char)s[0]))
		return -EINVAL;
	errno = 0;
	unsigned long long v = strtoull(s, &end, 16);
	if (*end || errno)
		return errno ? -ERANGE : -EINVAL;
	*ret = v;
	return 0;
}

static int parse_with_unit(const char *s, const struct unit *units, size_t n, uint64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)s[0]))
		return -EINVAL;
	errno = 0;
	unsigned long long v = strtoull(s, &end, 10);
	if (errno)
		return -ERANGE;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		if (v > UINT64_MAX / units[i].factor)
			return -ERANGE;
		*ret = v * units[i].factor;
		return 0;
	}
	return -EINVAL;
}

int parse_duration(const char *s, uint64_t *ret_ns)
{
	static const struct unit units[] = {{"ms", 1000000ull}, {"s", 1000000000ull},
		{"m", 60000000000ull}, {"h", 3600000000000ull}, {"d", 86400000000000ull}};

	return parse_with_unit(s, units, sizeof(units) / sizeof(units[0]), ret_ns);
}

int parse_size(const char *s, uint64_t *ret)
{
	static const struct unit units[] = {{"", 1}, {"K", 1ull << 10}, {"M", 1ull << 20},
		{"G", 1ull << 30}, {"T", 1ull << 40}};

	return parse_with_unit(s, units, sizeof(units) / sizeof(units[0]), ret);
}

int parse_cidr(const char *s, uint8_t ret_addr[16], uint8_t *ret_prefix)
{
	char host[64];
	uint8_t addr[16] = {[10] = 0xff, [11] = 0xff};
	size_t n = strcspn(s, "/");
	uint64_t prefix = 0;

	if (n == 0 || n >= sizeof(host))
		return -EINVAL;
	memcpy(host, s, n);
	host[n] = 0;
	bool v4 = inet_pton(AF_INET, host, addr + 12) == 1;
	if (!v4 && inet_pton(AF_INET6, host, addr) != 1)
		return -EINVAL;
	uint64_t most = v4 ? 32 : 128;
	prefix = most;
	if (s[n] == '/') {
		int r = parse_u64(s + n + 1, 0, most, &prefix);
		if (r < 0)
			return r;
	}
	memcpy(ret_addr, addr, 16);
	*ret_prefix = (uint8_t)(prefix + (v4 ? 96 : 0));
	return 0;
}

const char *address_format(const uint8_t addr[16], char *out, size_t size)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (size)
		out[0] = 0;
	if (memcmp(addr, mapped, 12) == 0)
		inet_ntop(AF_INET, addr + 12, out, (socklen_t)size);
	else
		inet_ntop(AF_INET6, addr, out, (socklen_t)size);
	return out;
}

bool str_has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool str_is_hex(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	return n > 0;
}
