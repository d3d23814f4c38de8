/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership helpers. A local that owns something is declared with CLEANUP and initialised at the
 * declaration; ownership leaves it only through take_ptr() or take_fd(). No manual free beside it.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn##_cleanup_)))

/* Declares what CLEANUP(fn) needs for a `type *fn(type *)` destructor that accepts NULL. */
#define CLEANUP_DEFINE(type, fn)                                                                   \
	static inline void fn##_cleanup_(type **p)                                                 \
	{                                                                                          \
		fn(*p);                                                                            \
	}

#define take_ptr(p)                                                                                \
	({                                                                                         \
		__auto_type take_tmp_ = (p);                                                       \
		(p) = NULL;                                                                        \
		take_tmp_;                                                                         \
	})

#define take_fd(fd)                                                                                \
	({                                                                                         \
		int take_tmp_ = (fd);                                                              \
		(fd) = -1;                                                                         \
		take_tmp_;                                                                         \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static inline void free_cleanup_(void *p)
{
	free(*(void **)p);
}

/* close() that keeps errno and accepts -1; returns -1 for `fd = fd_close(fd)`. */
int fd_close(int fd);

static inline void fd_close_cleanup_(int *fd)
{
	fd_close(*fd);
}

static inline void fclose_cleanup_(FILE **f)
{
	if (*f)
		fclose(*f);
}
