/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sections 1 and 3 of the benchmark: files of the engine, the host's partition, audit rules and
 * group. Root looks at owners, modes and a few lines; it parses nothing that a container wrote.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

/* What of the host is looked at. Borrowed. */
struct host_place {
	const char *root;      /* put before every path; "" on a host, a folder in tests */
	uid_t owner;	       /* who root is; 0 but in tests */
	gid_t group;	       /* and its group */
	const char *docker;    /* the engine's socket, NULL = none */
	const char *containerd; /* containerd's, NULL = none */
	/* The daemon's command line, NUL-separated; empty = not known. */
	const char *words;
	size_t words_size;
};

/* cause "" when it passes. What does not exist is not told. Borrowed. */
typedef void host_found_fn(void *ctx, const char *check, const char *target, bool passed, const char *cause);
void host_look(const struct host_place *p, host_found_fn *fn, void *ctx);

/* The value of "--flag value" or "--flag=value" among the words, NULL when it is not given. */
const char *host_word(const struct host_place *p, const char *flag);
/* Where the daemon's configuration is: the one of its command line, else the usual one. */
const char *host_config_path(const struct host_place *p);
