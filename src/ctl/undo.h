/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of what we changed on this host and how to take it back, written to disk before each
 * change: whoever comes next (our own end, `seawall down`, the next `seawall up`) can undo it all,
 * also after kill -9 or a power cut. Undoing what was never done is harmless.
 */
#pragma once

#include "base/diag.h"

enum undo_kind {
	UNDO_PROCESS,	 /* "PID START": ends it */
	UNDO_BRIDGE,	 /* name of a network interface: deletes it */
	UNDO_MASQUERADE, /* subnet: deletes the iptables rule */
	UNDO_SYSCTL,	 /* "net/ipv4/ip_forward=0": writes the value back */
	UNDO_CGROUP, /* name at the top of every hierarchy: kills what is left in it and removes it
		      */
	UNDO_MOUNTS, /* directory: unmounts all below it */
	UNDO_TREE,   /* directory: removes it with all in it */
	UNDO_EMPTY,  /* directory: removes it when it is empty */
	UNDO_FILE,   /* removes it */
	UNDO_COUNT_
};

/* Appends one line to the list, durably. -errno with a sentence. */
int undo_add(const char *list, enum undo_kind kind, const char *what, struct diag *reterr);
/* Undoes the whole list, last line first, and removes it. Quiet and 0 when there is no list. */
int undo_run(const char *list);
