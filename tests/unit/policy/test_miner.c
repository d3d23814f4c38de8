/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The miners' words and what is made of them. Whole cases with their policies are in tests/cases;
 * here are the edges of the table and of the two state machines.
 */
#include <ctype.h>

#include "bpf/miner_words.h"
#include "policy/miner.h"
#include "support.h"

static void table_is_sound(void **state)
{
	for (size_t i = 0; i < miner_table_count; i++) {
		const struct miner_table_row *a = &miner_table[i];

		assert_in_range(strlen(a->text), 1, MINER_TEXT - 1);
		if (a->class_ == MINER_SCHEME)
			assert_non_null(strchr("sdenz", a->text[0])); /* miner_may_be_scheme() */
		for (const char *c = a->text; *c; c++)
			assert_false(isupper((unsigned char)*c));
		for (size_t j = i + 1; j < miner_table_count; j++) {
			const struct miner_table_row *b = &miner_table[j];

			if (a->space == b->space && a->exact == b->exact && strcmp(a->text, b->text) == 0)
				fail_msg("'%s' stands twice", a->text);
		}
	}
}

struct exec_case {
	const char *path;
	const char *args[12];
	enum miner_judgement expected;
	const char *sign;
};

#define WALLET "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DsBBvsRpJwRKZq"

static const struct exec_case exec_cases[] = {
	{"/tmp/a", {"a", "-ostratum+tcp://h:1"}, MINER_YES, "stratum+tcp://"},
	{"/tmp/a", {"a", "--URL=STRATUM+SSL://h:1"}, MINER_YES, "stratum+ssl://"},
	{"/tmp/a", {"a", "-P", "stratum1+tcp://0xabc@h:1"}, MINER_YES, "stratum1+tcp://"},
	{"/tmp/a", {"a", "--donate-l", "1"}, MINER_YES, "--donate-"},
	{"/tmp/a", {"a", "--donate-level=0"}, MINER_YES, "--donate-level="},
	{"/tmp/a", {"a", "-a", "RX/0"}, MINER_YES, "rx/0"},
	{"/tmp/a", {"a", "-acn/r"}, MINER_YES, "cn/r"},
	{"/tmp/a", {"a", "--coin", "monero"}, MINER_NO, ""},
	{"/tmp/a", {"a", "--coin", "monero", "--url=pool.example:80"}, MINER_YES, "pool.example:80"},
	{"/tmp/a", {"a", "-o", "pool.example:3333", "-u", WALLET}, MINER_YES, "pool.example:3333"},
	{"/tmp/a", {"a", "-o", "pool.example:3333", "-u", WALLET ".worker+100"}, MINER_YES, "pool.example:3333"},
	{"/tmp/a", {"a", "-o", "[2001:db8::1]:3333", "--user=" WALLET}, MINER_YES, "[2001:db8::1]:3333"},
	{"/tmp/a", {"a", "-o", "1.2.3.4:3333", "-u", "bob", "-p", "x"}, MINER_YES, "1.2.3.4:3333"},
	{"/tmp/a", {"a", "-o", "1.2.3.4:3333", "-u", "bob"}, MINER_NO, ""},
	{"/tmp/a", {"a", "--server", "db:5432", "--user", "bob", "--password", "x"}, MINER_NO, ""},
	{"/usr/bin/curl", {"curl", "-o", "out.html", "-u", WALLET, "http://h:80/"}, MINER_NO, ""},
	{"/tmp/a", {"a", "--", "--donate-level", "1"}, MINER_NO, ""},
	{"/tmp/a", {"a", "-p", "--", "--donate-level", "1"}, MINER_SUSPECT, "--donate-level"},
	{"/tmp/a", {"a", "see stratum+tcp://h:1"}, MINER_NO, ""},
	{"/bin/grep", {"grep", "--donate-level"}, MINER_SUSPECT, "--donate-level"},
	{"/bin/busybox", {"grep", "--donate-level"}, MINER_SUSPECT, "--donate-level"},
	{"/bin/busybox", {"wget", "--donate-level"}, MINER_YES, "--donate-level"},
	{"/bin/busybox", {"busybox", "grep", "-o", "stratum+tcp://h:1"}, MINER_SUSPECT, "stratum+tcp://"},
	{"/bin/busybox", {"/bin/busybox", "wget", "--donate-level"}, MINER_YES, "--donate-level"},
	{"/tmp/a", {"grep", "--donate-level"}, MINER_YES, "--donate-level"}, /* only its argv[0] says grep */
	{"/usr/bin/timeout", {"timeout", "9", "x", "-a", "rx/0"}, MINER_SUSPECT, "rx/0"},
	{"/opt/xmrig-6.21/xmrig", {"x"}, MINER_YES, "xmrig"},
	{"/tmp/a", {"./XMR-Stak-cpu"}, MINER_YES, "XMR-Stak-cpu"},
	{"/tmp/a", {0}, MINER_NO, ""},
	{"", {"", ""}, MINER_NO, ""},
};

static void execs(void **state)
{
	for (size_t i = 0; i < sizeof(exec_cases) / sizeof(exec_cases[0]); i++) {
		const struct exec_case *c = &exec_cases[i];
		struct str_list args = {.items = (char **)c->args};
		struct miner_finding f;

		while (args.count < 12 && c->args[args.count])
			args.count++;
		f = miner_judge_exec(c->path, &args);
		if (f.judgement != c->expected || strcmp(f.sign, c->sign) != 0)
			fail_msg("case %zu (%s %s): judged %d by '%s', not %d by '%s'", i, c->path,
				args.count > 1 ? c->args[1] : "", f.judgement, f.sign, c->expected, c->sign);
	}
}

static const struct {
	const char *text;
	const char *sign; /* NULL = quiet */
} payload_cases[] = {
	{"{\"method\":\"mining.subscribe\"}", "mining.subscribe"},
	{"\r\n\t [ {\"id\":1 , \"params\" : [\"a\"] , \"method\" :\n\"mining.extranonce.subscribe\" } ]", "mining.extranonce.subscribe"},
	{"{\"\\u006dethod\":\"mining\\u002esubscribe\"}", "mining.subscribe"},
	{"{\"method\":\"eth_submitLogin\"}", "eth_submitLogin"},
	{"{\"method\":\"eth_submitHashrate\"}", "eth_submitHashrate"},
	{"{\"method\":\"login\",\"params\":{\"login\":\"x\",\"pass\":\"x\",\"agent\":\"XMRig\"}}", "login"},
	{"{\"params\":{\"pass\":\"x\",\"login\":\"" WALLET "\"},\"method\":\"login\"}", "login"},
	{"{\"method\":\"login\",\"params\":{\"login\":\"bob\",\"pass\":\"x\"}}", NULL},
	{"{\"method\":\"login\",\"params\":{\"username\":\"bob\",\"password\":\"x\",\"agent\":\"web\"}}", NULL},
	{"{\"method\":\"getwork\",\"login\":\"" WALLET "\",\"pass\":\"x\",\"agent\":\"x\"}", NULL},
	{"{\"method\":\"eth_getBlockByNumber\"}", NULL},
	{"{\"method\":\"textDocument/didOpen\",\"params\":{\"text\":\"{\\\"method\\\":\\\"mining.subscribe\\\"}\"}}", NULL},
	{"{\"mining.subscribe\":\"method\"}", NULL},
	{"{\"method\":null,\"x\":\"mining.subscribe\"}", NULL},
	{"x{\"method\":\"mining.subscribe\"}", NULL},
	{"\"method\":\"mining.subscribe\"", NULL},
	{"{\"method\":\"mining.subscri", NULL},
	{"", NULL},
};

static void payloads(void **state)
{
	for (size_t i = 0; i < sizeof(payload_cases) / sizeof(payload_cases[0]); i++) {
		const char *text = payload_cases[i].text, *sign = payload_cases[i].sign;
		struct miner_finding f = miner_judge_payload(text, strlen(text));

		if ((f.judgement == MINER_YES) != (sign != NULL) || (sign && strcmp(f.sign, sign) != 0))
			fail_msg("%s: judged %d by '%s'", text, f.judgement, f.sign);
	}
}

static void padding_is_looked_through(void **state)
{
	char text[4096];

	memset(text, ' ', sizeof(text));
	text[0] = '{';
	memcpy(text + 900, "\"method\":\"mining.subscribe\"}", 28);
	assert_int_equal(miner_judge_payload(text, sizeof(text)).judgement, MINER_YES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_sound), cmocka_unit_test(execs), cmocka_unit_test(payloads),
		cmocka_unit_test(padding_is_looked_through),
	};

	return cmocka_run_group_tests_name("miner", tests, NULL, NULL);
}
