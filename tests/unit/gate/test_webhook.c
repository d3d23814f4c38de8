/* SPDX-License-Identifier: Apache-2.0 */
/* One AdmissionReview judged: what is answered, and what is recorded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/fd.h"
#include "gate/report.h"
#include "gate/webhook.h"

static const char *corpus;

struct fixture {
	struct gate gate;
	struct review_answer answer;
	char uid[80];
	int answers;
};

static void on_answer(void *ctx, const struct review_answer *a)
{
	struct fixture *f = ctx;

	f->answer = *a;
	snprintf(f->uid, sizeof(f->uid), "%s", a->uid ? a->uid : "");
	f->answers++;
}

static void judge_text(struct fixture *f, const char *text, size_t n)
{
	struct review_job *job = NULL;

	f->answers = 0;
	assert_int_equal(review_judge(&job, &f->gate, "192.0.2.1", text, n, on_answer, f), 0);
	assert_null(job); /* nobody has to be asked for signatures */
	assert_int_equal(f->answers, 1);
}

static void judge(struct fixture *f, const char *name)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(KUBE_BODY_MAX);
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", corpus, name);
	assert_int_equal(file_read(path, &b), 0);
	judge_text(f, (const char *)b.data, b.len);
}

static void apply(struct fixture *f, const char *text)
{
	struct policy_messages messages;
	struct policy_source source = {.name = "p", .text = text, .size = strlen(text)};

	f->gate.policy = policy_unref(f->gate.policy);
	assert_int_equal(policy_load(&f->gate.policy, &source, 1, &messages), 0);
	policy_messages_done(&messages);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	f->gate.cluster = "blue";
	return loop_new(&f->gate.loop) < 0 || report_new(&f->gate.report) < 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	policy_unref(f->gate.policy);
	report_free(f->gate.report);
	loop_free(f->gate.loop);
	free(f);
	return 0;
}

static void test_no_policy(void **state)
{
	struct fixture *f = *state;

	judge(f, "pod_everything");
	assert_false(f->answer.denied);
	judge(f, "duplicate_image"); /* no rule could have said anything */
	assert_false(f->answer.denied);
	judge_text(f, "{}", 2); /* but this is nobody's question */
	assert_true(f->answer.denied);
	assert_int_equal(report_waiting(f->gate.report), 3);
}

static void test_gates(void **state)
{
	struct fixture *f = *state;

	apply(f, "version: 1\n"
		 "collections: [{name: here, clusters: [blue], namespaces: [shop]}, {name: there, clusters: [green]}]\n"
		 "trust: {groups: [{name: ours, images: [\"registry.local:5000/*\"]}, {name: none, images: [nothing]}],\n"
		 "  rules: [{name: far, scope: [there], allowed: [none], effect: block}, {name: near, scope: [here], allowed: [ours], effect: block}]}\n"
		 "compliance: [{name: c, checks: {env_secrets: alert, host_pid: block}}]\n");
	judge(f, "pod_create");
	assert_false(f->answer.denied);
	assert_int_equal(f->answer.warning_count, 1);
	assert_non_null(strstr(f->answer.warnings[0], "[Seawall] rule 'c' warns of container"));
	judge(f, "job_create");
	assert_true(f->answer.denied);
	assert_string_equal(f->answer.text,
		"[Seawall] image blocked by rule 'near': image docker.io/evil/miner:2 is in no allowed group (ours)");
	assert_true(strlen(f->uid) > 30);
	judge(f, "duplicate_image");
	assert_true(f->answer.denied);
	assert_string_equal(f->answer.text, "[Seawall] command blocked: it cannot be judged: a key is in it twice");
	judge(f, "deployment_scaled");
	assert_false(f->answer.denied);
}

static void test_admission(void **state)
{
	struct fixture *f = *state;
	uint32_t before;

	apply(f, "version: 1\n"
		 "admission:\n"
		 "  - {name: quiet, users: [alice], actions: [pod_delete], effect: allow, audit: none}\n"
		 "  - {name: shells, actions: [pod_exec], when: {targets: [\"shop/*\"]}, effect: deny, message: no}\n"
		 "  - {name: host, when: {host_namespaces: [pid]}, effect: alert}\n");
	judge(f, "pod_exec");
	assert_string_equal(f->answer.text, "[Seawall] command blocked by rule 'shells': no");
	judge(f, "pod_everything");
	assert_false(f->answer.denied);
	assert_int_equal(f->answer.warning_count, 1); /* of two containers that say the same */
	before = report_waiting(f->gate.report);
	judge(f, "pod_delete");
	assert_false(f->answer.denied);
	assert_int_equal(report_waiting(f->gate.report), before);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_policy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gates, setup, teardown),
		cmocka_unit_test_setup_teardown(test_admission, setup, teardown),
	};

	corpus = argc == 2 ? argv[1] : ".";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
