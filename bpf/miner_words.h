/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/*
 * What a word of the miners' table (src/policy/miner.c) means, and the key under which the kernel
 * finds it: an LPM trie, where a word that must match whole includes its NUL.
 */
#pragma once

#include "event_wire.h"

#define MINER_TEXT 64 /* longest word of the table, with its NUL */

enum miner_space { MINER_SPACE_NAME = 1, MINER_SPACE_TOKEN, MINER_SPACE_ALGORITHM, MINER_SPACE_CLIENT, MINER_SPACE_SHELL };

enum miner_class {
	MINER_CLASS_NONE,
	/* names */
	MINER_NAME,  /* a miner's program */
	MINER_TEXTS, /* prints, searches or starts what it is given: suspect, not guilty */
	MINER_MULTI, /* many programs in one file, told apart by argv[0] */
	/* tokens */
	MINER_SCHEME, /* URL of a pool */
	MINER_OPTION, /* option that only miners have */
	MINER_HINT,   /* option that miners have too */
	MINER_OPT_ALGORITHM,
	MINER_OPT_POOL,
	MINER_OPT_OUT, /* -o: the pool for miners, a file for others */
	MINER_OPT_USER,
	MINER_OPT_PASS,
	/* algorithms */
	MINER_ALGORITHM,
	MINER_ALGORITHM_WEAK, /* used outside mining too */
	/* clients */
	MINER_CLIENT, /* of a container engine or an orchestrator */
	/* shells; MINER_MULTI too */
	MINER_SHELL,
	MINER_INTERPRETER,
	MINER_LOGIN, /* gives shells to those who log in */
};

struct miner_key { /* of an LPM trie */
	wire_u32 prefix_bits;
	wire_u32 space;
	char text[MINER_TEXT]; /* lower case */
};

struct miner_word {
	wire_u32 class_;
	wire_u32 length; /* of the matched word */
};
