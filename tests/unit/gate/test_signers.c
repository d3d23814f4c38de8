/* SPDX-License-Identifier: Apache-2.0 */
/* Who signed what runs: asked a few at a time, kept, forgotten with the policy; the test is the registry. */
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "gate/signers.h"
#include "unit/trust/keys.h"

#define HEX(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define ONE "sha256:" HEX("1")
#define TURNS 50 /* of 5 ms, in which something that is due happens */

static struct pair alice, bob;

struct fixture {
	struct loop *loop;
	struct registry_client *client;
	struct signers *signers;
	struct trust_group group;
	struct policy policy;
	char *keys[2];
	char path[64];
	int listener, peer;
	struct buf heard;
	int news;
	char name[64]; /* of the last news */
};

static void on_news(void *ctx, const char *name)
{
	struct fixture *f = ctx;

	f->news++;
	snprintf(f->name, sizeof(f->name), "%s", name);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->path, sizeof(f->path), "/tmp/seawall-signers-%d.sock", (int)getpid());
	f->heard = BUF_INIT(1u << 20);
	f->peer = -1;
	f->listener = unix_listen(f->path, 0600, 4);
	assert_true(f->listener >= 0);
	assert_int_equal(loop_new(&f->loop), 0);
	assert_int_equal(registry_client_new(&f->client, f->loop, f->path, getuid()), 0);
	assert_int_equal(signers_new(&f->signers, f->loop, f->client, on_news, f), 0);
	f->keys[0] = alice.public;
	f->keys[1] = bob.public;
	f->group = (struct trust_group){.keys = {f->keys, 2}};
	f->policy = (struct policy){.trust_groups = &f->group, .trust_group_count = 1};
	signers_policy(f->signers, &f->policy);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	signers_free(f->signers);
	registry_client_free(f->client);
	loop_free(f->loop);
	fd_close(f->listener);
	fd_close(f->peer);
	unlink(f->path);
	buf_done(&f->heard);
	free(f);
	return 0;
}

static bool readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return fd >= 0 && poll(&p, 1, 0) == 1;
}

/* The next question that comes; its id, 0 = none. */
static uint64_t hear(struct fixture *f)
{
	for (int turn = 0; turn < TURNS; turn++) {
		struct registry_question q = {0};
		uint64_t id;

		loop_run_once(f->loop, 5);
		if (f->peer < 0 && readable(f->listener))
			f->peer = accept(f->listener, NULL, NULL);
		if (readable(f->peer)) {
			uint8_t *room = buf_room(&f->heard, 4096);
			ssize_t n = read(f->peer, room, 4096);
			assert_true(n > 0);
			f->heard.len += (size_t)n;
		}
		int r = registry_frame_take(&f->heard, REGISTRY_QUESTION_MAX, &record_registry_question, &id, &q);
		record_done(&record_registry_question, &q);
		assert_true(r >= 0);
		if (r == 1)
			return id;
	}
	return 0;
}

static void reply(struct fixture *f, uint64_t id, const struct registry_answer *a)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(1u << 20);
	int before = f->news;

	registry_frame_put(&out, id, &record_registry_answer, a);
	assert_int_equal(fd_write_all(f->peer, out.data, out.len), 0);
	for (int turn = 0; turn < TURNS && f->news == before; turn++)
		loop_run_once(f->loop, 5);
}

static const struct signer *find(struct fixture *f, const char *name)
{
	char *digests[] = {(char *)(uintptr_t)ONE};
	struct str_list list = {digests, 1};

	return signers_find(f->signers, &(struct image_facts){.name = name, .id = NULL, .repo_digests = &list});
}

static bool signed_by(const struct signer *s, const struct pair *key)
{
	return signers_signed_by((void *)(uintptr_t)s, key->public, NULL);
}

static void asks_once_and_tells(void **state)
{
	struct fixture *f = *state;
	struct registry_answer a = {.digest = (char *)(uintptr_t)ONE};

	assert_null(find(f, "r.test/app:1"));
	assert_null(find(f, "r.test/app:1"));
	uint64_t id = hear(f);
	assert_int_not_equal(id, 0);
	assert_null(find(f, "r.test/app:1"));
	sign(&a.evidence, &alice, ONE);
	reply(f, id, &a);
	evidence_done(&a.evidence);
	assert_int_equal(f->news, 1);
	assert_string_equal(f->name, "r.test/app:1");
	const struct signer *s = find(f, "r.test/app:1");
	assert_non_null(s);
	assert_true(signed_by(s, &alice));
	assert_false(signed_by(s, &bob));
	assert_null(signer_trouble(s));
	assert_int_equal(hear(f), 0);
}

/* Other keys, other answers. */
static void forgets_with_the_policy(void **state)
{
	struct fixture *f = *state;
	struct registry_answer none = {.digest = (char *)(uintptr_t)ONE};

	assert_null(find(f, "r.test/app:1"));
	reply(f, hear(f), &none);
	assert_false(signed_by(find(f, "r.test/app:1"), &alice));
	signers_policy(f->signers, &f->policy);
	assert_null(find(f, "r.test/app:1"));
	uint64_t id = hear(f);
	assert_int_not_equal(id, 0);
	signers_policy(f->signers, &f->policy); /* while it is asked */
	reply(f, id, &none);
	assert_int_equal(f->news, 1);
}

static void says_what_went_wrong(void **state)
{
	struct fixture *f = *state;
	struct registry_answer late = {.error = -ETIMEDOUT, .message = (char *)(uintptr_t) "no answer in time"};

	assert_null(find(f, "r.test/app:1"));
	reply(f, hear(f), &late);
	const struct signer *s = find(f, "r.test/app:1");
	assert_false(signed_by(s, &alice));
	assert_string_equal(signer_trouble(s), "no answer in time");
	f->listener = fd_close(f->listener);
	f->peer = fd_close(f->peer);
	unlink(f->path);
	assert_null(find(f, "r.test/other:1"));
	for (int turn = 0; turn < TURNS && f->news < 2; turn++)
		loop_run_once(f->loop, 5);
	assert_string_equal(f->name, "r.test/other:1");
	assert_non_null(signer_trouble(find(f, "r.test/other:1")));
	/* What is no name of a registry nobody has signed. */
	assert_null(find(f, "sha256:" HEX("2")));
	for (int turn = 0; turn < TURNS && f->news < 3; turn++)
		loop_run_once(f->loop, 5);
	assert_int_equal(f->news, 3);
}

static void asks_few_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct registry_answer none = {.digest = (char *)(uintptr_t)ONE};
	char name[32];
	uint64_t ids[16];
	int asked = 0;

	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "r.test/app%d:1", i);
		assert_null(find(f, name));
	}
	while (asked < 16 && (ids[asked] = hear(f)))
		asked++;
	assert_int_equal(asked, 4);
	for (int i = 0; i < asked && asked < 16; i++) {
		reply(f, ids[i], &none);
		if ((ids[asked] = hear(f)))
			asked++;
	}
	assert_int_equal(asked, 10);
	assert_int_equal(f->news, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(asks_once_and_tells, setup, teardown),
		cmocka_unit_test_setup_teardown(forgets_with_the_policy, setup, teardown),
		cmocka_unit_test_setup_teardown(says_what_went_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(asks_few_at_a_time, setup, teardown),
	};

	pair_make(&alice, "P-256");
	pair_make(&bob, "P-256");
	return cmocka_run_group_tests_name("gate.signers", tests, NULL, NULL);
}
