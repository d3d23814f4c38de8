/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shim's own files: DIR/NAME/seawall-shim, its configuration, and a link to the real runtime for
 * when that is lost. One folder for each runtime of each engine, since each has its own words.
 */
#pragma once

#include "ctl/installed.h"

struct shim_files {
	const char *dir;      /* of this runtime: "/usr/local/lib/seawall-shim/docker" */
	const char *engine;   /* "docker" */
	const char *program;  /* the real runtime */
	const char *socket;   /* the Gate's */
	const char *deadline; /* "250ms" */
	bool closed;
	bool dry_run;
	installed_say *say;
	void *ctx;
};

int shim_files_put(const struct shim_files *f, struct diag *reterr);
/*
 * Removes them. A container that runs was started through the shim's path, and its engine calls that
 * path to signal, look into and remove it: while there is such a one (or `keep` says why), a link to
 * the real runtime stays there; a link alone goes when nobody runs through it. *ret_kept: it stayed.
 */
int shim_files_remove(const struct shim_files *f, const char *keep, bool *ret_kept, struct diag *reterr);
/* How many processes of engines will call this path again. */
int shim_files_users(const char *path);
/* The first of the usual places that has the program and is none of ours; -ENOENT. */
int shim_program_find(const char *name, char *out, size_t size);
