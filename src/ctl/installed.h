/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of others that we changed, and how they were: STATE/installed holds, for each, the original
 * byte for byte, what we wrote, and for which features. Taking the last feature out restores the
 * original when nobody changed the file since; else only ours is taken out of it.
 */
#pragma once

#include <stdbool.h>

#include "ctl/edit.h"

/* Said of one file: for --json and for people. */
typedef void installed_say(void *ctx, const char *file, const char *action, const char *reason);

struct installed_change {
	const char *path; /* of the configuration file; symlinks are followed */
	edit_fn *edit;
	struct edit want; /* set or clear is filled in here */
	enum feature feature;
	bool dry_run;
	installed_say *say; /* nullable; "created", "changed", "unchanged", "restored", "removed" */
	void *ctx;
};

/* Puts the feature in. 0 (also when it was there) or -errno with a sentence; nothing is changed then. */
int installed_add(struct installed_change *c, struct diag *reterr);
/*
 * Takes it out; 0 also when it was not there. A file that was all ours and has words of others since is
 * kept as NAME.saved: beside it, for CRI-O one folder up.
 */
int installed_remove(struct installed_change *c, struct diag *reterr);
/*
 * For an engine that, told to read its file again, keeps what it finds nothing about: the file as it
 * shall be and explicit about it, `during`, and the file as it was again. What `during` returns.
 */
int installed_during(struct installed_change *c, int (*during)(void *ctx), struct diag *reterr);
/* The saved original, for what ours took the place of; -ENOENT when there is none (or no file then). */
int installed_original(const char *path, struct buf *out);
