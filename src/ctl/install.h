/* SPDX-License-Identifier: Apache-2.0 */
/* What `seawall install` and `uninstall` of every gate share: which engine, and how it is told. */
#pragma once

#include <limits.h>

#include "ctl/command.h"
#include "ctl/shim_files.h"

#define INSTALL_DIR "/usr/local/lib/seawall-shim"

/* One engine that can be told of a shim. */
struct install_engine {
	const char *name;      /* --runtime, and `engine` of the shim's configuration */
	const char *config;    /* its file */
	edit_fn *edit;
	const char *names[3];  /* runtimes that ours goes before, each a folder: "crun"; none: one shim for all */
	const char *reload;    /* how its configuration is read again, for people */
	const char *forget;    /* how ours is forgotten, where that is not the same */
};

/* One run of a command. */
struct install {
	struct call *call;
	const struct install_engine *engine;
	const char *config, *dir, *socket;
	bool dry_run, reload;
};

/* From the options. CTL_DONE, or CTL_CANNOT with the sentence printed. */
int install_begin(struct install *i, struct call *c);
/* An installed_say: one line, or one object; ctx is a struct install. */
void install_say(void *ctx, const char *file, const char *action, const char *reason);
/* Says how to reload, or does it: `ours` is what the engine shall know then. *ret_done: it knows. */
int install_reload(const struct install *i, enum feature feature, bool ours, bool *ret_done);
/* Reads a whole text file; absent: b->data stays NULL. */
int install_read(const char *path, struct buf *b, struct diag *reterr);
