/* SPDX-License-Identifier: Apache-2.0 */
/* Listening TCP sockets, opened apart from who serves them, so that they can be bound before rights go. */
#pragma once

#include "base/diag.h"

/* "127.0.0.1:8083", "[::1]:0"; a bound, listening, non-blocking socket, or -errno. */
int tcp_listen(const char *address, struct diag *reterr);
