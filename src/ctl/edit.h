/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration files of container engines with our settings put in or taken out. Pure: text in,
 * text out. What is not understood is refused with what to write by hand; nothing is ever guessed
 * into a file that an engine does not start without.
 */
#pragma once

#include "base/buf.h"
#include "base/diag.h"

#define EDIT_MAX (4u << 20)
#define EDIT_MARK "# by 'seawall install shim'"
#define EDIT_RUNTIME "seawall" /* name of our runtime and plugin in Docker's configuration */

enum feature { FEATURE_SHIM = 1, FEATURE_AUTHZ = 2 };

struct edit {
	unsigned set, clear;  /* enum feature: ours put in, ours taken out */
	bool make_default;    /* SHIM of Docker: default-runtime too */
	const char *dir;      /* where shims lie: what begins so is ours */
	const char *shim;     /* path of the one for this engine (podman: of the folder of both) */
	const char *names[3]; /* podman, CRI-O: the runtimes there are ("crun"), NULL-terminated */
	const char *programs[3]; /* and their programs */
	const char *tables[3];	 /* CRI-O: the other keys of each, as lines (crio_conf.h) */
	bool explicit_;       /* clear SHIM of Docker: say also what is plain, since dockerd ignores absent keys when it reloads */
	const char *keep;     /* clear SHIM of Docker: leave the runtime, leading here; NULL = take it out */
	const char *before;   /* clear: the text as it was before us, for what ours replaced; NULL = none */
	size_t before_size;
};

/*
 * text NULL: there is no such file. *ret_gone: there shall be none. -EINVAL with line, column and
 * what to do; *out is then of no use.
 */
typedef int edit_fn(struct buf *out, bool *ret_gone, const char *text, size_t n, const struct edit *e,
	struct diag *reterr);

edit_fn edit_docker;	 /* daemon.json */
edit_fn edit_containerd; /* config.toml, version 2 or 3 */
edit_fn edit_podman;	 /* a file of containers.conf.d that is all ours */
edit_fn edit_crio;	 /* a file of crio.conf.d that is all ours */

/*
 * The program behind the runtime that ours takes the place of: of Docker's default-runtime, of
 * containerd's BinaryName. 0 with "" when that is plain runc; -EINVAL when it cannot be told.
 */
int edit_docker_program(const char *text, size_t n, char *out, size_t size, struct diag *reterr);
int edit_containerd_program(const char *text, size_t n, const char *dir, char *out, size_t size);
/* Docker: "data-root" of the text, "" = not set. */
void edit_docker_root(const char *text, size_t n, char *out, size_t size);
