/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words by which miners are known, and the userspace side of the judgement. The kernel gets the
 * same table (src/sensor/policy.c) and compiles the same state machines (bpf/miner_argv.h,
 * bpf/stratum.h).
 */
#include "policy/miner.h"

#include <string.h>

#include "base/banned.h"
#include "base/cleanup.h"
#include "bpf/miner_argv.h"
#include "bpf/stratum.h"

#define NAME(text) {MINER_SPACE_NAME, MINER_NAME, true, text}
#define NAME_PREFIX(text) {MINER_SPACE_NAME, MINER_NAME, false, text}
#define TEXTS(text) {MINER_SPACE_NAME, MINER_TEXTS, true, text}
#define MULTI(text) {MINER_SPACE_NAME, MINER_MULTI, true, text}
#define SCHEME(text) {MINER_SPACE_TOKEN, MINER_SCHEME, false, text "://"}
#define OPTION(text) {MINER_SPACE_TOKEN, MINER_OPTION, true, text}, {MINER_SPACE_TOKEN, MINER_OPTION, false, text "="}
#define OPTION_PREFIX(text) {MINER_SPACE_TOKEN, MINER_OPTION, false, text}
#define HINT(text) {MINER_SPACE_TOKEN, MINER_HINT, true, text}, {MINER_SPACE_TOKEN, MINER_HINT, false, text "="}
/* An option with a value: "--algo X" and "--algo=X"; short ones "-a X" and "-aX". */
#define LONG(class, text) {MINER_SPACE_TOKEN, class, true, text}, {MINER_SPACE_TOKEN, class, false, text "="}
#define SHORT(class, text) {MINER_SPACE_TOKEN, class, false, text}
#define ALGORITHM(text) {MINER_SPACE_ALGORITHM, MINER_ALGORITHM, true, text}
#define ALGORITHM_PREFIX(text) {MINER_SPACE_ALGORITHM, MINER_ALGORITHM, false, text}
#define CLIENT(text) {MINER_SPACE_CLIENT, MINER_CLIENT, true, text}
#define SHELL(text) {MINER_SPACE_SHELL, MINER_SHELL, true, text}, {MINER_SPACE_SHELL, MINER_SHELL, true, "-" text}
#define SHELL_MULTI(text) {MINER_SPACE_SHELL, MINER_MULTI, true, text}
#define INTERPRETER(text) {MINER_SPACE_SHELL, MINER_INTERPRETER, true, text}
#define INTERPRETER_PREFIX(text) {MINER_SPACE_SHELL, MINER_INTERPRETER, false, text}
#define LOGIN(text) {MINER_SPACE_SHELL, MINER_LOGIN, true, text}
#define LOGIN_PREFIX(text) {MINER_SPACE_SHELL, MINER_LOGIN, false, text}
#define WEAK(text) {MINER_SPACE_ALGORITHM, MINER_ALGORITHM_WEAK, true, text}

const struct miner_table_row miner_table[] = {
	NAME_PREFIX("xmrig"), NAME_PREFIX("xmr-stak"), NAME("xmrstak"), NAME("minerd"), NAME_PREFIX("cpuminer"),
	NAME("ccminer"), NAME("ethminer"), NAME("t-rex"), NAME("nbminer"), NAME_PREFIX("lolminer"),
	NAME_PREFIX("phoenixminer"), NAME("cgminer"), NAME("bfgminer"), NAME_PREFIX("kinsing"),
	NAME_PREFIX("kdevtmpfsi"), NAME("gminer"), NAME("teamredminer"), NAME("srbminer"), NAME_PREFIX("srbminer-"),
	NAME("claymore"), NAME("wildrig-multi"), NAME("ewbf"), NAME("z-enemy"), NAME("bminer"), NAME("rhminer"),
	NAME("nheqminer"), NAME("sgminer"), NAME("cryptodredge"), NAME("nanominer"), NAME("minergate"),
	NAME("minergate-cli"), NAME("xmr-node-proxy"), NAME("xmrminer"), NAME("moneroocean"), NAME("randomx-miner"),
	NAME("sysrv"), NAME("kthreaddi"), NAME("kdevtmpfs1"), NAME("watchbog"), NAME("xmrblock"), NAME("c3pool"),
	NAME("xhpcminer"), NAME("hellminer"), NAME("astrominer"), NAME("tnn-miner"), NAME("rigel"),

	MULTI("busybox"), MULTI("toybox"), MULTI("coreutils"), MULTI("busybox.static"), MULTI("sbase-box"),
	MULTI("uutils"),

	TEXTS("grep"), TEXTS("egrep"), TEXTS("fgrep"), TEXTS("zgrep"), TEXTS("rg"), TEXTS("ag"), TEXTS("ack"),
	TEXTS("sed"), TEXTS("awk"), TEXTS("gawk"), TEXTS("mawk"), TEXTS("nawk"), TEXTS("original-awk"), TEXTS("echo"),
	TEXTS("printf"), TEXTS("cat"), TEXTS("tac"), TEXTS("head"), TEXTS("tail"), TEXTS("less"), TEXTS("more"),
	TEXTS("cut"), TEXTS("sort"), TEXTS("uniq"), TEXTS("tr"), TEXTS("wc"), TEXTS("tee"), TEXTS("diff"), TEXTS("cmp"),
	TEXTS("strings"), TEXTS("find"), TEXTS("ls"), TEXTS("locate"), TEXTS("test"), TEXTS("["), TEXTS("expr"),
	TEXTS("yes"), TEXTS("logger"), TEXTS("man"), TEXTS("vi"), TEXTS("vim"), TEXTS("vim.basic"), TEXTS("vim.tiny"),
	TEXTS("nano"), TEXTS("ed"), TEXTS("jq"), TEXTS("yq"), TEXTS("git"), TEXTS("cp"), TEXTS("mv"), TEXTS("touch"),
	TEXTS("mkdir"), TEXTS("rm"), TEXTS("file"), TEXTS("basename"), TEXTS("dirname"), TEXTS("pgrep"), TEXTS("pkill"),
	/* These start what they are given: it is judged at its own exec. */
	TEXTS("sh"), TEXTS("bash"), TEXTS("dash"), TEXTS("ash"), TEXTS("zsh"), TEXTS("ksh"), TEXTS("fish"), TEXTS("env"),
	TEXTS("nice"), TEXTS("nohup"), TEXTS("timeout"), TEXTS("time"), TEXTS("stdbuf"), TEXTS("setsid"), TEXTS("sudo"),
	TEXTS("su"), TEXTS("doas"), TEXTS("chroot"), TEXTS("strace"), TEXTS("watch"), TEXTS("xargs"), TEXTS("script"),
	TEXTS("tini"), TEXTS("dumb-init"), TEXTS("catatonit"), TEXTS("docker-init"), TEXTS("gosu"), TEXTS("su-exec"),
	TEXTS("setpriv"), TEXTS("unshare"), TEXTS("nsenter"), TEXTS("taskset"), TEXTS("chrt"), TEXTS("ionice"),
	TEXTS("numactl"), TEXTS("runc"), TEXTS("crun"), TEXTS("docker"), TEXTS("podman"), TEXTS("ctr"), TEXTS("nerdctl"),
	TEXTS("crictl"), TEXTS("kubectl"),

	SCHEME("stratum"), SCHEME("stratums"), SCHEME("stratum+tcp"), SCHEME("stratum+ssl"), SCHEME("stratum+tls"),
	SCHEME("stratum+tcps"), SCHEME("stratum+udp"), SCHEME("stratum+http"), SCHEME("stratum1+tcp"),
	SCHEME("stratum1+ssl"), SCHEME("stratum1+tls"), SCHEME("stratum2+tcp"), SCHEME("stratum2+ssl"),
	SCHEME("stratum2+tls"), SCHEME("stratum3+tcp"), SCHEME("stratum3+ssl"), SCHEME("ethproxy"),
	SCHEME("ethproxy+tcp"), SCHEME("ethstratum"), SCHEME("ethstratum+tcp"), SCHEME("nicehash+tcp"),
	SCHEME("nicehash+ssl"), SCHEME("zstratum+tls"), SCHEME("daemon+http"), SCHEME("daemon+https"),

	OPTION("--donate-level"), OPTION("--donate-over-proxy"), OPTION_PREFIX("--donate-"), OPTION("--nicehash"), OPTION("--randomx"),
	OPTION_PREFIX("--randomx-"), OPTION("--cpu-max-threads-hint"), OPTION("--argon2-impl"), OPTION("--astrobwt-max-size"),
	OPTION("--astrobwt-avx2"), OPTION("--cuda-bfactor-hint"), OPTION("--farm-recheck"),
	HINT("--cpu-priority"), HINT("--cpu-no-yield"), HINT("--cpu-affinity"), HINT("--rig-id"), HINT("--1gb-pages"),

	LONG(MINER_OPT_ALGORITHM, "--algo"), LONG(MINER_OPT_ALGORITHM, "--coin"), SHORT(MINER_OPT_ALGORITHM, "-a"),
	LONG(MINER_OPT_POOL, "--url"), LONG(MINER_OPT_POOL, "--pool"), LONG(MINER_OPT_POOL, "--server"),
	LONG(MINER_OPT_POOL, "-epool"), LONG(MINER_OPT_POOL, "-pool"), SHORT(MINER_OPT_OUT, "-o"),
	LONG(MINER_OPT_USER, "--user"), LONG(MINER_OPT_USER, "--userpass"), LONG(MINER_OPT_USER, "--wallet"),
	LONG(MINER_OPT_USER, "-ewal"), LONG(MINER_OPT_USER, "-wal"), SHORT(MINER_OPT_USER, "-u"),
	LONG(MINER_OPT_PASS, "--pass"), LONG(MINER_OPT_PASS, "--password"), SHORT(MINER_OPT_PASS, "-p"),

	ALGORITHM_PREFIX("randomx"), ALGORITHM_PREFIX("rx/"), ALGORITHM_PREFIX("cryptonight"), ALGORITHM_PREFIX("cn/"),
	ALGORITHM_PREFIX("cn-"), ALGORITHM_PREFIX("argon2/"), ALGORITHM("ethash"), ALGORITHM("etchash"),
	ALGORITHM("kawpow"), ALGORITHM_PREFIX("progpow"), ALGORITHM_PREFIX("autolykos"), ALGORITHM("ghostrider"),
	ALGORITHM_PREFIX("astrobwt"), ALGORITHM("verushash"), ALGORITHM_PREFIX("equihash"), ALGORITHM("zhash"),
	ALGORITHM_PREFIX("cuckatoo"), ALGORITHM_PREFIX("cuckaroo"), ALGORITHM_PREFIX("beamhash"), ALGORITHM("ubqhash"),
	ALGORITHM("firopow"), ALGORITHM_PREFIX("lyra2"), ALGORITHM_PREFIX("yespower"), ALGORITHM("neoscrypt"),
	ALGORITHM_PREFIX("x16r"), ALGORITHM("kheavyhash"), ALGORITHM("heavyhash"), ALGORITHM_PREFIX("minotaur"),
	ALGORITHM("power2b"), ALGORITHM("sha256d"), ALGORITHM("pufferfish2bmb"),
	WEAK("scrypt"), WEAK("yescrypt"), WEAK("x11"), WEAK("x13"), WEAK("x15"), WEAK("x17"), WEAK("gr"), WEAK("monero"),
	WEAK("xmr"), WEAK("rx"), WEAK("cn"), WEAK("blake3"), WEAK("blake2s"), WEAK("keccak"), WEAK("sha256"),
	WEAK("argon2d"), WEAK("octopus"), WEAK("allium"), WEAK("panthera"), WEAK("bitcoin"), WEAK("ethereum"),

	CLIENT("docker"), CLIENT("docker-compose"), CLIENT("podman"), CLIENT("podman-remote"), CLIENT("ctr"), CLIENT("nerdctl"),
	CLIENT("crictl"), CLIENT("kubectl"), CLIENT("oc"), CLIENT("kubelet"), CLIENT("kubeadm"), CLIENT("etcdctl"), CLIENT("runc"),
	CLIENT("crun"), CLIENT("buildah"), CLIENT("skopeo"), CLIENT("helm"), CLIENT("k9s"), CLIENT("peirates"), CLIENT("cdk"),

	SHELL("sh"), SHELL("bash"), SHELL("dash"), SHELL("ash"), SHELL("zsh"), SHELL("ksh"), SHELL("ksh93"), SHELL("mksh"),
	SHELL("pdksh"), SHELL("lksh"), SHELL("oksh"), SHELL("yash"), SHELL("fish"), SHELL("csh"), SHELL("tcsh"), SHELL("rbash"),
	SHELL("hush"), SHELL("osh"), SHELL("nu"), SHELL("elvish"), SHELL("xonsh"), SHELL("pwsh"),
	SHELL_MULTI("busybox"), SHELL_MULTI("busybox.static"), SHELL_MULTI("toybox"),
	INTERPRETER_PREFIX("python"), INTERPRETER_PREFIX("pypy"), INTERPRETER_PREFIX("perl"), INTERPRETER_PREFIX("ruby"),
	INTERPRETER_PREFIX("lua"), INTERPRETER_PREFIX("tclsh"), INTERPRETER_PREFIX("guile"), INTERPRETER("php"),
	INTERPRETER("php-cli"), INTERPRETER_PREFIX("php5"), INTERPRETER_PREFIX("php7"), INTERPRETER_PREFIX("php8"),
	INTERPRETER("node"), INTERPRETER("nodejs"), INTERPRETER("deno"), INTERPRETER("bun"), INTERPRETER("awk"),
	INTERPRETER("gawk"), INTERPRETER("mawk"), INTERPRETER("nawk"), INTERPRETER("expect"), INTERPRETER("gdb"),
	INTERPRETER("irb"), INTERPRETER("jrunscript"), INTERPRETER("jshell"),
	LOGIN_PREFIX("sshd"), LOGIN_PREFIX("dropbear"), LOGIN("telnetd"), LOGIN("in.telnetd"), LOGIN("login"),
};
const size_t miner_table_count = ARRAY_SIZE(miner_table);

/* The longest row that the key begins with; exact rows include the NUL. As the kernel's LPM trie. */
static inline struct miner_word miner_find(struct miner_scan *s)
{
	struct miner_word best = {};

	for (size_t i = 0; i < miner_table_count; i++) {
		const struct miner_table_row *row = &miner_table[i];
		size_t n = strlen(row->text), compared = n + row->exact;

		if (row->space == s->key.space && n >= best.length && memcmp(row->text, s->key.text, compared) == 0)
			best = (struct miner_word){.class_ = row->class_, .length = (uint32_t)n};
	}
	return best;
}

static void scan_set(struct miner_scan *s, const char *text)
{
	size_t n = strnlen(text, MINER_TOKEN - 1);

	memset(s->token, 0, sizeof(s->token));
	memcpy(s->token, text, n);
	s->length = (uint32_t)n;
}

static enum miner_class name_class(const char *path, enum miner_space space, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	struct miner_scan s;

	*ret_name = slash ? slash + 1 : path;
	scan_set(&s, *ret_name);
	return MINER_CLASS(miner_lookup(&s, space, 0));
}

static struct miner_finding finding(enum miner_judgement judgement, enum evidence evidence, const char *sign)
{
	struct miner_finding f = {.judgement = judgement, .evidence = evidence};

	snprintf(f.sign, sizeof(f.sign), "%s", sign);
	return f;
}

struct miner_finding miner_judge_exec(const char *path, const struct str_list *args)
{
	const char *file_name = "", *arg_name = "";
	enum miner_class file = name_class(path ? path : "", MINER_SPACE_NAME, &file_name);
	enum miner_class arg = args->count ? name_class(args->items[0], MINER_SPACE_NAME, &arg_name) : MINER_CLASS_NONE;
	struct miner_argv a = {};
	struct miner_scan s;

	if (file == MINER_NAME || arg == MINER_NAME)
		return finding(MINER_YES, EVIDENCE_NAME, file == MINER_NAME ? file_name : arg_name);
	for (uint32_t i = 1; i < args->count; i++) {
		scan_set(&s, args->items[i]);
		miner_argv_feed(&a, &s);
	}
	/* A program of many goes by the name it is called with: `grep ...`, or `busybox grep ...`. */
	if (file == MINER_MULTI)
		file = arg == MINER_MULTI && args->count > 1 ? name_class(args->items[1], MINER_SPACE_NAME, &arg_name) : arg;
	switch (miner_argv_judge(&a, file == MINER_TEXTS)) {
	case MINER_RESULT_YES:
		return finding(MINER_YES, EVIDENCE_ARGV, a.sign);
	case MINER_RESULT_SUSPECT:
		return finding(MINER_SUSPECT, EVIDENCE_ARGV, a.sign);
	case MINER_RESULT_NO:
		break;
	}
	return finding(MINER_NO, EVIDENCE_NONE, "");
}

bool miner_table_client(const char *path, const char **ret_name)
{
	return name_class(path, MINER_SPACE_CLIENT, ret_name) == MINER_CLIENT;
}

bool miner_table_shell(const char *path, const struct str_list *args)
{
	const char *name;
	enum miner_class c = name_class(path, MINER_SPACE_SHELL, &name);

	for (uint32_t i = 0; (!c || c == MINER_MULTI) && i < args->count && i < 2; i++) {
		if (i == 1 && c != MINER_MULTI)
			break; /* only a program of many takes its name from there */
		c = name_class(args->items[i], MINER_SPACE_SHELL, &name);
	}
	return c == MINER_SHELL || c == MINER_INTERPRETER;
}

struct miner_finding miner_judge_payload(const void *data, size_t size)
{
	const char *bytes = data;
	enum stratum_result r;
	struct stratum s = {};

	for (size_t i = 0; i < size && i < STRATUM_WINDOW; i++) {
		r = stratum_feed(&s, bytes[i]);
		if (r == STRATUM_HIT) {
			/* What ended is the method, except for a login, told by its parameters. */
			s.word[s.length < STRATUM_WORD ? s.length : STRATUM_WORD - 1] = 0;
			return finding(MINER_YES, EVIDENCE_STRATUM, s.key == STRATUM_METHOD && s.length > 5 ? s.word : "login");
		}
		if (r == STRATUM_QUIET)
			break;
	}
	return finding(MINER_NO, EVIDENCE_NONE, "");
}
