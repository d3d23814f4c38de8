/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel and userspace judge arguments by the same code and the same words, compiled twice: here
 * both are asked about the same thousand command lines, drawn from the table and from the shapes of
 * values, always the same ones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/miner.h"
#include "bpf/miner_words.h"
#include "scene.h"

#define ROUNDS 1000
#define ARGS_MAX 8

static const char alert[] = "version: 1\nruntime:\n  - {name: look, processes: {crypto_miners: alert}}\n";

#define WALLET "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DsBBvsRpJwRKZq"
#define LONG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char *const values[] = {
	"", "-", "--", "---", "x", "pool.example:3333", "h:1", "abc:65535", "abc:123456", "[::1]:80", "tcp://a.b:1", "a b:1",
	WALLET, WALLET ".w", WALLET "@x", "RX/0", "SCRYPT", "monero", LONG, LONG LONG LONG, LONG ":3333", "--algo", "-A", "-O",
	"--URL", "-p", "-u", "--user", "-o", "--cpu-priority", "-k", "=", "--coin=xmr",
};
static const char *const names[] = {"nginx", "grep", "busybox", "XMRig-6", "kworker"};

/* xorshift: the same draws on every machine. */
static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)(*seed >> 32) % below;
}

struct line {
	char texts[ARGS_MAX][512];
	char *argv[ARGS_MAX + 1];
	uint32_t count;
	const char *path;
};

/* Names of shells mean nothing to miners; they would only thin the draws out. */
static const char *word_draw(uint64_t *seed)
{
	const struct miner_table_row *row;

	do
		row = &miner_table[draw(seed, (uint32_t)miner_table_count)];
	while (row->space == MINER_SPACE_SHELL);
	return row->text;
}

static void line_draw(struct line *l, uint64_t *seed)
{
	l->count = 1 + draw(seed, ARGS_MAX);
	for (uint32_t i = 0; i < l->count; i++) {
		const char *word = word_draw(seed);
		const char *value = values[draw(seed, sizeof(values) / sizeof(values[0]))];
		uint32_t kind = draw(seed, i ? 8 : 24); /* 0: word, 1: both, else a value */

		snprintf(l->texts[i], sizeof(l->texts[i]), "%s%s", kind < 2 ? word : "", kind ? value : "");
		l->argv[i] = l->texts[i];
	}
	l->argv[l->count] = NULL;
}

static int launch(void *ctx)
{
	const struct line *l = ctx;

	execv(l->path, l->argv);
	return 123;
}

static enum miner_judgement kernel_says(const struct wire_exec *e)
{
	if (e->header.verdict.detection == DETECTION_CRYPTO_MINER)
		return MINER_YES;
	return e->header.flags & WIRE_SUSPECT ? MINER_SUSPECT : MINER_NO;
}

static void disagree(const struct line *l, const struct wire_exec *e, const struct miner_finding *f)
{
	for (uint32_t i = 0; i < l->count; i++)
		print_message("# argv[%u] = '%s'\n", i, l->argv[i]);
	fail_msg("%s: kernel %d by %u '%s' (flags %x, %u bytes of arguments), userspace %d by %d '%s'", l->path, kernel_says(e),
		e->header.verdict.evidence, e->sign, e->header.flags, e->args_size, f->judgement, f->evidence, f->sign);
}

static void both_say_the_same(void **state)
{
	struct scene *s = *state;
	char paths[sizeof(names) / sizeof(names[0])][256];
	uint32_t seen[3] = {0};
	uint64_t seed = 20261123;
	struct line l;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		snprintf(paths[i], sizeof(paths[i]), "%s", scene_program(s, scene_tool("true"), names[i]));
	scene_policy(s, alert);
	for (int i = 0; i < ROUNDS; i++) {
		struct str_list args = {.items = l.argv};
		struct miner_finding f;
		const struct wire_exec *e;
		pid_t pid;

		line_draw(&l, &seed);
		l.path = paths[draw(&seed, sizeof(names) / sizeof(names[0]))];
		args.count = l.count;
		scene_clear(s);
		pid = scene_fork(s, launch, &l);
		scene_wait(s, pid);
		e = scene_exec_of(s, pid);
		f = miner_judge_exec(l.path, &args);
		if (kernel_says(e) != f.judgement ||
		    (f.judgement == MINER_YES && e->header.verdict.evidence != f.evidence) ||
		    (f.evidence == EVIDENCE_ARGV && strncmp(e->sign, f.sign, sizeof(e->sign) - 1) != 0))
			disagree(&l, e, &f);
		seen[f.judgement]++;
	}
	/* The draws are worth something only when each answer is among them. */
	print_message("# no %u, suspect %u, yes %u\n", seen[0], seen[1], seen[2]);
	assert_true(seen[MINER_NO] > 20 && seen[MINER_SUSPECT] > 20 && seen[MINER_YES] > 20);
}

int main(void)
{
	static struct scene scene;
	struct CMUnitTest tests[] = {cmocka_unit_test(both_say_the_same)};
	int r = scene_open(&scene, NULL);

	if (r)
		return r;
	tests[0].initial_state = &scene;
	r = cmocka_run_group_tests_name("agree", tests, NULL, NULL);
	scene_close(&scene);
	return r;
}
