/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which shims are installed, and that they stay whole. `install shim` writes each down in
 * STATE/installed/shims; the supervisor puts back what was lost or spoilt of them, and says in
 * STATE/run/shims how they are, which `seawall status` shows as the enforcer `shim`.
 */
#pragma once

#include "ctl/shim_files.h"

/* Notes (or forgets) the shim in f->dir. 0; -EINVAL for what cannot be written in a line. */
int shim_list_add(const struct shim_files *f);
int shim_list_remove(const char *dir);

struct shim_watch;

int shim_watch_new(struct shim_watch **ret);
struct shim_watch *shim_watch_free(struct shim_watch *w);
CLEANUP_DEFINE(struct shim_watch, shim_watch_free)
/* Looks at all of them once. Cheap while nothing has changed. */
void shim_watch_tick(struct shim_watch *w);
