/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gaps: an absence that is written down is a fact, one that is not is a lie. A heartbeat file is
 * written each second; at a start its age is the time nobody looked.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "defender/defender.h"
#include "defender/event.h"
#include "defender/recorder.h"
#include "defender/status.h"

#define FILE_NAME "heartbeat"

struct heartbeat {
	uint64_t wall;
	uint64_t meant; /* 1 = stopped on purpose */
};

struct gap {
	int fd;
};

void gap_note(struct defender *d, uint64_t first, uint64_t last, uint64_t count, const char *what)
{
	struct event e = {.time = last, .type = EVENT_GAP, .message = (char *)(uintptr_t)what, .count = count ? count : 1,
		.first = first, .last = last};

	recorder_put(d->recorder, &e);
	audit_system(d, first, last, what);
}

uint64_t gap_open(struct defender *d)
{
	struct heartbeat h = {0};
	char path[512], text[160];
	uint64_t now = time_now();

	d->gap = calloc(1, sizeof(*d->gap));
	if (!d->gap)
		return 0;
	d->gap->fd = open(defender_path(d, FILE_NAME, path, sizeof(path)), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->gap->fd < 0) {
		log_warn(-errno, "cannot open '%s': gaps will not be noticed", path);
		return 0;
	}
	if (pread(d->gap->fd, &h, sizeof(h), 0) != sizeof(h) || !h.wall || h.wall > now)
		return 0;
	snprintf(text, sizeof(text), "nothing was seen for %.1f s: the Defender %s", (double)(now - h.wall) / 1e9,
		h.meant ? "was stopped" : "had ended unexpectedly");
	gap_note(d, h.wall, now, 1, text);
	return h.wall;
}

static void write_beat(struct defender *d, bool meant)
{
	struct heartbeat h = {.wall = time_now(), .meant = meant};

	if (d->gap && d->gap->fd >= 0 && pwrite(d->gap->fd, &h, sizeof(h), 0) != sizeof(h))
		log_debug("the heartbeat cannot be written");
}

void gap_beat(struct defender *d)
{
	write_beat(d, false);
}

void gap_close(struct defender *d, bool meant)
{
	if (!d->gap)
		return;
	if (meant)
		write_beat(d, true);
	fd_close(d->gap->fd);
	free(d->gap);
	d->gap = NULL;
}
