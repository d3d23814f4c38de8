/* SPDX-License-Identifier: Apache-2.0 */
/* Starting programs: own process group, ended with us, nothing inherited by accident. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

#define SPAWN_ARGS_MAX 64

struct spawn {
	const char *const *argv; /* argv[0] is looked up in PATH and in the sbin directories */
	const char *const *env; /* NULL, or NAME=VALUE... that replace ours; "NAME" alone removes */
	int out_fd, err_fd;	/* 0 = inherit */
	int netns_fd;		/* 0 = ours */
	bool own_group;		/* a process group of its own: Ctrl-C does not reach it */
	int death_signal;	/* sent to it when we end, however we end; 0 = none */
};

/* 0 and the pid, or -errno also when the program cannot be executed. */
int spawn_start(const struct spawn *s, pid_t *ret);
/* Runs to the end; stdout and stderr go into out (nullable: /dev/null). Exit status, 128 + signal,
 * or -errno. */
int spawn_run(const struct spawn *s, struct buf *out);
/* spawn_run() of a NULL-terminated list of words, output dropped. */
int spawn_words(int netns_fd, const char *word, ...) __attribute__((sentinel));

/* A process that may have been replaced by another of the same number: start tells. */
struct process_id {
	pid_t pid;
	uint64_t start; /* ns since boot, as /proc tells */
};

struct process_id process_id_of(pid_t pid);
bool process_alive(const struct process_id *p); /* the same process, and no zombie */
/* Sends sig, waits for the end until timeout_ms, then kills it and its group. Children are reaped.
 */
void process_stop(const struct process_id *p, int sig, int timeout_ms);
