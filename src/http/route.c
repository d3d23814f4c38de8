/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the row of the route table for a request: see http.h. */
#include <string.h>

#include "http/http.h"

const char *const http_method_names[HTTP_METHOD_COUNT_] = {"GET", "POST", "PUT", "DELETE"};

static bool add_param(struct http_match *m, const char *name, size_t name_size, const char *value, size_t value_size)
{
	if (m->param_count == HTTP_PARAMS_MAX || value_size == 0)
		return false;
	m->params[m->param_count].name = name;
	m->params[m->param_count].name_size = name_size;
	m->params[m->param_count].value = value;
	m->params[m->param_count].value_size = value_size;
	m->param_count++;
	return true;
}

static bool path_matches(struct http_match *m, const char *pattern, const char *path)
{
	m->param_count = 0;
	for (;;) {
		if (*pattern == '*')
			return add_param(m, "*", 1, path, strlen(path));
		if (*pattern == '{') {
			size_t name = strcspn(++pattern, "}");
			size_t value = strcspn(path, "/");
			if (!add_param(m, pattern, name, path, value))
				return false;
			pattern += name + 1;
			path += value;
			continue;
		}
		if (*pattern != *path)
			return false;
		if (!*pattern)
			return true;
		pattern++;
		path++;
	}
}

struct http_match http_route_find(const struct http_route *routes, size_t n, const char *method, const char *path)
{
	struct http_match m = {0};

	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	for (size_t i = 0; i < n; i++) {
		if (!path_matches(&m, routes[i].path, path))
			continue;
		m.path_known = true;
		if (strcmp(http_method_names[routes[i].method], method) == 0) {
			m.route = &routes[i];
			return m;
		}
	}
	m.param_count = 0;
	return m;
}
