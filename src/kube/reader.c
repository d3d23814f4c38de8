/* SPDX-License-Identifier: Apache-2.0 */
/* Strict getters: see reader.h. */
#include "kube/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

int kube_fail(struct kube_reader *r, int error, const char *fmt, ...)
{
	va_list ap;

	if (r->failed)
		return r->failed;
	va_start(ap, fmt);
	vsnprintf(r->v->why, sizeof(r->v->why), fmt, ap);
	va_end(ap);
	gate_clean(r->v->why);
	return r->failed = error;
}

/* Keys are unique here: see json_keys_unique(). */
static const struct json *member(const struct kube_reader *r, const struct json *j, const char *key)
{
	const struct json *m = r->failed ? NULL : json_get(j, key);

	return json_is_null(m) ? NULL : m;
}

static const struct json *wrong(struct kube_reader *r, const char *key, const char *expected)
{
	kube_fail(r, -EBADMSG, "'%s' is not %s", key, expected);
	return NULL;
}

const struct json *kube_object(struct kube_reader *r, const struct json *j, const char *key)
{
	const struct json *m = member(r, j, key);

	return m && !json_is_object(m) ? wrong(r, key, "an object") : m;
}

const struct json *kube_objects(struct kube_reader *r, const struct json *j, const char *key)
{
	const struct json *m = member(r, j, key);

	if (m && !json_is_array(m))
		return wrong(r, key, "a list");
	for (const struct json *i = json_first(m); i; i = json_next(i))
		if (!json_is_object(i))
			return wrong(r, key, "a list of objects");
	return json_first(m);
}

static const char *bounded(struct kube_reader *r, const struct json *m, const char *key)
{
	const char *text = json_str(m, NULL);

	if (!text)
		wrong(r, key, "a text");
	else if (strlen(text) >= KUBE_TEXT_MAX)
		kube_fail(r, -EBADMSG, "'%s' is longer than %d bytes", key, KUBE_TEXT_MAX);
	return r->failed ? "" : text;
}

const char *kube_text(struct kube_reader *r, const struct json *j, const char *key)
{
	const struct json *m = member(r, j, key);

	return m ? bounded(r, m, key) : "";
}

int64_t kube_number(struct kube_reader *r, const struct json *j, const char *key, int64_t otherwise)
{
	const struct json *m = member(r, j, key);

	if (m && !json_is_number(m))
		wrong(r, key, "a number");
	return m && !r->failed ? json_int(m, otherwise) : otherwise;
}

enum fact kube_flag(struct kube_reader *r, const struct json *j, const char *key)
{
	const struct json *m = member(r, j, key);
	bool value = json_bool(m, false);

	if (m && json_bool(m, true) != value)
		wrong(r, key, "true or false");
	return !m || r->failed ? FACT_UNKNOWN : value ? FACT_YES : FACT_NO;
}

const struct json *kube_walk(struct kube_reader *r, const struct json *j, const char *path)
{
	char key[64];

	while (j && *path) {
		size_t n = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		j = kube_object(r, j, key);
		path += n + (path[n] == '.');
	}
	return j;
}

void kube_texts(struct kube_reader *r, const struct json *j, const char *key, kube_text_fn *fn)
{
	const struct json *m = member(r, j, key);

	if (m && !json_is_array(m))
		wrong(r, key, "a list");
	for (const struct json *i = json_first(m); i && !r->failed; i = json_next(i))
		if (json_is_string(i))
			fn(r, json_str(i, ""));
		else
			wrong(r, key, "a list of texts");
}

void kube_add(struct kube_reader *r, struct str_list *list, const char *text, unsigned max)
{
	if (r->failed)
		return;
	if (list->count >= max)
		kube_fail(r, -EBADMSG, "a list has more than %u entries", max);
	else if (str_list_add(list, text) < 0)
		kube_fail(r, -ENOMEM, "out of memory");
}

void kube_set(struct kube_reader *r, char **field, const char *text)
{
	char *copy = r->failed ? NULL : strdup(text);

	if (r->failed)
		return;
	if (!copy) {
		kube_fail(r, -ENOMEM, "out of memory");
		return;
	}
	free(*field);
	*field = copy;
}

void kube_say(struct kube_reader *r, const char *name, const char *value)
{
	char text[KUBE_PARAMETER_MAX];

	snprintf(text, sizeof(text), "%s=%s", name, value);
	gate_clean(text);
	if (r->v->parameters.count < KUBE_PARAMETERS_MAX)
		kube_add(r, &r->v->parameters, text, KUBE_PARAMETERS_MAX);
}
