/* SPDX-License-Identifier: Apache-2.0 */
/* The table of actions, walked; and how paths find their rows. */
#include "support.h"

/* A path that the pattern stands for, with `name` for every {...}. */
static void sample(const char *pattern, const char *name, char *out, size_t size)
{
	size_t n = 0;

	for (const char *p = pattern; *p; p++) {
		if (*p == '{') {
			n += (size_t)snprintf(out + n, size - n, "%s", name);
			p = strchr(p, '}');
		} else {
			out[n++] = *p;
		}
	}
	out[n] = 0;
}

/* Each row is found by its own paths, with and without version, and by nothing before it. */
static void test_every_row_is_reached(void **state)
{
	static const char *const names[] = {"x", "web.1", "0123456789ab"};
	char path[256], uri[300], why[256];
	const struct command_action *found;

	for (size_t i = 0; i < command_action_count; i++) {
		const struct command_action *a = &command_actions[i];

		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			sample(a->path, names[k], path, sizeof(path));
			assert_int_equal(command_find(&found, a->method, path, why, sizeof(why)), 0);
			if (found != a)
				fail_msg("%s %s finds %s", a->method, path, found->path);
			snprintf(uri, sizeof(uri), "/v1.41%s?a=b", path);
			assert_int_equal(command_find(&found, a->method, uri, why, sizeof(why)), 0);
			assert_ptr_equal(found, a);
		}
	}
}

/* A name stands for one kind of thing: rows that share it are the same to a rule. */
static void test_names(void **state)
{
	for (size_t i = 0; i < command_action_count; i++) {
		const struct command_action *a = &command_actions[i];

		assert_true(a->name[0] && strspn(a->name, "abcdefghijklmnopqrstuvwxyz_") == strlen(a->name));
		assert_true(a->summary && *a->summary);
		assert_string_not_equal(a->name, "unknown");
		/* A name that a rule cannot tell from a group. */
		assert_string_not_equal(a->name, "dangerous");
		assert_string_not_equal(a->name, "read_only");
		for (size_t k = 0; k < i; k++) {
			const struct command_action *b = &command_actions[k];

			assert_false(strcmp(a->method, b->method) == 0 && strcmp(a->path, b->path) == 0);
			if (strcmp(a->name, b->name) == 0)
				assert_int_equal(a->flags, b->flags);
		}
	}
}

static void test_flags(void **state)
{
	for (size_t i = 0; i < command_action_count; i++) {
		const struct command_action *a = &command_actions[i];

		assert_false((a->flags & COMMAND_READ_ONLY) && (a->flags & COMMAND_DANGEROUS));
		/* What asks for nothing but a look is a GET; the exceptions are named here. */
		if (a->flags & COMMAND_READ_ONLY)
			assert_true(strcmp(a->method, "GET") == 0 || strcmp(a->method, "OPTIONS") == 0 ||
				    strcmp(a->name, "container_wait") == 0);
		if (strcmp(a->method, "GET") == 0)
			assert_false(a->flags & (COMMAND_BODY | COMMAND_BODY_MAYBE));
		assert_false((a->flags & COMMAND_BODY) && (a->flags & (COMMAND_STREAMS | COMMAND_HIJACKS)));
		assert_int_equal(!!(a->flags & COMMAND_BUILDS), strcmp(a->name, "session") == 0 || strcmp(a->name, "grpc") == 0);
	}
	assert_true(command_unknown.flags & COMMAND_DANGEROUS);
}

static void test_paths(void **state)
{
	static const struct {
		const char *method, *uri, *action, *target, *path;
		unsigned api;
	} rows[] = {
		{"GET", "/_ping", "system_ping", NULL, "/_ping", 0},
		{"HEAD", "/_ping", "system_ping", NULL, "/_ping", 0},
		{"GET", "/v1.24/info", "system_info", NULL, "/info", 24},
		{"GET", "/version", "system_version", NULL, "/version", 0},
		{"GET", "/volumes", "volume_list", NULL, "/volumes", 0},
		{"POST", "/containers/%63reate", "container_create", NULL, "/containers/create", 0},
		{"GET", "/v1.41/images/library/nginx:1/json", "image_inspect", "library/nginx:1", "/images/library/nginx:1/json", 41},
		{"GET", "/images/library%2Fnginx/json", "image_inspect", "library/nginx", "/images/library/nginx/json", 0},
		{"DELETE", "/images/reg:5000/a/b", "image_delete", "reg:5000/a/b", "/images/reg:5000/a/b", 0},
		{"POST", "/containers/json/start", "container_start", "json", "/containers/json/start", 0},
		{"GET", "/containers/create/json", "container_inspect", "create", "/containers/create/json", 0},
		{"DELETE", "/containers/a/checkpoints/b", "container_checkpoint_delete", "a", "/containers/a/checkpoints/b", 0},
		{"DELETE", "/containers/a", "container_delete", "a", "/containers/a", 0},
		{"GET", "/networks/", "network_list", NULL, "/networks/", 0},
		{"OPTIONS", "/anything/at/all", "options", "anything/at/all", "/anything/at/all", 0},
		{"OPTIONS", "/", "options", NULL, "/", 0},
		{"GET", "/containers/a/attach/ws", "container_attach_websocket", "a", "/containers/a/attach/ws", 0},
		/* no row */
		{"GET", "/", "unknown", NULL, "/", 0},
		{"GET", "/v1.41", "unknown", NULL, "/v1.41", 0},
		{"GET", "/libpod/info", "unknown", NULL, "/libpod/info", 0},
		{"GET", "/Containers/json", "unknown", NULL, "/Containers/json", 0},
		{"POST", "/containers/create/", "unknown", NULL, "/containers/create/", 0},
		{"PATCH", "/containers/a", "unknown", NULL, "/containers/a", 0},
		{"POST", "/vabc/containers/create", "unknown", NULL, "/vabc/containers/create", 0},
		{"GET", "/services/a/b", "unknown", NULL, "/services/a/b", 0},
		{"GET", "/containers/", "unknown", NULL, "/containers/", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct command_facts f = ask(COMMAND_PROXY, rows[i].method, rows[i].uri, "", NULL);

		print_message("%s %s\n", rows[i].method, rows[i].uri);
		assert_string_equal(f.action->name, rows[i].action);
		assert_string_equal(f.path, rows[i].path);
		assert_int_equal(f.api, rows[i].api);
		if (rows[i].target)
			assert_string_equal(f.target, rows[i].target);
		else
			assert_null(f.target);
		command_facts_done(&f);
	}
}

static void test_request(void **state)
{
	struct command_facts f = ask(COMMAND_PROXY, "GET", "/images/nginx/json", "", NULL);
	struct access_request q = {.user = "alice"};

	command_request(&f, &q);
	assert_string_equal(q.user, "alice");
	assert_string_equal(q.action, "image_inspect");
	assert_true(q.read_only);
	assert_false(q.dangerous);
	assert_string_equal(q.target, "nginx");
	assert_string_equal(q.image, "docker.io/library/nginx:latest");
	assert_null(q.creation);
	command_facts_done(&f);
	f = create("{\"Image\":\"nginx\"}");
	command_request(&f, &q);
	assert_true(q.dangerous && !q.read_only);
	assert_ptr_equal(q.creation, &f.creation);
	command_facts_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_is_reached),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_request),
	};

	return cmocka_run_group_tests_name("command.action", tests, NULL, NULL);
}
