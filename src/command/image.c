/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about images. */
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "command/internal.h"
#include "policy/image.h"

/*
 * What Docker's grammar of references could take: a wider set is refused, because names that it
 * refuses, or reads as another registry in later versions ("FOO/bar"), must not reach a pattern.
 */
static bool is_reference(const char *name)
{
	const char *last = strrchr(name, '/');
	const char *base = last ? last + 1 : name;
	const char *end = base + strcspn(base, ":@");
	size_t first = strcspn(name, "/");
	bool registry = last && (memchr(name, '.', first) || memchr(name, ':', first));
	const char *lower = registry ? name + first : name;

	if (!*name || strlen(name) >= IMAGE_NAME_MAX - 32 || *name == '/' || end == base)
		return false;
	for (const char *p = name; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
			    strchr("._-/:@[]", *p)))
			return false;
	for (const char *p = lower; p < end; p++)
		if (*p >= 'A' && *p <= 'Z')
			return false;
	return !strstr(name, "//");
}

void image_put(struct reading *rd, char **to, const char *name)
{
	char canonical[IMAGE_NAME_MAX];

	if (!name || !*name)
		return;
	if (is_reference(name))
		text_put(rd, to, image_canonical(name, canonical, sizeof(canonical)));
	else
		reading_refuse(rd, "'%.100s' is no name of an image", name);
}

void read_image_named(struct reading *rd)
{
	image_put(rd, &rd->facts->image, rd->facts->target);
}

/* What it becomes is what is judged; what it was is the target. */
void read_image_tag(struct reading *rd)
{
	const char *repo = query_text(rd, "repo"), *tag = query_text(rd, "tag");
	char name[IMAGE_NAME_MAX];

	snprintf(name, sizeof(name), "%s%s%s", repo ? repo : "", tag && *tag ? ":" : "", tag ? tag : "");
	image_put(rd, &rd->facts->image, name);
}

static bool has_tag(const char *name)
{
	const char *last = strrchr(name, '/');

	return strpbrk(last ? last : name, ":@") != NULL;
}

/* A pull. The tag may be a digest. A tag in the name and another beside it: versions differ. */
static void pull_read(struct reading *rd, const char *from, const char *tag)
{
	char name[IMAGE_NAME_MAX];
	size_t n = strlen(from);

	if (rd->hidden)
		reading_refuse(rd, "a pull has a body that was not shown");
	/* "name:" asks for all tags. */
	n -= n > 0 && from[n - 1] == ':';
	if (n >= sizeof(name)) {
		reading_refuse(rd, "the image's name is too long");
		return;
	}
	memcpy(name, from, n);
	name[n] = 0;
	if (tag && *tag && has_tag(name)) {
		reading_refuse(rd, "a tag is given in the image's name and beside it");
	} else if (tag && *tag) {
		snprintf(name + n, sizeof(name) - n, "%c%s", strchr(tag, ':') ? '@' : ':', tag);
		if (strlen(tag) + n + 1 >= sizeof(name))
			reading_refuse(rd, "the image's name is too long");
	} else {
		parameter_flag(rd, "all_tags", !has_tag(name));
	}
	image_put(rd, &rd->facts->image, name);
}

void read_image_create(struct reading *rd)
{
	const char *from = query_text(rd, "fromImage"), *tag = query_text(rd, "tag");
	const char *source = query_text(rd, "fromSrc"), *repo = query_text(rd, "repo");

	if (from && *from) {
		pull_read(rd, from, tag);
	} else {
		/* An import: from the body ("-") or from an address. */
		if (rd->hidden && source && *source && strcmp(source, "-") != 0)
			reading_refuse(rd, "an import from an address has a body that was not shown");
		if (repo && *repo)
			read_image_tag(rd);
	}
	text_put(rd, &rd->facts->target, rd->facts->image);
}

void read_image_build(struct reading *rd)
{
	struct command_facts *f = rd->facts;
	const char *network = query_text(rd, "networkmode"), *version = query_text(rd, "version");
	const char *remote = query_text(rd, "remote");

	/* The first name is its name; all of them are parameters. */
	image_put(rd, &f->image, query_text(rd, "t"));
	text_put(rd, &f->target, f->image);
	text_put(rd, &f->network, network && *network ? network : NULL);
	if (version && strcmp(version, "2") == 0)
		parameter(rd, "builder", "buildkit");
	if (rd->hidden && remote && *remote && strcmp(remote, "client-session") != 0)
		reading_refuse(rd, "a build from an address has a body that was not shown");
}
