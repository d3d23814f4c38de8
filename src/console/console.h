/* SPDX-License-Identifier: Apache-2.0 */
/* The running Console: what the Defender reports goes to store, Radar, incidents and stream. */
#pragma once

#include "api/api.h"
#include "console/geo.h"
#include "console/link.h"
#include "console/radar.h"

#define CONSOLE_INCIDENTS_TOUCHED 64 /* of one batch; more make it end early */

struct console_counters {
	uint64_t audits, edges, containers, findings, commits, commit_failures;
};

struct console {
	struct loop *loop;
	struct store *store;
	struct sse *stream;
	struct api *api;
	struct http_server *http;
	struct link *link;
	struct radar *radar;
	struct geo *geo;
	struct hostaddr *hostaddr;
	char host[65];
	struct status reported; /* by the Defender */
	struct status shown;    /* with what the Console knows of itself */
	struct loop_source *flush, *radar_timer, *retain, *recover, *stale;
	uint64_t ack;           /* highest audit of the open batch, 0 = none */
	bool lost;              /* a batch failed: nothing is acknowledged until the Defender begins anew */
	uint64_t up_since;      /* wall ns of the Defender's connection */
	char *touched[CONSOLE_INCIDENTS_TOUCHED];
	uint32_t touched_count;
	struct console_counters counters;
	struct store_limits limits;
};

struct console_config {
	struct loop *loop;
	struct store *store; /* owned from now on, also on failure; so are geo and the descriptors */
	struct geo *geo;
	int http_fd, ipc_fd;
	uid_t peer_uid;
	const char *cert_pem, *key_pem; /* borrowed for good */
	struct store_limits limits;
};

int console_new(struct console **ret, const struct console_config *config, struct diag *reterr);
struct console *console_free(struct console *c);
CLEANUP_DEFINE(struct console, console_free)

/* console_record.c: one batch of what came in. */
void console_on_container(void *ctx, const struct container *c);
void console_on_edge(void *ctx, const struct edge *e);
void console_on_audit(void *ctx, uint64_t seq, struct audit *a);
void console_on_finding(void *ctx, const struct compliance_finding *f);
/* Whether the container has an open incident, told to the Radar. */
void console_incident_badge(struct console *c, const char *container);
int console_on_flush(void *ctx);
int console_on_recover(void *ctx);
int console_on_stale(void *ctx);
/* console_status.c */
void console_status_update(struct console *c);
/* metrics.c */
void console_metrics(void *ctx, struct buf *out);
/* The Radar's timer follows what waits in it. */
void console_radar_arm(struct console *c);

/* The host's own addresses, looked up again when they are older than five seconds. */
struct hostaddr;
int hostaddr_new(struct hostaddr **ret);
struct hostaddr *hostaddr_free(struct hostaddr *h);
bool hostaddr_has(struct hostaddr *h, const char *address);

/* The UI's files: tools/embed.py. */
extern const struct http_asset web_assets[];
extern const size_t web_asset_count;
