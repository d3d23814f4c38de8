/* SPDX-License-Identifier: Apache-2.0 */
/* The Gate's questions, with the test at the other end: answers, deadlines, losses, strangers. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "trust/registry_client.h"
#include "unit/trust/keys.h"

#define DIGEST "sha256:1111111111111111111111111111111111111111111111111111111111111111"

struct fixture {
	struct loop *loop;
	struct registry_client *client;
	char path[64];
	int listener, peer;
	int answers, last_error;
	unsigned signatures;
	struct buf heard;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->path, sizeof(f->path), "/tmp/seawall-registry-%d.sock", (int)getpid());
	f->heard = BUF_INIT(1u << 20);
	f->peer = -1;
	f->listener = unix_listen(f->path, 0600, 4);
	assert_true(f->listener >= 0);
	assert_int_equal(loop_new(&f->loop), 0);
	assert_int_equal(registry_client_new(&f->client, f->loop, f->path, getuid()), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	registry_client_free(f->client);
	loop_free(f->loop);
	fd_close(f->listener);
	fd_close(f->peer);
	unlink(f->path);
	buf_done(&f->heard);
	free(f);
	return 0;
}

static void on_answer(void *ctx, const struct registry_answer *a)
{
	struct fixture *f = ctx;

	f->answers++;
	f->last_error = a->error;
	f->signatures = a->evidence.signatures.count;
}

static int ask(struct fixture *f, uint32_t deadline_ms, struct registry_pending **ret)
{
	struct registry_question q = {.name = (char *)(uintptr_t) "r.test/app:1", .digest = (char *)(uintptr_t)DIGEST, .deadline_ms = deadline_ms};

	return registry_client_ask(f->client, &q, on_answer, f, ret);
}

/* The next question that was sent; its id. */
static uint64_t hear(struct fixture *f)
{
	struct registry_question q = {0};
	uint64_t id = 0;
	int r;

	if (f->peer < 0)
		f->peer = accept(f->listener, NULL, NULL);
	assert_true(f->peer >= 0);
	while ((r = registry_frame_take(&f->heard, REGISTRY_QUESTION_MAX, &record_registry_question, &id, &q)) == 0) {
		uint8_t *room = buf_room(&f->heard, 4096);
		ssize_t n = read(f->peer, room, 4096);
		assert_true(n > 0);
		f->heard.len += (size_t)n;
	}
	assert_int_equal(r, 1);
	assert_string_equal(q.name, "r.test/app:1");
	assert_string_equal(q.digest, DIGEST);
	record_done(&record_registry_question, &q);
	return id;
}

static void reply(struct fixture *f, uint64_t id, const struct registry_answer *a, size_t piece)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(1u << 20);

	registry_frame_put(&out, id, &record_registry_answer, a);
	for (size_t at = 0; at < out.len; at += piece) {
		size_t n = out.len - at < piece ? out.len - at : piece;
		assert_int_equal(fd_write_all(f->peer, out.data + at, n), 0);
		assert_int_equal(loop_run_once(f->loop, 1000), 0);
	}
}

static void answers_in_any_order(void **state)
{
	struct fixture *f = *state;
	struct registry_answer none = {.error = -ENOENT, .message = (char *)(uintptr_t) "no such image"}, some = {.digest = (char *)(uintptr_t)DIGEST};
	struct buf payload = {.data = (uint8_t *)(uintptr_t) "{}", .len = 2};

	assert_int_equal(evidence_add_signature(&some.evidence, &payload, "AAAA"), 0);
	assert_int_equal(ask(f, 0, NULL), 0);
	assert_int_equal(ask(f, 0, NULL), 0);
	uint64_t first = hear(f), second = hear(f);
	assert_int_equal(f->answers, 0);
	reply(f, second, &some, 7); /* in small pieces */
	assert_int_equal(f->answers, 1);
	assert_int_equal(f->signatures, 1);
	reply(f, second, &some, 1000); /* said twice: nobody waits */
	assert_int_equal(f->answers, 1);
	reply(f, first, &none, 1000);
	assert_int_equal(f->answers, 2);
	assert_int_equal(f->last_error, -ENOENT);
	evidence_done(&some.evidence);
}

static void until(struct fixture *f, int answers)
{
	for (int i = 0; i < 200 && f->answers < answers; i++)
		assert_int_equal(loop_run_once(f->loop, 50), 0);
	assert_int_equal(f->answers, answers);
}

static void does_not_wait_for_ever(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, 20, NULL), 0);
	until(f, 1);
	assert_int_equal(f->last_error, -ETIMEDOUT);
	uint64_t id = hear(f);
	reply(f, id, &(struct registry_answer){0}, 1000); /* too late */
	assert_int_equal(f->answers, 1);
}

static void hears_of_a_loss_and_comes_back(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ask(f, 0, NULL), 0);
	assert_int_equal(ask(f, 0, NULL), 0);
	hear(f);
	f->peer = fd_close(f->peer);
	f->heard.len = 0;
	until(f, 2);
	assert_int_equal(f->last_error, -ECONNRESET);
	assert_int_equal(ask(f, 0, NULL), 0);
	reply(f, hear(f), &(struct registry_answer){0}, 1000);
	assert_int_equal(f->answers, 3);
	assert_int_equal(f->last_error, 0);
	/* nobody there at all */
	f->peer = fd_close(f->peer);
	f->listener = fd_close(f->listener);
	assert_int_equal(loop_run_once(f->loop, 1000), 0);
	assert_int_equal(ask(f, 0, NULL), -ECONNREFUSED);
	unlink(f->path);
	assert_int_equal(ask(f, 0, NULL), -ENOENT);
}

static void does_not_speak_to_strangers(void **state)
{
	struct fixture *f = *state;
	CLEANUP(registry_client_free) struct registry_client *other = NULL;
	struct registry_question q = {.name = (char *)(uintptr_t) "x"};

	assert_int_equal(registry_client_new(&other, f->loop, f->path, getuid() + 1), 0);
	assert_int_equal(registry_client_ask(other, &q, on_answer, f, NULL), -EPERM);
}

/* What is no answer ends the connection, and with it the questions. */
static void nonsense_ends_the_connection(void **state)
{
	struct fixture *f = *state;
	static const char *const nonsense[] = {"GET / HTTP/1.1\r\n\r\nxxxx", "\x67\x52\x77\x53\xff\xff\xff\x7fxxxxxxxx"};
	struct registry_answer positive = {.error = 5}, malformed = {.digest = (char *)(uintptr_t) "sha256:x"};

	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(ask(f, 0, NULL), 0);
		uint64_t id = hear(f);
		if (i < 2) {
			assert_int_equal(fd_write_all(f->peer, nonsense[i], 16), 0);
			until(f, (int)i + 1);
		} else {
			reply(f, id, i == 2 ? &positive : &malformed, 1000);
			until(f, (int)i + 1);
		}
		assert_int_equal(f->last_error, -ECONNRESET);
		f->peer = fd_close(f->peer);
	}
}

static void takes_back(void **state)
{
	struct fixture *f = *state;
	struct registry_pending *p = NULL;
	struct registry_question empty = {0};

	assert_int_equal(ask(f, 20, &p), 0);
	registry_client_cancel(p);
	uint64_t id = hear(f);
	reply(f, id, &(struct registry_answer){0}, 1000);
	assert_int_equal(f->answers, 0);
	for (int i = 0; i < REGISTRY_PENDING_MAX; i++)
		assert_int_equal(ask(f, 0, NULL), 0);
	assert_int_equal(ask(f, 0, NULL), -EAGAIN);
	assert_int_equal(registry_client_ask(f->client, &empty, on_answer, f, NULL), -EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_in_any_order, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_wait_for_ever, setup, teardown),
		cmocka_unit_test_setup_teardown(hears_of_a_loss_and_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(does_not_speak_to_strangers, setup, teardown),
		cmocka_unit_test_setup_teardown(nonsense_ends_the_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(takes_back, setup, teardown),
	};

	return cmocka_run_group_tests_name("trust.registry_client", tests, NULL, NULL);
}
