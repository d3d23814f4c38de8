/* SPDX-License-Identifier: Apache-2.0 */
/* CRI-O's tables of runtimes: see crio_conf.h. Values are never understood, only carried as they stand. */
#include "ctl/crio_conf.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "ctl/toml.h"

#define KEYS_MAX (64u << 10) /* of one runtime */
#define NAMES_MAX 4096

/* Where a walk over one file stands. */
struct walk {
	struct crio_conf *conf;
	const char *file, *p, *end;
	const char *name, *value, *value_end; /* of the key at hand */
	uint32_t line;
	struct toml_name table, key; /* key: with its table's name before it */
	bool seen[CRIO_RUNTIMES];
	struct diag *reterr;
};

void crio_conf_init(struct crio_conf *c, const char *const *names)
{
	*c = (struct crio_conf){.others = BUF_INIT(NAMES_MAX)};
	for (int i = 0; i < CRIO_RUNTIMES; i++)
		c->runtimes[i] = (struct crio_runtime){.keys = BUF_INIT(KEYS_MAX), .names = BUF_INIT(NAMES_MAX)};
	for (int i = 0; i < CRIO_RUNTIMES && names[i]; i++)
		c->runtimes[i].name = names[i];
}

void crio_conf_done(struct crio_conf *c)
{
	for (int i = 0; i < CRIO_RUNTIMES; i++) {
		buf_done(&c->runtimes[i].keys);
		buf_done(&c->runtimes[i].names);
	}
	buf_done(&c->others);
}

static int confused(const struct walk *w, const char *what)
{
	return diag_set(w->reterr, -EINVAL, w->line, 1,
		"by hand: the shim as runtime_path, in the table crio.runtime.runtimes.NAME", "%s", what);
}

/* ---- values ---- */

/* Behind a text in quotes, of one line or of several; NULL: it does not end. */
static const char *skip_text(const char *p, const char *end)
{
	char quote = *p;
	bool many = end - p >= 3 && p[1] == quote && p[2] == quote;

	for (p += many ? 3 : 1; p < end; p++) {
		if (*p == '\\' && quote == '"')
			p += p + 1 < end;
		else if (*p == '\n' && !many)
			return NULL;
		else if (*p == quote && !many)
			return p + 1;
		else if (*p == quote && end - p >= 3 && p[1] == quote && p[2] == quote) {
			/* Up to two more belong to the text. */
			for (p += 3; p < end && *p == quote; p++)
				;
			return p;
		}
	}
	return NULL;
}

/* Behind a value: lists go on over lines, with comments in them. NULL: it does not end. */
static const char *skip_value(const char *p, const char *end)
{
	const char *start = p;
	int depth = 0;

	while (p && p < end && (depth || (*p != '\n' && *p != '#'))) {
		if (*p == '#') {
			p = memchr(p, '\n', (size_t)(end - p));
			continue;
		}
		if (*p == '"' || *p == '\'') {
			p = skip_text(p, end);
			continue;
		}
		depth += (*p == '[' || *p == '{') - (*p == ']' || *p == '}');
		if (depth < 0)
			return NULL;
		p++;
	}
	if (!p || depth)
		return NULL;
	while (p > start && (p[-1] == ' ' || p[-1] == '\t' || p[-1] == '\r'))
		p--;
	return p > start ? p : NULL;
}

/* ---- names ---- */

/* Tables of structures are found whatever their case; the names of runtimes are as written. */
static bool begins(const struct toml_name *n, int count)
{
	static const char *const parts[] = {"crio", "runtime", "runtimes"};

	if (n->count < count)
		return false;
	for (int i = 0; i < count; i++)
		if (strcasecmp(n->parts[i], parts[i]) != 0)
			return false;
	return true;
}

static int index_of(const struct crio_conf *c, const char *name)
{
	for (int i = 0; i < CRIO_RUNTIMES; i++)
		if (c->runtimes[i].name && strcmp(c->runtimes[i].name, name) == 0)
			return i;
	return -1;
}

/* What names something of a runtime: the first one in a file makes its table anew. */
static struct crio_runtime *enter(struct walk *w, const struct toml_name *n)
{
	if (!begins(n, 3) || n->count < 4)
		return NULL;
	int i = index_of(w->conf, n->parts[3]);
	if (i < 0) {
		char known[NAMES_MAX + 4], sought[TOML_PART_MAX + 4];
		snprintf(known, sizeof(known), ", %s,", w->conf->others.data ? (char *)w->conf->others.data : "");
		snprintf(sought, sizeof(sought), ", %s,", n->parts[3]);
		if (!strstr(known, sought))
			buf_printf(&w->conf->others, "%s%s", w->conf->others.len ? ", " : "", n->parts[3]);
		return NULL;
	}
	struct crio_runtime *r = &w->conf->runtimes[i];
	if (!w->seen[i]) {
		buf_reset(&r->keys);
		buf_reset(&r->names);
		r->program[0] = 0;
		r->platforms = false;
		snprintf(r->file, sizeof(r->file), "%s", w->file);
	}
	w->seen[i] = true;
	return r;
}

static bool is_bare(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_' || s[n] == '-')
		n++;
	return n && !s[n];
}

/* A part has no escapes, and never both kinds of quotes. */
static void put_part(struct buf *b, const char *part)
{
	const char *quote = is_bare(part) ? "" : strchr(part, '"') ? "'" : "\"";

	buf_printf(b, "%s%s%s", quote, part, quote);
}

/* The value as a plain text, and nothing but it. */
static bool read_text(const struct walk *w, char *out, size_t size)
{
	char text[PATH_MAX];
	size_t n = (size_t)(w->value_end - w->value);

	if (!toml_read_text(w->value, w->value_end, text, sizeof(text)) || strlen(text) + 2 != n || n > size)
		return false;
	snprintf(out, size, "%s", text);
	return true;
}

static int take_key(struct walk *w, struct crio_runtime *r)
{
	const struct toml_name *k = &w->key;

	if (k->count == 4)
		return confused(w, "a runtime is given as the value of a key");
	if (k->count == 5 && strcasecmp(k->parts[4], "runtime_path") == 0)
		return read_text(w, r->program, sizeof(r->program)) ? 0 : confused(w, "the value of runtime_path is not read here");
	r->platforms |= strcasecmp(k->parts[4], "platform_runtime_paths") == 0;
	buf_puts(&r->names, r->names.len ? ", " : "");
	for (int i = 4; i < k->count; i++) {
		put_part(&r->keys, k->parts[i]);
		buf_puts(&r->keys, i + 1 < k->count ? "." : " = ");
		buf_printf(&r->names, "%s%s", k->parts[i], i + 1 < k->count ? "." : "");
	}
	buf_put(&r->keys, w->value, (size_t)(w->value_end - w->value));
	buf_putc(&r->keys, '\n');
	return r->keys.failed || r->names.failed ? confused(w, "a runtime with too many keys") : 0;
}

static int take(struct walk *w)
{
	const struct toml_name *k = &w->key;
	struct crio_runtime *r = enter(w, k);

	if (r)
		return take_key(w, r);
	if (k->count <= 3 && begins(k, k->count))
		return confused(w, "runtimes are given as the value of a key");
	if (k->count == 3 && begins(k, 2) && strcasecmp(k->parts[2], "default_runtime") == 0 &&
		!read_text(w, w->conf->default_runtime, sizeof(w->conf->default_runtime)))
		return confused(w, "the value of default_runtime is not read here");
	return 0;
}

/* ---- lines ---- */

static int read_header(struct walk *w, const char *stop)
{
	bool list = w->p + 1 < stop && w->p[1] == '[';
	const char *after = toml_read_name(w->p + 1 + list, stop, ']', &w->table);

	if (!after || (list && (after == stop || *after++ != ']')))
		return confused(w, "the name of a table that is not read here");
	if (list && begins(&w->table, w->table.count < 3 ? w->table.count : 3))
		return confused(w, "runtimes are given as a list");
	enter(w, &w->table);
	w->p = after;
	return 0;
}

/* The key's name behind that of its table. */
static int full_name(struct walk *w, const char **p, const char *stop)
{
	struct toml_name own;

	*p = toml_read_name(*p, stop, '=', &own);
	if (!*p || w->table.count + own.count > TOML_PARTS_MAX)
		return confused(w, "a key that is not read here");
	w->key = w->table;
	for (int i = 0; i < own.count; i++)
		memcpy(w->key.parts[w->key.count++], own.parts[i], TOML_PART_MAX);
	return 0;
}

static int read_key(struct walk *w, const char *stop)
{
	const char *p = w->p;
	int r = full_name(w, &p, stop);

	if (r < 0)
		return r;
	while (p < w->end && (*p == ' ' || *p == '\t'))
		p++;
	w->value = p;
	w->value_end = skip_value(p, w->end);
	if (!w->value_end)
		return confused(w, "a value that is not read here");
	r = take(w);
	for (p = w->value; p < w->value_end; p++)
		w->line += *p == '\n';
	w->p = w->value_end;
	return r;
}

static void skip_blanks(struct walk *w)
{
	while (w->p < w->end && (*w->p == ' ' || *w->p == '\t' || *w->p == '\r'))
		w->p++;
}

static int read_line(struct walk *w)
{
	const char *stop = memchr(w->p, '\n', (size_t)(w->end - w->p));
	int r = 0;

	if (!stop)
		stop = w->end;
	skip_blanks(w);
	if (w->p < stop && *w->p == '[')
		r = read_header(w, stop);
	else if (w->p < stop && *w->p != '#')
		r = read_key(w, stop);
	if (r < 0)
		return r;
	skip_blanks(w);
	if (w->p < w->end && *w->p == '#') {
		w->p = memchr(w->p, '\n', (size_t)(w->end - w->p));
		w->p = w->p ? w->p : w->end;
	}
	if (w->p < w->end && *w->p++ != '\n')
		return confused(w, "a line that is not read here");
	w->line++;
	return 0;
}

int crio_conf_add(struct crio_conf *c, const char *file, const char *text, size_t n, struct diag *reterr)
{
	struct walk w = {.conf = c, .file = file, .p = text, .end = text + n, .line = 1, .reterr = reterr};
	int r = memchr(text, 0, n) ? confused(&w, "a zero byte") : 0;

	while (r == 0 && w.p < w.end)
		r = read_line(&w);
	if (r < 0 && reterr)
		snprintf(reterr->file, sizeof(reterr->file), "%.255s", file);
	return r;
}

/* ---- what follows from it ---- */

bool crio_conf_has(const struct crio_conf *c, const struct crio_runtime *r)
{
	bool some = false;

	if (!r->name || r->file[0])
		return r->name != NULL;
	if (c->default_runtime[0])
		return strcmp(c->default_runtime, r->name) == 0;
	/* Its own default is crun, or was runc; where runc alone has a table it may be either. */
	for (int i = 0; i < CRIO_RUNTIMES; i++)
		some |= c->runtimes[i].file[0] != 0;
	return !some || strcmp(r->name, "crun") == 0;
}

/* As CRI-O has them built in: a table of ours takes the place of that one too. */
#define BUILT_IN(name)                                                                                       \
	"runtime_type = \"oci\"\nruntime_root = \"/run/" name "\"\n"                                         \
	"allowed_annotations = [\"io.containers.trace-syscall\", \"io.kubernetes.cri-o.Devices\"]\n"         \
	"monitor_env = [\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"]\n"

const char *crio_conf_keys(const struct crio_runtime *r)
{
	if (r->file[0])
		return r->keys.data ? (const char *)r->keys.data : "";
	return strcmp(r->name, "crun") == 0 ? BUILT_IN("crun") "container_min_memory = \"500KiB\"\n" : BUILT_IN("runc");
}
