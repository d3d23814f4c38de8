/* SPDX-License-Identifier: Apache-2.0 */
/* Image names taken apart: see reference.h. */
#include "trust/reference.h"

#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "policy/image.h"
#include "policy/policy.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Words of lower-case letters and digits with one of ".", "_", "__" or any number of "-" between. */
static bool component_good(const char *p, size_t n)
{
	if (n == 0 || !is_alnum(p[0]) || !is_alnum(p[n - 1]))
		return false;
	for (size_t i = 0; i < n;) {
		if (is_alnum(p[i])) {
			i++;
			continue;
		}
		size_t run = strspn(p + i, p[i] == '-' ? "-" : p[i] == '_' ? "_" : p[i] == '.' ? "." : "");
		if (run == 0 || (p[i] == '.' && run > 1) || (p[i] == '_' && run > 2) || !is_alnum(p[i + run]))
			return false;
		i += run;
	}
	return true;
}

static bool repository_good(const char *p)
{
	for (;;) {
		size_t n = strcspn(p, "/");
		if (!component_good(p, n))
			return false;
		if (!p[n])
			return true;
		p += n + 1;
	}
}

static bool port_good(const char *p)
{
	uint64_t port;

	return strspn(p, DIGITS) == strlen(p) && parse_u64(p, 1, 65535, &port) == 0;
}

static bool host_good(const char *p, size_t n)
{
	size_t label = 0;

	for (size_t i = 0; i <= n; i++) {
		if (i < n && p[i] != '.') {
			if (!strchr(LOWER UPPER DIGITS "-", p[i]) || (p[i] == '-' && (label == 0 || i + 1 == n || p[i + 1] == '.')))
				return false;
			label++;
			continue;
		}
		if (label == 0 || label > 63)
			return false;
		label = 0;
	}
	return true;
}

static bool registry_good(const char *p)
{
	uint8_t address[16], prefix;
	char host[64];

	if (*p == '[') {
		size_t n = strcspn(p, "]");
		if (!p[n] || n >= sizeof(host) || (p[n + 1] && p[n + 1] != ':') || (p[n + 1] && !port_good(p + n + 2)))
			return false;
		snprintf(host, sizeof(host), "%.*s", (int)n - 1, p + 1);
		return strchr(host, ':') && !strchr(host, '/') && parse_cidr(host, address, &prefix) == 0;
	}
	size_t n = strcspn(p, ":");
	return host_good(p, n) && (!p[n] || port_good(p + n + 1));
}

static bool tag_good(const char *p)
{
	size_t n = strlen(p);

	return n > 0 && n <= 128 && *p != '.' && *p != '-' && strspn(p, LOWER UPPER DIGITS "_.-") == n;
}

/* Cuts the text at the last `mark` behind the last slash; what is behind it, or NULL. */
static char *cut(char *text, char mark)
{
	char *slash = strrchr(text, '/');
	char *at = strchr(slash ? slash : text, mark);

	if (!at)
		return NULL;
	*at = 0;
	return at + 1;
}

int reference_parse(const char *name, struct reference *ret, struct diag *reterr)
{
	static const char expected[] = "[REGISTRY/]NAME[:TAG][@sha256:DIGEST]";
	char full[IMAGE_NAME_MAX];
	struct reference r = {0};

	if (strlen(name) >= REFERENCE_TEXT_MAX)
		return diag_set(reterr, -EINVAL, 0, 0, expected, "the image name is too long");
	image_canonical(name, full, sizeof(full));
	const char *digest = cut(full, '@');
	const char *tag = cut(full, ':');
	char *slash = strchr(full, '/');
	if (!slash || strlen(full) > REFERENCE_NAME_MAX)
		return diag_set(reterr, -EINVAL, 0, 0, expected, "'%.200s' names no image of a registry", name);
	*slash = 0;
	if (!registry_good(full) || !repository_good(slash + 1) || (tag && !tag_good(tag)) || (digest && !digest_valid(digest)))
		return diag_set(reterr, -EINVAL, 0, 0, expected, "'%.200s' is no image name", name);
	snprintf(r.registry, sizeof(r.registry), "%s", full);
	snprintf(r.repository, sizeof(r.repository), "%s", slash + 1);
	snprintf(r.tag, sizeof(r.tag), "%s", tag ? tag : "");
	snprintf(r.digest, sizeof(r.digest), "%s", digest ? digest : "");
	*ret = r;
	return 0;
}

const char *reference_name(const struct reference *r, char *out, size_t size)
{
	snprintf(out, size, "%s/%s", r->registry, r->repository);
	return out;
}

const char *reference_signature_tag(const char *digest, char *out, size_t size)
{
	snprintf(out, size, "%.6s-%s.sig", digest, digest + strcspn(digest, ":") + 1);
	return out;
}

bool registry_is_loopback(const char *registry)
{
	char host[REFERENCE_NAME_MAX + 1];
	uint8_t address[16], prefix;

	if (str_has_prefix(registry, "[::1]"))
		return true;
	snprintf(host, sizeof(host), "%.*s", (int)strcspn(registry, ":"), registry);
	return strcasecmp(host, "localhost") == 0 ||
	       (strchr(host, '.') && !strchr(host, '/') && parse_cidr(host, address, &prefix) == 0 && address[12] == 127 && address[10] == 0xff);
}
