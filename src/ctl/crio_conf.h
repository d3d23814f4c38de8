/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What CRI-O's configuration says of the runtimes that a shim can stand in for.
 *
 * CRI-O decodes crio.conf and then every file below crio.conf.d, in lexical order, into one and the
 * same structure. A single setting is kept until a later file has it; `crio.runtime.runtimes` is a
 * map, and each of its entries is made anew by every file that has it: the table of a runtime in a
 * later file takes the place of the earlier one whole, what it does not name is as if never written.
 * So ours has to say again all that stood there.
 */
#pragma once

#include <limits.h>

#include "base/buf.h"
#include "base/diag.h"

#define CRIO_RUNTIMES 2

struct crio_runtime {
	const char *name;	/* "crun" */
	char file[PATH_MAX];	/* the last one that has its table; "" = none has */
	char program[PATH_MAX]; /* its runtime_path, "" = looked for by name */
	struct buf keys;	/* all others: lines to stand in a table of this name */
	struct buf names;	/* their names, for people */
	bool platforms;		/* it has paths that come before runtime_path */
};

struct crio_conf {
	struct crio_runtime runtimes[CRIO_RUNTIMES];
	char default_runtime[64]; /* "" = CRI-O's own */
	struct buf others;	  /* names of further runtimes, for people */
};

/* names: NULL-terminated, at most CRIO_RUNTIMES; borrowed. */
void crio_conf_init(struct crio_conf *c, const char *const *names);
void crio_conf_done(struct crio_conf *c);
static inline void crio_conf_done_cleanup_(struct crio_conf *c)
{
	crio_conf_done(c);
}
/* One file, after those before it. Pure. -EINVAL with its line: it says something of them in a way that is not read here. */
int crio_conf_add(struct crio_conf *c, const char *file, const char *text, size_t n, struct diag *reterr);
/*
 * All files: of the folder that `config` is (or will be) in, without itself, and the file before
 * that folder (crio.conf of crio.conf.d). -EEXIST: one that comes after `config` has the table too.
 */
int crio_conf_read(struct crio_conf *c, const char *config, struct diag *reterr);
/* Whether CRI-O would start containers by it: it is in a file, or is what it takes without one. */
bool crio_conf_has(const struct crio_conf *c, const struct crio_runtime *r);
/* The keys of our table, without runtime_path; of CRI-O's own table where no file has one. */
const char *crio_conf_keys(const struct crio_runtime *r);
