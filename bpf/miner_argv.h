/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/*
 * Judges a process by its arguments: is this a miner being started? Compiled for the kernel
 * (bpf/judge.bpf.h: decided before the first instruction) and for userspace (src/policy/miner.c:
 * policy tests, replay), so that both say the same. The words come from one table in
 * src/policy/miner.c, which the kernel gets as an LPM trie; the includer defines miner_find().
 *
 * One sign is enough where nobody else uses it (a stratum URL, --donate-level, an algorithm that
 * only miners know); weaker ones count together (a HOST:PORT given to -o, and a wallet given to -u).
 */
#pragma once

#include "miner_words.h"

#define MINER_TOKEN 256 /* bytes of one argument that are looked at */

enum miner_sign { /* bits of miner_argv.signs */
	MINER_SIGN_SURE = 1,
	MINER_SIGN_HINT = 2,
	MINER_SIGN_ALGORITHM = 4, /* a weak one */
	MINER_SIGN_POOL = 8,
	MINER_SIGN_OUT = 16, /* the pool was given to -o */
	MINER_SIGN_USER = 32,
	MINER_SIGN_WALLET = 64,
	MINER_SIGN_PASS = 128,
};

/*
 * What a value looks like, while walking over it. It lies in the scan and not on the stack, where
 * the verifier would follow each of its values through every step.
 */
struct miner_shape {
	wire_u32 from;
	wire_u32 run; /* wallet: letters and digits from the start */
	wire_u32 digits;
	wire_u32 colon; /* pool: everything since the last colon is digits */
	wire_u32 host;  /* pool: bytes before it */
	wire_u32 bad;
};

/* One argument under the lens. */
struct miner_scan {
	struct miner_key key;
	char token[MINER_TOKEN + MINER_TEXT]; /* zero padded */
	wire_u32 length;                      /* of token, at most MINER_TOKEN - 1 */
	struct miner_shape shape;
};

struct miner_argv {
	wire_u32 signs;
	wire_u32 expect;   /* class of the option whose value comes next */
	wire_u32 ended;    /* after a lone -- */
	wire_u32 doubtful; /* a -- that may have been an option's value */
	wire_u32 rank;     /* of the sign kept */
	char sign[MINER_TEXT];
};

enum miner_result { MINER_RESULT_NO, MINER_RESULT_SUSPECT, MINER_RESULT_YES };

#ifdef __BPF__
#define miner_inline static __always_inline
#define miner_function __weak __noinline /* global: the verifier looks at each once, not at each call */
#define MINER_LOOP(n, step, ctx) bpf_loop((n), (step), (ctx), 0)
#define MINER_COPY(to, from, n) bpf_probe_read_kernel((to), (n), (from))
#else
#include <string.h>
#define miner_inline static inline
#define miner_function static inline
#define MINER_LOOP(n, step, ctx)                                                                   \
	for (wire_u32 i_ = 0; i_ < (n) && (step)(i_, (ctx)) == 0; i_++)
#define MINER_COPY(to, from, n) memcpy((to), (from), (n))
#endif

/* Longest word of the table that s->key begins with. By the includer. */
miner_inline struct miner_word miner_find(struct miner_scan *s);

/* Looks up what the token says from byte `from` on: class, and length << 32. */
miner_function wire_u64 miner_lookup(struct miner_scan *s, wire_u32 space, wire_u32 from);
/* Feeds the next argument (argv[1] first), which lies in s->token. */
miner_function int miner_argv_feed(struct miner_argv *a, struct miner_scan *s);

/* ASCII upper to lower case, eight bytes at once. */
miner_inline wire_u64 miner_lower(wire_u64 x)
{
	const wire_u64 ones = 0x0101010101010101ull, high = 0x8080808080808080ull;
	wire_u64 low = x & ~high;
	wire_u64 upper = ~x & high & ((low + ones * (0x80 - 'A')) ^ (low + ones * (0x7f - 'Z')));

	return x | (upper >> 2);
}

miner_inline void miner_key_fill(struct miner_scan *s, wire_u32 space, wire_u32 from)
{
	wire_u64 *words = (wire_u64 *)s->key.text;

	s->key.prefix_bits = 8 * (sizeof(s->key) - sizeof(s->key.prefix_bits));
	s->key.space = space;
	MINER_COPY(s->key.text, s->token + (from & (MINER_TOKEN - 1)), MINER_TEXT);
#ifdef __BPF__
#pragma unroll
#endif
	for (wire_u32 i = 0; i < MINER_TEXT / sizeof(wire_u64); i++)
		words[i] = miner_lower(words[i]);
}

miner_function wire_u64 miner_lookup(struct miner_scan *s, wire_u32 space, wire_u32 from)
{
	struct miner_word w;

	if (!s)
		return 0;
	miner_key_fill(s, space, from);
	w = miner_find(s);
	return w.class_ | (wire_u64)w.length << 32;
}

#define MINER_CLASS(found) ((wire_u32)(found))
#define MINER_LENGTH(found) ((wire_u32)((found) >> 32))

/* No word but a scheme is an argument by itself; each begins with one of these. Saves the look-up. */
miner_inline int miner_may_be_scheme(char c)
{
	c |= 0x20;
	return c == 's' || c == 'd' || c == 'e' || c == 'n' || c == 'z';
}

/* ---- the shapes of values ---- */

miner_inline int miner_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static long miner_pool_step(wire_u32 i, void *ctx)
{
	struct miner_scan *scan = *(struct miner_scan **)ctx;
	struct miner_shape *s = &scan->shape;
	char c = scan->token[(s->from + i) & (MINER_TOKEN - 1)];

	if (c == ':') {
		s->host += !s->colon;
		s->colon = 1;
		s->digits = 0;
		return 0;
	}
	if (c >= '0' && c <= '9') {
		s->digits++;
		s->host += !s->colon;
		return 0;
	}
	if (!miner_alnum(c) && c != '.' && c != '-' && c != '_' && c != '/' && c != '[' && c != ']') {
		s->bad = 1;
		return 1;
	}
	s->colon = 0;
	s->host++;
	return 0;
}

/* HOST:PORT, with or without a scheme. */
miner_inline int miner_is_pool(struct miner_scan *scan, wire_u32 from)
{
	const struct miner_shape *s = &scan->shape;

	scan->shape = (struct miner_shape){.from = from};
	if (scan->length <= from)
		return 0;
	MINER_LOOP(scan->length - from, miner_pool_step, &scan);
	return !s->bad && s->colon && s->host > 2 && s->digits >= 1 && s->digits <= 5;
}

static long miner_wallet_step(wire_u32 i, void *ctx)
{
	struct miner_scan *scan = *(struct miner_scan **)ctx;
	struct miner_shape *s = &scan->shape;
	char c = scan->token[(s->from + i) & (MINER_TOKEN - 1)];

	if (!miner_alnum(c)) {
		s->bad = c != '.' && c != '/' && c != '+';
		return 1;
	}
	s->run++;
	if (c >= '0' && c <= '9')
		s->digits++;
	return 0;
}

/* A long word of letters and digits, perhaps with a worker's name behind it. */
miner_inline int miner_is_wallet(struct miner_scan *scan, wire_u32 from)
{
	const struct miner_shape *s = &scan->shape;

	scan->shape = (struct miner_shape){.from = from};
	if (scan->length <= from)
		return 0;
	MINER_LOOP(scan->length - from, miner_wallet_step, &scan);
	return !s->bad && s->run >= 26 && s->digits >= 2;
}

/* ---- the state machine ---- */

/* Keeps s->key (what was looked up last), cut to n bytes, when it tells more than what is kept. */
miner_inline void miner_keep(struct miner_argv *a, const struct miner_scan *s, wire_u32 rank, wire_u32 n)
{
	if (rank <= a->rank)
		return;
	a->rank = rank;
	MINER_COPY(a->sign, s->key.text, MINER_TEXT);
	if (n >= MINER_TEXT)
		n = MINER_TEXT - 1;
	a->sign[n] = 0;
}

miner_inline void miner_algorithm(struct miner_argv *a, struct miner_scan *s, wire_u32 from)
{
	wire_u32 class_ = MINER_CLASS(miner_lookup(s, MINER_SPACE_ALGORITHM, from));

	if (class_ == MINER_ALGORITHM) {
		a->signs |= MINER_SIGN_SURE;
		miner_keep(a, s, 3, MINER_TEXT);
	} else if (class_ == MINER_ALGORITHM_WEAK) {
		a->signs |= MINER_SIGN_ALGORITHM;
	}
}

/* The value of an option: the token from byte `from` on. */
miner_function int miner_value(struct miner_argv *a, struct miner_scan *s, wire_u32 option, wire_u32 from)
{
	wire_u64 found = 0;

	if (!a || !s)
		return 0;
	if (miner_may_be_scheme(s->token[from & (MINER_TOKEN - 1)]))
		found = miner_lookup(s, MINER_SPACE_TOKEN, from);
	if (MINER_CLASS(found) == MINER_SCHEME) {
		a->signs |= MINER_SIGN_SURE;
		miner_keep(a, s, 5, MINER_LENGTH(found));
		return 0;
	}
	if (option == MINER_OPT_ALGORITHM) {
		miner_algorithm(a, s, from);
	} else if (option == MINER_OPT_POOL || option == MINER_OPT_OUT) {
		if (!miner_is_pool(s, from))
			return 0;
		a->signs |= MINER_SIGN_POOL | (option == MINER_OPT_OUT ? MINER_SIGN_OUT : 0);
		miner_key_fill(s, MINER_SPACE_TOKEN, from);
		miner_keep(a, s, 2, MINER_TEXT);
	} else if (option == MINER_OPT_USER) {
		a->signs |= MINER_SIGN_USER | (miner_is_wallet(s, from) ? MINER_SIGN_WALLET : 0);
	} else if (option == MINER_OPT_PASS) {
		a->signs |= MINER_SIGN_PASS;
	}
	return 0;
}

miner_inline void miner_word_take(struct miner_argv *a, struct miner_scan *s, wire_u64 found)
{
	wire_u32 length = MINER_LENGTH(found);

	switch (MINER_CLASS(found)) {
	case MINER_SCHEME:
		a->signs |= MINER_SIGN_SURE;
		miner_keep(a, s, 5, length);
		break;
	case MINER_OPTION:
		a->signs |= MINER_SIGN_SURE;
		miner_keep(a, s, 4, length);
		break;
	case MINER_HINT:
		a->signs |= MINER_SIGN_HINT;
		miner_keep(a, s, 1, length);
		break;
	case MINER_CLASS_NONE:
		break;
	default: /* an option with a value: attached, or the next argument */
		if (s->length > length)
			miner_value(a, s, MINER_CLASS(found), length);
		else
			a->expect = MINER_CLASS(found);
	}
}

miner_function int miner_argv_feed(struct miner_argv *a, struct miner_scan *s)
{
	wire_u32 expected;

	if (!a || !s || a->ended)
		return 0;
	expected = a->expect;
	a->expect = MINER_CLASS_NONE;
	if (s->token[0] == '-' && s->token[1] == '-' && s->token[2] == 0) {
		if (expected)
			a->doubtful = 1;
		else
			a->ended = 1;
		return 0;
	}
	if (s->token[0] != '-' && expected)
		return miner_value(a, s, expected, 0);
	if (s->token[0] == '-' || miner_may_be_scheme(s->token[0]))
		miner_word_take(a, s, miner_lookup(s, MINER_SPACE_TOKEN, 0));
	return 0;
}

/* texts: the program only prints, searches or starts what it is given. */
miner_inline enum miner_result miner_argv_judge(const struct miner_argv *a, int texts)
{
	wire_u32 signs = a->signs;
	int guilty = signs & MINER_SIGN_SURE;

	if (signs & MINER_SIGN_POOL)
		guilty |= signs & (MINER_SIGN_WALLET | MINER_SIGN_ALGORITHM | MINER_SIGN_HINT);
	if ((signs & MINER_SIGN_OUT) && (signs & MINER_SIGN_USER) && (signs & MINER_SIGN_PASS))
		guilty = 1;
	if (!guilty)
		return MINER_RESULT_NO;
	return texts || a->doubtful ? MINER_RESULT_SUSPECT : MINER_RESULT_YES;
}
