/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recognising crypto miners by what they are told and what they say. The state machines live in
 * bpf/miner_argv.h and bpf/stratum.h, which the kernel half compiles too: one judgement, two places.
 */
#pragma once

#include "model/enums.h"
#include "model/record.h"

/* One word of the table that both halves use: see miner.c. */
struct miner_table_row {
	uint32_t space;  /* enum miner_space of bpf/miner_argv.h */
	uint32_t class_; /* enum miner_class */
	bool exact;      /* the whole word, not its beginning */
	const char *text; /* lower case */
};

extern const struct miner_table_row miner_table[];
extern const size_t miner_table_count;

enum miner_judgement {
	MINER_NO,
	MINER_SUSPECT, /* arguments of a miner given to a program that may only print or search them:
			* decided at its first connection */
	MINER_YES,
};

struct miner_finding {
	enum miner_judgement judgement;
	enum evidence evidence; /* NAME, ARGV or STRATUM */
	char sign[96];          /* the token or method that gave it away */
};

/* path: executable; args: argv with argv[0]. */
struct miner_finding miner_judge_exec(const char *path, const struct str_list *args);
/* Whether this is, by its name, a client of a container engine or an orchestrator. */
bool miner_table_client(const char *path, const char **ret_name);
/* Whether this is, by its name or the one it is called with, a shell or an interpreter. */
bool miner_table_shell(const char *path, const struct str_list *args);
/* First bytes of a stream, one direction. */
struct miner_finding miner_judge_payload(const void *data, size_t size);
