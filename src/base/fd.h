/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors and files: CLOEXEC always, limits always, atomic replacement. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/cleanup.h"

/* Writes all n bytes, through EINTR; -errno otherwise. */
int fd_write_all(int fd, const void *p, size_t n);
/* Reads the whole of `path` (at most out->max bytes, else -EFBIG) into out; -errno. */
int file_read(const char *path, struct buf *out);
/* Same for an open descriptor; "-" style callers pass 0. */
int fd_read_all(int fd, struct buf *out);
/* Writes to a temporary sibling, fsyncs, renames over `path`. mode as for open(). -errno. */
int file_write_atomic(const char *path, const void *p, size_t n, mode_t mode);
/* mkdir -p with `mode` for each part made; 0 when it is there already. */
int dir_make(const char *path, mode_t mode);
int fd_set_nonblock(int fd);
/* Unix stream sockets. listen: removes a stale socket first, then chmods to mode. Return fd or -errno. */
int unix_listen(const char *path, mode_t mode, int backlog);
/* The same for SOCK_SEQPACKET. */
int unix_listen_packets(const char *path, mode_t mode, int backlog);
int unix_connect(const char *path);
/* Sends/receives one byte with one descriptor attached (SCM_RIGHTS). -errno; recv returns the fd. */
int unix_send_fd(int sock, int fd);
int unix_recv_fd(int sock);
