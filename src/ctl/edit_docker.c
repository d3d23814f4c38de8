/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's daemon.json: see edit.h. Members that are not ours keep their order and meaning. */
#include "ctl/edit.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"

#define PLUGINS "authorization-plugins"

static void indent(struct buf *out, int depth)
{
	buf_putc(out, '\n');
	for (int i = 0; i < depth; i++)
		buf_puts(out, "    ");
}

/* A comma if anything stands before it at this level, then a new line. */
static void next(struct buf *out, int depth)
{
	json_put_sep(out);
	indent(out, depth);
}

static void put_pretty(struct buf *out, const struct json *j, int depth)
{
	bool object = json_is_object(j);

	if ((!object && !json_is_array(j)) || !json_first(j)) {
		json_print(j, out);
		return;
	}
	buf_putc(out, object ? '{' : '[');
	for (const struct json *m = json_first(j); m; m = json_next(m)) {
		next(out, depth + 1);
		if (object) {
			json_put_str(out, json_key(m));
			buf_puts(out, ": ");
		}
		put_pretty(out, m, depth + 1);
	}
	indent(out, depth);
	buf_putc(out, object ? '}' : ']');
}

static void put_key(struct buf *out, const char *key, int depth)
{
	next(out, depth);
	json_put_str(out, key);
	buf_puts(out, ": ");
}

/* What shall be under our runtime's name; NULL = nothing. */
static const char *runtime_path(const struct edit *e)
{
	if (e->set & FEATURE_SHIM)
		return e->shim;
	return e->clear & FEATURE_SHIM ? e->keep : NULL;
}

static bool touches_shim(const struct edit *e)
{
	return ((e->set | e->clear) & FEATURE_SHIM) != 0;
}

static void put_runtimes(struct buf *out, const struct json *old, const struct edit *e)
{
	const char *path = runtime_path(e);
	bool others = false;

	for (const struct json *m = json_first(old); m; m = json_next(m))
		others |= strcmp(json_key(m), EDIT_RUNTIME) != 0;
	if (!others && !path && !e->explicit_)
		return;
	put_key(out, "runtimes", 1);
	buf_putc(out, '{');
	for (const struct json *m = json_first(old); m; m = json_next(m)) {
		if (strcmp(json_key(m), EDIT_RUNTIME) == 0)
			continue;
		put_key(out, json_key(m), 2);
		put_pretty(out, m, 2);
	}
	if (path) {
		put_key(out, EDIT_RUNTIME, 2);
		buf_putc(out, '{');
		put_key(out, "path", 3);
		json_put_str(out, path);
		indent(out, 2);
		buf_putc(out, '}');
	}
	indent(out, 1);
	buf_putc(out, '}');
}

/* The default as it is, or as it was before ours. */
static void put_default(struct buf *out, const struct json *old, const struct json *before, const struct edit *e)
{
	const char *name = json_str(old, "");

	if (strcmp(name, EDIT_RUNTIME) == 0)
		name = json_str(before, "");
	if (strcmp(name, EDIT_RUNTIME) == 0)
		name = "";
	if ((e->set & FEATURE_SHIM) && e->make_default)
		name = EDIT_RUNTIME;
	if (!*name && e->explicit_)
		name = "runc";
	if (*name) {
		put_key(out, "default-runtime", 1);
		json_put_str(out, name);
	}
}

static void put_plugins(struct buf *out, const struct json *old, const struct edit *e)
{
	bool ours = (e->set & FEATURE_AUTHZ) != 0, any = ours;

	for (const struct json *m = json_first(old); m; m = json_next(m))
		any |= strcmp(json_str(m, ""), EDIT_RUNTIME) != 0;
	if (!any)
		return;
	put_key(out, PLUGINS, 1);
	buf_putc(out, '[');
	for (const struct json *m = json_first(old); m; m = json_next(m))
		if (strcmp(json_str(m, ""), EDIT_RUNTIME) != 0) {
			json_put_sep(out);
			json_print(m, out);
		}
	if (ours) {
		json_put_sep(out);
		json_put_str(out, EDIT_RUNTIME);
	}
	buf_putc(out, ']');
}

/* Where in the text a key is that we cannot live with: for people. */
static int bad_type(struct diag *reterr, const char *text, const char *key, const char *expected)
{
	char quoted[64];
	uint32_t line = 1, column = 1;

	snprintf(quoted, sizeof(quoted), "\"%s\"", key);
	const char *at = strstr(text, quoted);
	for (const char *p = text; at && p < at; p++) {
		column = *p == '\n' ? 1 : column + 1;
		line += *p == '\n';
	}
	return diag_set(reterr, -EINVAL, line, column, expected, "'%s' is not what Docker takes", key);
}

static int check(const struct json *root, const char *text, struct diag *reterr)
{
	if (!json_is_object(root))
		return diag_set(reterr, -EINVAL, 1, 1, "an object", "not a configuration of Docker");
	for (const struct json *a = json_first(root); a; a = json_next(a))
		for (const struct json *b = json_next(a); b; b = json_next(b))
			if (strcmp(json_key(a), json_key(b)) == 0)
				return bad_type(reterr, text, json_key(a), "each key once");
	const struct json *runtimes = json_get(root, "runtimes"), *plugins = json_get(root, PLUGINS);
	if (runtimes && !json_is_object(runtimes))
		return bad_type(reterr, text, "runtimes", "an object");
	if (plugins && !json_is_array(plugins))
		return bad_type(reterr, text, PLUGINS, "a list of names");
	return 0;
}

/* Absent and empty files are {} to Docker. */
static int parse(struct json **ret, const char *text, size_t n, struct diag *reterr)
{
	size_t blank = 0;

	while (text && blank < n && strchr(" \t\r\n", text[blank]))
		blank++;
	if (!text || blank == n)
		return json_parse(ret, "{}", 2, reterr);
	int r = json_parse(ret, text, n, reterr);
	return r == -EBADMSG ? -EINVAL : r;
}

static bool is_ours(const char *key, const struct edit *e)
{
	return touches_shim(e) ? strcmp(key, "runtimes") == 0 || strcmp(key, "default-runtime") == 0 : false;
}

static void put_all(struct buf *out, const struct json *root, const struct json *before, const struct edit *e)
{
	bool plugins = ((e->set | e->clear) & FEATURE_AUTHZ) != 0;

	buf_putc(out, '{');
	for (const struct json *m = json_first(root); m; m = json_next(m)) {
		if (is_ours(json_key(m), e) || (plugins && strcmp(json_key(m), PLUGINS) == 0))
			continue;
		put_key(out, json_key(m), 1);
		put_pretty(out, m, 1);
	}
	if (touches_shim(e)) {
		put_runtimes(out, json_get(root, "runtimes"), e);
		put_default(out, json_get(root, "default-runtime"), json_get(before, "default-runtime"), e);
	}
	if (plugins)
		put_plugins(out, json_get(root, PLUGINS), e);
	if (out->data[out->len - 1] != '{')
		buf_putc(out, '\n');
	buf_puts(out, "}\n");
}

int edit_docker(struct buf *out, bool *ret_gone, const char *text, size_t n, const struct edit *e, struct diag *reterr)
{
	CLEANUP(json_free) struct json *root = NULL;
	CLEANUP(json_free) struct json *before = NULL;
	int r = parse(&root, text, n, reterr);

	if (r == 0)
		r = check(root, text ? text : "", reterr);
	if (r < 0)
		return r;
	/* Saved by us, and parsed then. */
	if (e->before && parse(&before, e->before, e->before_size, NULL) < 0)
		return diag_msg(reterr, -EINVAL, "the saved original is no JSON");
	put_all(out, root, before, e);
	if (out->failed)
		return diag_msg(reterr, out->failed, "too large");
	*ret_gone = false;
	return 0;
}

int edit_docker_program(const char *text, size_t n, char *out, size_t size, struct diag *reterr)
{
	CLEANUP(json_free) struct json *root = NULL;
	int r = parse(&root, text, n, reterr);

	if (r == 0)
		r = check(root, text ? text : "", reterr);
	if (r < 0)
		return r;
	const char *name = json_get_str(root, "default-runtime", "runc");
	const struct json *runtime = json_get(json_get(root, "runtimes"), name);
	snprintf(out, size, "%s", "");
	if (strcmp(name, "runc") == 0 || strcmp(name, EDIT_RUNTIME) == 0)
		return 0;
	const char *path = json_get_str(runtime, "path", "");
	if (path[0] != '/' || json_first(json_get(runtime, "runtimeArgs")))
		return diag_set(reterr, -EINVAL, 0, 0, "--program PATH of what the shim shall become",
			"the default runtime '%.64s' is not one plain program", name);
	snprintf(out, size, "%s", path);
	return 0;
}

void edit_docker_root(const char *text, size_t n, char *out, size_t size)
{
	CLEANUP(json_free) struct json *root = NULL;

	out[0] = 0;
	if (parse(&root, text, n, NULL) == 0)
		snprintf(out, size, "%s", json_get_str(root, "data-root", ""));
}
