/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI shim: stands where the engine expects runc or crun, asks the Gate before a container is
 * created, and becomes the real runtime. No heap, nothing linked but libc, every step bounded in
 * time: whatever is missing or broken of Seawall, a container starts (or, when so configured, is
 * refused with a sentence that says why).
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "ipc/shim_wire.h"

#define SHIM_WHY_MAX 512

/* What the engine asks of a runtime; borrowed from argv. */
struct arguments {
	const char *command; /* "create"; NULL = none (`--version`) */
	const char *id;	     /* of the container, NULL = none given */
	const char *bundle;  /* as given, "." by default */
	const char *config;  /* crun: config file instead of BUNDLE/config.json; NULL = not given */
	const char *log;     /* NULL = none */
	bool log_json;
};

/* Reads a command line of runc or crun; never fails, since what it cannot read is not for us. */
void arguments_parse(struct arguments *ret, int argc, char *const *argv);
/* Does this command make a container? Only such a one is asked about. */
bool arguments_creates(const struct arguments *a);

/* seawall-shim.conf, beside the executable. */
struct settings {
	char runtime[PATH_MAX]; /* "" = not given */
	char socket[108];
	char engine[16];
	uint64_t deadline_ns; /* for the whole exchange */
	uint32_t uid;	      /* of who listens */
	bool closed;	      /* no answer: refuse */
	bool asks;	      /* the file is whole: without that nobody is asked */
};

/* From n bytes of text. A line that is not understood, or no socket: `asks` is false; what was
 * understood of `runtime` stays. */
void settings_parse(struct settings *ret, const char *text, size_t n);
/* DIR/seawall-shim.conf; missing or unreadable: as if it were empty. */
void settings_read(struct settings *ret, const char *dir);
/* Directory of this executable, also when the file was replaced meanwhile. -1 = not to be told. */
int settings_dir(char *out, size_t size);

/*
 * Asks the Gate. until: CLOCK_MONOTONIC ns. 0: *reply is its answer, well-formed. -1: no answer;
 * why says what was wrong.
 */
int ask_gate(struct shim_reply *reply, const struct settings *s, const struct arguments *a, uint64_t until,
	char why[SHIM_WHY_MAX]);
uint64_t ask_now(void); /* CLOCK_MONOTONIC ns */

/*
 * Tells the engine, as runc tells it: a line in --log and the text on stderr. The caller exits
 * with 1.
 */
void refuse_tell(const struct arguments *a, const char *text, time_t now);
/* The line of the log: JSON or logrus' text. Returns its length, below size. */
size_t refuse_line(bool json, const char *text, time_t now, char *out, size_t size);

/*
 * Becomes the real runtime: the configured one, else DIR/seawall-shim.runtime (a link that
 * `install` leaves for when the configuration is lost), else the first one of a built-in list.
 * Never this program itself. Returns only when there is none.
 */
void real_exec(const char *configured, const char *dir, char **argv);
/* Whether `path` is a program that is not this one, nor a copy of it. */
bool real_is_other(const char *path);
