/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/*
 * Recognises stratum, the protocol between miners and pools, in the first bytes of a stream: JSON
 * whose "method" is mining.* or eth_submit*, or a "login" that also says what only miners say.
 * A byte at a time, so that it works across segments, with any spacing, key order and escapes.
 * Compiled for the kernel (bpf/payload.bpf.c) and for userspace (src/policy/miner.c).
 */
#pragma once

#include "event_wire.h"

#define STRATUM_WINDOW 1024 /* bytes of a stream that are looked at */
#define STRATUM_WORD 32

enum stratum_word { STRATUM_OTHER, STRATUM_METHOD, STRATUM_LOGIN, STRATUM_PASS, STRATUM_AGENT };

enum stratum_sign {
	STRATUM_SAYS_LOGIN = 1, /* "method": "login" */
	STRATUM_HAS_LOGIN = 2,  /* a key "login" */
	STRATUM_HAS_WALLET = 4, /* ... whose value is as long as a wallet */
	STRATUM_HAS_PASS = 8,
	STRATUM_HAS_AGENT = 16,
};

enum stratum_result { STRATUM_MORE, STRATUM_QUIET, STRATUM_HIT };

struct stratum {
	wire_u32 fed;
	wire_u32 signs;
	wire_u32 key;    /* enum stratum_word: the value of this key comes next */
	wire_u32 last;   /* the string that just ended; a colon makes it the key */
	wire_u32 length; /* of the string we are in */
	wire_u32 code;   /* \uXXXX so far */
	wire_u8 started, string, escape /* 1: after \, 2-5: digits of \u left + 1 */, pad;
	char word[STRATUM_WORD]; /* first bytes of the string, escapes undone */
};

#ifdef __BPF__
#define stratum_inline static __always_inline
#else
#define stratum_inline static inline
#endif

#define STRATUM_WALLET 30

stratum_inline int stratum_begins(const struct stratum *s, const char *text, wire_u32 n)
{
#ifdef __BPF__
#pragma unroll
#endif
	for (wire_u32 i = 0; i < 16; i++)
		if (i < n && s->word[i] != text[i])
			return 0;
	return s->length >= n;
}

#define stratum_starts(s, text) stratum_begins((s), (text), sizeof(text) - 1)
#define stratum_is(s, text) ((s)->length == sizeof(text) - 1 && stratum_starts((s), (text)))

stratum_inline wire_u32 stratum_name(const struct stratum *s)
{
	if (stratum_is(s, "method"))
		return STRATUM_METHOD;
	if (stratum_is(s, "login"))
		return STRATUM_LOGIN;
	if (stratum_is(s, "pass"))
		return STRATUM_PASS;
	if (stratum_is(s, "agent"))
		return STRATUM_AGENT;
	return STRATUM_OTHER;
}

stratum_inline int stratum_logged_in(const struct stratum *s)
{
	if (!(s->signs & STRATUM_SAYS_LOGIN) || !(s->signs & STRATUM_HAS_LOGIN))
		return 0;
	if (s->signs & STRATUM_HAS_AGENT)
		return 1;
	return (s->signs & STRATUM_HAS_PASS) && (s->signs & STRATUM_HAS_WALLET);
}

/* A string ended: it is the value of s->key, or (so far without one) may become a key. */
stratum_inline enum stratum_result stratum_string_end(struct stratum *s)
{
	s->last = stratum_name(s);
	if (s->key == STRATUM_METHOD) {
		if (stratum_starts(s, "mining.") || stratum_starts(s, "eth_submit"))
			return STRATUM_HIT;
		if (s->last == STRATUM_LOGIN)
			s->signs |= STRATUM_SAYS_LOGIN;
	} else if (s->key == STRATUM_LOGIN && s->length >= STRATUM_WALLET) {
		s->signs |= STRATUM_HAS_WALLET;
	}
	return stratum_logged_in(s) ? STRATUM_HIT : STRATUM_MORE;
}

stratum_inline enum stratum_result stratum_key(struct stratum *s)
{
	s->key = s->last;
	s->last = STRATUM_OTHER;
	if (s->key == STRATUM_LOGIN)
		s->signs |= STRATUM_HAS_LOGIN;
	else if (s->key == STRATUM_PASS)
		s->signs |= STRATUM_HAS_PASS;
	else if (s->key == STRATUM_AGENT)
		s->signs |= STRATUM_HAS_AGENT;
	return stratum_logged_in(s) ? STRATUM_HIT : STRATUM_MORE;
}

stratum_inline void stratum_append(struct stratum *s, char c)
{
	if (s->length < STRATUM_WORD)
		s->word[s->length & (STRATUM_WORD - 1)] = c;
	s->length++;
}

stratum_inline wire_u32 stratum_hex(char c)
{
	if (c >= '0' && c <= '9')
		return (wire_u32)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (wire_u32)(c - 'a') + 10 : 0;
}

stratum_inline void stratum_escape(struct stratum *s, char c)
{
	if (s->escape == 1) {
		s->escape = c == 'u' ? 5 : 0;
		s->code = 0;
		if (c != 'u')
			stratum_append(s, c == '"' || c == '\\' || c == '/' ? c : '\n');
		return;
	}
	s->code = s->code << 4 | stratum_hex(c);
	s->escape--;
	if (s->escape == 1) {
		s->escape = 0;
		stratum_append(s, s->code < 0x80 ? (char)s->code : '\n');
	}
}

stratum_inline enum stratum_result stratum_in_string(struct stratum *s, char c)
{
	if (s->escape) {
		stratum_escape(s, c);
	} else if (c == '\\') {
		s->escape = 1;
	} else if (c == '"') {
		s->string = 0;
		return stratum_string_end(s);
	} else {
		stratum_append(s, c);
	}
	return STRATUM_MORE;
}

/* The next byte of the stream. HIT and QUIET are final. */
stratum_inline enum stratum_result stratum_feed(struct stratum *s, char c)
{
	if (++s->fed > STRATUM_WINDOW)
		return STRATUM_QUIET;
	if (s->string)
		return stratum_in_string(s, c);
	if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
		return STRATUM_MORE;
	if (!s->started) {
		s->started = 1;
		return c == '{' || c == '[' ? STRATUM_MORE : STRATUM_QUIET;
	}
	if (c == '"') {
		s->string = 1;
		s->length = 0;
	} else if (c == ':') {
		return stratum_key(s);
	} else {
		s->key = STRATUM_OTHER;
		s->last = STRATUM_OTHER;
	}
	return STRATUM_MORE;
}
