/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compliance checks of an engine's daemon and of images, out of what the engine answers, how its
 * daemon was started and what its configuration file says. Pure: JSON and words in, findings out.
 * Everything may be absent, of another type or hostile; what is not known is not told.
 */
#pragma once

#include "base/json.h"
#include "model/record.h"

struct daemon_facts {
	const struct json *info;    /* GET /info */
	const struct json *version; /* GET /version */
	const struct json *bridge;  /* GET /networks/bridge; NULL = not known */
	bool no_bridge;		    /* there is no default bridge */
	/* The command line. NULL: not known, and what only it and the file say is not told. */
	const struct str_list *words;
	const struct json *config; /* daemon.json; NULL = there is none */
	bool config_unread;	   /* there is one that could not be read: what it may say is not told */
};

/* cause: why it fails, in one line; "" when it passes. Borrowed. */
typedef void judge_fn(void *ctx, const char *check, bool passed, const char *cause);

void compliance_judge_daemon(const struct daemon_facts *f, judge_fn *fn, void *ctx);
/* GET /images/ID/json. */
void compliance_judge_image(const struct json *image, judge_fn *fn, void *ctx);
