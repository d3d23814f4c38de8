/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out at any single allocation: -ENOMEM or a refusal, never a reading that lacks
 * something, and with a leak checker nothing is lost. */
#include "support.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

static long left = -1; /* allocations until one fails; -1 = never */

static int fails(void)
{
	return left >= 0 && left-- == 0;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
	return fails() ? NULL : __real_strndup(s, n);
}

static const char body[] = "{\"Image\":\"nginx\",\"User\":\"1\",\"Cmd\":[\"a\"],\"Env\":[\"A_TOKEN=abcdefgh\"],\"Labels\":{\"a\":\"b\"},"
	"\"HostConfig\":{\"Privileged\":true,\"CapAdd\":[\"ALL\"],\"Binds\":[\"/:/h:ro\",\"v:/v\",\"/x\"],\"NetworkMode\":\"container:a\",\"Devices\":[{\"PathOnHost\":\"/dev/a\"}],"
	"\"SecurityOpt\":[\"seccomp={\\\"defaultAction\\\":\\\"SCMP_ACT_ALLOW\\\"}\"],\"Mounts\":[{\"Type\":\"volume\",\"Source\":\"v\",\"Target\":\"/t\",\"VolumeOptions\":"
	"{\"DriverConfig\":{\"Options\":{\"type\":\"overlay\",\"o\":\"lowerdir=/a:/b\"}}}}],\"Sysctls\":{\"a\":\"b\"},\"RestartPolicy\":{\"Name\":\"always\"},"
	"\"PortBindings\":{\"1/tcp\":[{\"HostPort\":\"1\"}]},\"Runtime\":\"x\"},\"NetworkingConfig\":{\"EndpointsConfig\":{\"n\":{}}}}";

static void test_every_allocation(void **state)
{
	static const struct command_header headers[] = {{"Content-Type", "application/json"}};
	struct command_input in = {.mode = COMMAND_PROXY, .method = "POST", .uri = "/v1.41/containers/create?name=web%2Fx", .headers = headers,
		.header_count = 1, .body = body, .body_size = sizeof(body) - 1, .body_whole = true};
	struct command_facts f, whole;
	int refused = 0, steps = 0;

	assert_int_equal(command_read(&whole, &in), 0);
	assert_true(whole.readable);
	for (;; steps++) {
		left = steps;
		int r = command_read(&f, &in);
		bool reached = left == -1;
		left = -1;
		if (r == 0 && f.readable) {
			/* The allocation that failed was never made. */
			assert_int_equal(f.parameters.count, whole.parameters.count);
			assert_int_equal(f.creation.mount_count, whole.creation.mount_count);
			command_facts_done(&f);
			assert_false(reached);
			break;
		}
		refused++;
		if (r == 0)
			command_facts_done(&f);
		else
			assert_int_equal(r, -ENOMEM);
		assert_true(steps < 2000);
	}
	print_message("%d allocations\n", refused);
	assert_true(refused > 80);
	command_facts_done(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_allocation)};

	return cmocka_run_group_tests_name("command.memory", tests, NULL, NULL);
}
