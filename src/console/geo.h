/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The country of an address: an overlay file of the operator first (CIDR,CODE a line), then the
 * GeoIP database. The database is mapped before rights go; the overlay is read again whenever it
 * changes, by its path inside the process's root.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/diag.h"

struct geo;

/* database: path of an mmdb file or NULL; overlay: path, borrowed for good. A database that cannot
 * be read is reported in reterr and left out: *ret is set all the same. */
int geo_new(struct geo **ret, const char *database, const char *overlay, struct diag *reterr);
struct geo *geo_free(struct geo *g);
CLEANUP_DEFINE(struct geo, geo_free)

/* ISO 3166-1 code, kept for good (country table), or NULL when no country is known. */
const char *geo_country(struct geo *g, const char *address);
/* Whether the operator's own file names the address: it then counts as foreign even on this host. */
bool geo_is_overlaid(struct geo *g, const char *address);
