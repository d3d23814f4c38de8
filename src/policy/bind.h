/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a mount of a path of the host gives away what a pattern names. Pure text: no look at the disk. */
#pragma once

#include "policy/creation.h"

/*
 * Whether mounting `path` reaches what `pattern` names: the path itself, something below it, or a
 * folder that holds it. `/` means the root alone; `*` every path. /var/run and /run are one.
 */
bool bind_reaches(const char *pattern, const char *path);
/* Whether `path` lies wholly in what `pattern` names: itself or below, never a folder above. */
bool bind_within(const char *pattern, const char *path);
/* The same of a mount, as asked for and where it leads: one of both reaches; both lie within. */
bool mount_reaches(const char *pattern, const struct mount_fact *m);
bool mount_within(const char *pattern, const struct mount_fact *m);
