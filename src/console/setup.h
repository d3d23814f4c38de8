/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that needs the rights of the start: directories, sockets, certificate, first user,
 * admin token. What the Console's own user must be able to read or write is made under its id;
 * what only root may read (password, token) is written as root. Ends with the rights given up.
 */
#pragma once

#include <sys/types.h>

#include "base/buf.h"
#include "base/diag.h"
#include "console/geo.h"

struct setup_options {
	const char *state;  /* directory */
	const char *listen; /* ADDRESS:PORT */
	const char *geoip;  /* file or NULL */
};

struct setup {
	int http_fd, ipc_fd;
	struct geo *geo;
	struct buf cert, key;
	uid_t peer_uid; /* of the Defender */
};

#define SETUP_DATABASE "seawall.db" /* relative to the working directory that setup leaves */

int setup_run(struct setup *ret, const struct setup_options *options, struct diag *reterr);
void setup_done(struct setup *s);
