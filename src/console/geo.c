/* SPDX-License-Identifier: Apache-2.0 */
/* Countries of addresses: see geo.h. */
#include "console/geo.h"

#include <errno.h>
#include <maxminddb.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/parse.h"
#include "console/countries.h"

#define OVERLAY_MAX 1024
#define OVERLAY_BYTES (1u << 20)
#define OVERLAY_LOOK_NS (100 * NSEC_PER_MSEC)

struct overlay_range {
	uint8_t address[16], prefix;
	const char *country;
};

struct geo {
	MMDB_s db;
	bool has_db;
	const char *overlay_path;
	uint64_t looked; /* monotonic ns */
	struct timespec changed;
	off_t size;
	struct overlay_range overlay[OVERLAY_MAX];
	uint32_t overlay_count;
};

int geo_new(struct geo **ret, const char *database, const char *overlay, struct diag *reterr)
{
	struct geo *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->overlay_path = overlay;
	*ret = g;
	if (!database)
		return 0;
	int code = MMDB_open(database, MMDB_MODE_MMAP, &g->db);
	g->has_db = code == MMDB_SUCCESS;
	return g->has_db ? 0 : diag_msg(reterr, -ENOENT, "GeoIP database '%s': %s", database, MMDB_strerror(code));
}

struct geo *geo_free(struct geo *g)
{
	if (!g)
		return NULL;
	if (g->has_db)
		MMDB_close(&g->db);
	free(g);
	return NULL;
}

/* One line "203.0.113.0/24,SG"; others are left out. */
static void overlay_line(struct geo *g, char *line)
{
	char *comma = strchr(line, ',');
	struct overlay_range *o = &g->overlay[g->overlay_count];

	if (!comma || g->overlay_count == OVERLAY_MAX)
		return;
	*comma = 0;
	comma[1 + strcspn(comma + 1, " \t\r")] = 0;
	o->country = country_code(comma + 1);
	if (o->country && parse_cidr(line, o->address, &o->prefix) == 0)
		g->overlay_count++;
}

static void overlay_read(struct geo *g)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(OVERLAY_BYTES);
	char *rest = NULL;

	g->overlay_count = 0;
	if (file_read(g->overlay_path, &text) < 0 || !text.len)
		return;
	for (char *line = strtok_r((char *)text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		overlay_line(g, line);
}

static void overlay_look(struct geo *g)
{
	struct stat st = {0};
	uint64_t now = time_monotonic();

	if (!g->overlay_path || (g->looked && now - g->looked < OVERLAY_LOOK_NS))
		return;
	g->looked = now;
	if (stat(g->overlay_path, &st) < 0)
		st = (struct stat){0};
	if (st.st_size == g->size && memcmp(&st.st_mtim, &g->changed, sizeof(st.st_mtim)) == 0)
		return;
	g->size = st.st_size;
	g->changed = st.st_mtim;
	overlay_read(g);
}

static bool range_has(const struct overlay_range *o, const uint8_t a[16])
{
	unsigned bytes = o->prefix / 8, bits = o->prefix % 8;

	return memcmp(o->address, a, bytes) == 0 && (!bits || ((o->address[bytes] ^ a[bytes]) >> (8 - bits)) == 0);
}

static const char *overlay_country(const struct geo *g, const char *address)
{
	const struct overlay_range *best = NULL;
	uint8_t a[16], prefix;

	if (!g->overlay_count || parse_cidr(address, a, &prefix) < 0)
		return NULL;
	for (uint32_t i = 0; i < g->overlay_count; i++)
		if (range_has(&g->overlay[i], a) && (!best || g->overlay[i].prefix > best->prefix))
			best = &g->overlay[i];
	return best ? best->country : NULL;
}

/* Sets differ in shape: {"country": {"iso_code": "SG"}} and {"country_code": "SG"}. */
static const char *entry_country(MMDB_entry_s *entry)
{
	MMDB_entry_data_s data;
	char code[3] = "";

	int r = MMDB_get_value(entry, &data, "country", "iso_code", NULL);
	if (r != MMDB_SUCCESS || !data.has_data)
		r = MMDB_get_value(entry, &data, "country_code", NULL);
	if (r != MMDB_SUCCESS || !data.has_data || data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size != 2)
		return NULL;
	memcpy(code, data.utf8_string, 2);
	return country_code(code);
}

const char *geo_country(struct geo *g, const char *address)
{
	int bad_address = 0, bad_file = MMDB_SUCCESS;

	overlay_look(g);
	const char *country = overlay_country(g, address);
	if (country || !g->has_db)
		return country;
	MMDB_lookup_result_s found = MMDB_lookup_string(&g->db, address, &bad_address, &bad_file);
	return !bad_address && bad_file == MMDB_SUCCESS && found.found_entry ? entry_country(&found.entry) : NULL;
}

bool geo_is_overlaid(struct geo *g, const char *address)
{
	overlay_look(g);
	return overlay_country(g, address);
}
