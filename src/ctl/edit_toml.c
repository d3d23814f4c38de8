/* SPDX-License-Identifier: Apache-2.0 */
/*
 * containerd's config.toml, line by line, and whole files of podman's drop-in folder:
 * see edit.h. Of TOML only what such files are made of is understood: tables, keys, comments.
 */
#include "ctl/edit.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/parse.h"
#include "ctl/toml.h"

#define MARK EDIT_MARK

/* One line, without its end. */
struct line {
	const char *p;
	size_t n;
};

static bool next_line(const char **p, const char *end, struct line *ret)
{
	if (*p >= end)
		return false;
	const char *stop = memchr(*p, '\n', (size_t)(end - *p));
	*ret = (struct line){*p, (size_t)((stop ? stop : end) - *p)};
	*p = stop ? stop + 1 : end;
	return true;
}

const char *toml_read_name(const char *p, const char *end, char close, struct toml_name *ret)
{
	ret->count = 0;
	for (;;) {
		char *out = ret->count < TOML_PARTS_MAX ? ret->parts[ret->count] : NULL;
		size_t n = 0;
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		if (!out || p == end)
			return NULL;
		char quote = *p == '"' || *p == '\'' ? *p++ : 0;
		while (p < end && (quote ? *p != quote : isalnum((unsigned char)*p) || *p == '_' || *p == '-')) {
			if (n == TOML_PART_MAX - 1 || *p == '\\')
				return NULL;
			out[n++] = *p++;
		}
		out[n] = 0;
		ret->count++;
		if (quote && (p == end || *p++ != quote))
			return NULL;
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		if (p < end && *p == close)
			return p + 1;
		if (p == end || *p++ != '.')
			return NULL;
	}
}

static bool name_is(const struct toml_name *n, const char *const *parts)
{
	int i = 0;

	for (; i < n->count && parts[i]; i++)
		if (strcmp(n->parts[i], parts[i]) != 0)
			return false;
	return i == n->count && !parts[i];
}

/* The tables of the runtime `runc`, by version of the file. */
static const char *const tables_v2[] = {
	"plugins", "io.containerd.grpc.v1.cri", "containerd", "runtimes", "runc", "options", NULL};
static const char *const tables_v3[] = {
	"plugins", "io.containerd.cri.v1.runtime", "containerd", "runtimes", "runc", "options", NULL};

/* What is known of a file after one walk. */
struct survey {
	int version;
	const char *const *options; /* the table that we need, by version */
	bool has_options, has_runtime;
	size_t options_end;    /* offset after the header line of the options */
	size_t name_at, name_n; /* the BinaryName line there, with its end; n 0 = none */
	char value[PATH_MAX];  /* its value */
};

static bool is_binary_name(const struct toml_name *key)
{
	static const char *const parts[] = {"BinaryName", NULL};

	return name_is(key, parts);
}

static int confused(struct diag *reterr, uint32_t line, const char *what)
{
	return diag_set(reterr, -EINVAL, line, 1,
		"by hand: BinaryName = the shim's path, in the table …containerd.runtimes.runc.options",
		"%s: this file is better changed by hand", what);
}

bool toml_read_text(const char *p, const char *end, char *out, size_t size)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == end || (*p != '"' && *p != '\''))
		return false;
	const char *close = memchr(p + 1, *p, (size_t)(end - p - 1));
	if (!close || memchr(p, '\\', (size_t)(close - p)) || (size_t)(close - p) > size)
		return false;
	snprintf(out, size, "%.*s", (int)(close - p - 1), p + 1);
	return true;
}

static int one_digit(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	bool alone = p < end && isdigit((unsigned char)*p) && (p + 1 == end || !isdigit((unsigned char)p[1]));
	return alone ? *p - '0' : -1;
}

static int survey_key(struct survey *s, const struct toml_name *table, struct line l, size_t at, struct diag *reterr)
{
	struct toml_name key;
	const char *value = toml_read_name(l.p, l.p + l.n, '=', &key);

	if (!value)
		return -EINVAL;
	if (table->count == 0 && strcmp(key.parts[0], "version") == 0)
		s->version = one_digit(value, l.p + l.n);
	/* Our tables written as values of keys. */
	if ((table->count == 0 && strcmp(key.parts[0], "plugins") == 0) ||
		(table->count && s->options && strcmp(table->parts[0], "plugins") == 0 && table->count < 6 &&
			table->count > 1 && strcmp(table->parts[1], s->options[1]) == 0 &&
			strcmp(key.parts[0], s->options[table->count]) == 0))
		return confused(reterr, 0, "runtimes are given in a way that is not read here");
	if (!s->options || !name_is(table, s->options) || !is_binary_name(&key))
		return 0;
	s->name_at = at;
	s->name_n = l.n + 1;
	return toml_read_text(value, l.p + l.n, s->value, sizeof(s->value))
		       ? 0
		       : confused(reterr, 0, "the value of BinaryName is not read here");
}

static int survey_table(struct survey *s, struct toml_name *table, struct line l, size_t after)
{
	const char *stop = toml_read_name(l.p + 1, l.p + l.n, ']', table);

	if (!stop)
		return -EINVAL;
	if (!s->options)
		return 0;
	if (name_is(table, s->options)) {
		s->has_options = true;
		s->options_end = after;
	}
	s->has_runtime |= table->count == 5 && strcmp(table->parts[1], s->options[1]) == 0 &&
			  strcmp(table->parts[3], "runtimes") == 0 && strcmp(table->parts[4], "runc") == 0;
	return 0;
}

/* Lines that go on over several: lists. Depth of brackets outside of quotes and comments. */
static int brackets(struct line l)
{
	int depth = 0;
	char quote = 0;

	for (size_t i = 0; i < l.n; i++) {
		char c = l.p[i];
		if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '#')
			break;
		else
			depth += (c == '[' || c == '{') - (c == ']' || c == '}');
	}
	return depth;
}

static bool contains(struct line l, const char *what)
{
	return memmem(l.p, l.n, what, strlen(what)) != NULL;
}

static int survey(struct survey *s, const char *text, size_t n, struct diag *reterr)
{
	struct toml_name table = {.count = 0};
	uint32_t number = 0;
	int depth = 0;
	struct line l;

	for (const char *p = text, *end = text + n; next_line(&p, end, &l);) {
		size_t at = (size_t)(l.p - text), blank = 0;
		int r = 0;
		number++;
		while (blank < l.n && (l.p[blank] == ' ' || l.p[blank] == '\t' || l.p[blank] == '\r'))
			blank++;
		struct line rest = {l.p + blank, l.n - blank};
		if (contains(l, "\"\"\"") || contains(l, "'''"))
			return confused(reterr, number, "a text over several lines");
		if (depth > 0) {
			depth += brackets(rest);
			continue;
		}
		if (rest.n == 0 || rest.p[0] == '#')
			continue;
		if (rest.p[0] == '[') {
			r = contains(rest, "[[") ? -EINVAL : survey_table(s, &table, rest, (size_t)(p - text));
		} else {
			depth = brackets(rest);
			r = survey_key(s, &table, rest, at, reterr);
			if (r == 0 && s->name_at == at && s->name_n)
				s->name_n = (size_t)(p - l.p);
		}
		if (r < 0 && reterr && !reterr->message[0])
			return confused(reterr, number, "a line that is not read here");
		if (r < 0 && reterr) {
			reterr->line = number;
			reterr->column = 1;
		}
		if (r < 0)
			return r;
		if (!s->options)
			s->options = s->version == 2 ? tables_v2 : s->version == 3 ? tables_v3 : NULL;
	}
	return s->options ? 0 : confused(reterr, 1, "neither version = 2 nor version = 3");
}

static void put_table(struct buf *out, const struct survey *s, bool options)
{
	buf_printf(out, "[plugins.\"%s\".containerd.runtimes.runc%s]\n", s->options[1], options ? ".options" : "");
}

static void put_binary(struct buf *out, const char *path)
{
	buf_printf(out, "BinaryName = \"%s\" " MARK "\n", path);
}

static void put_in(struct buf *out, const struct survey *s, const char *text, size_t n, const struct edit *e)
{
	if (s->name_n) {
		buf_put(out, text, s->name_at);
		put_binary(out, e->shim);
		buf_put(out, text + s->name_at + s->name_n, n - s->name_at - s->name_n);
		return;
	}
	if (s->has_options) {
		buf_put(out, text, s->options_end);
		if (s->options_end && text[s->options_end - 1] != '\n')
			buf_putc(out, '\n');
		put_binary(out, e->shim);
		buf_put(out, text + s->options_end, n - s->options_end);
		return;
	}
	buf_put(out, text, n);
	if (n && text[n - 1] != '\n')
		buf_putc(out, '\n');
	if (!s->has_runtime) {
		put_table(out, s, false);
		buf_puts(out, "runtime_type = \"io.containerd.runc.v2\"\n");
	}
	put_table(out, s, true);
	put_binary(out, e->shim);
}

/* Ours out, and in its place what ours took the place of. */
static int take_out(struct buf *out, const struct survey *s, const char *text, size_t n, const struct edit *e)
{
	struct survey before = {0};
	bool ours = s->name_n && str_has_prefix(s->value, e->dir);

	buf_put(out, text, ours ? s->name_at : n);
	if (!ours)
		return 0;
	if (e->before && survey(&before, e->before, e->before_size, NULL) == 0 && before.name_n)
		buf_put(out, e->before + before.name_at, before.name_n);
	buf_put(out, text + s->name_at + s->name_n, n - s->name_at - s->name_n);
	return 0;
}

int edit_containerd(struct buf *out, bool *ret_gone, const char *text, size_t n, const struct edit *e,
	struct diag *reterr)
{
	static const char fresh[] = "version = 2\n";
	struct survey s = {0};
	struct diag diag = {0};

	if (!text) {
		text = fresh;
		n = sizeof(fresh) - 1;
	}
	int r = survey(&s, text, n, &diag);
	if (r < 0) {
		if (reterr)
			*reterr = diag;
		return r;
	}
	if (e->set & FEATURE_SHIM)
		put_in(out, &s, text, n, e);
	else
		take_out(out, &s, text, n, e);
	if (out->failed)
		return diag_msg(reterr, out->failed, "too large");
	*ret_gone = false;
	return 0;
}

int edit_containerd_program(const char *text, size_t n, const char *dir, char *out, size_t size)
{
	struct survey s = {0};
	struct diag diag = {0};

	out[0] = 0;
	if (!text || survey(&s, text, n, &diag) < 0 || !s.name_n || str_has_prefix(s.value, dir) || s.value[0] != '/')
		return 0;
	snprintf(out, size, "%s", s.value);
	return 0;
}

/*
 * The names that there are already lead to the shim first and to the program itself after it: podman
 * takes the first that exists, so that it starts containers without us, and every container that it
 * made keeps a runtime that it knows.
 */
int edit_podman(struct buf *out, bool *ret_gone, const char *text, size_t n, const struct edit *e, struct diag *reterr)
{
	*ret_gone = !(e->set & FEATURE_SHIM);
	if (*ret_gone)
		return 0;
	buf_puts(out, MARK "; taken away by 'seawall uninstall shim'.\n[engine.runtimes]\n");
	for (int i = 0; e->names[i]; i++)
		buf_printf(out, "%s = [\"%s/%s/seawall-shim\", \"%s\"]\n", e->names[i], e->shim, e->names[i],
			e->programs[i]);
	return out->failed ? diag_msg(reterr, out->failed, "too large") : 0;
}
