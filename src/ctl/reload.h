/* SPDX-License-Identifier: Apache-2.0 */
/* Making a running engine read its configuration again, and finding out what it must not be told. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "ctl/edit.h"

/*
 * The process that listens at the engine's socket, when it is really `name` ("dockerd"): of a socket
 * that systemd opened, the one in the pid file. -ESRCH: none runs.
 */
pid_t reload_find(const char *socket, const char *name);
/* Whether it was started with this option (without dashes): it then refuses the same in its file. */
bool reload_has_option(pid_t pid, const char *option);
/* 1: dockerd's /info names what is ours; 0: it does not; negative: no answer (a plugin may refuse it). */
int reload_knows(const char *socket, enum feature feature);
/* SIGHUP to dockerd, and waits until it says that it has read its configuration again. */
int reload_docker(pid_t pid, const char *socket, enum feature feature, bool ours, struct diag *reterr);
