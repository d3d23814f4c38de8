/* SPDX-License-Identifier: Apache-2.0 */
/* Tables, colours and times for people: see output.h. */
#include "ctl/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

static bool terminal_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

/* 0 = no terminal: nothing is cut. */
static int terminal_width(void)
{
	struct winsize w;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0)
		return 0;
	return w.ws_col;
}

const char *tint(enum tint t)
{
	static const char *const codes[] = {
		"\033[0m", "\033[1m", "\033[2m", "\033[32m", "\033[33m", "\033[31m"};

	return terminal_colour() ? codes[t] : "";
}

enum tint tint_of(const char *word)
{
	static const struct {
		const char *word;
		enum tint tint;
	} words[] = {
		{"running", TINT_GREEN},
		{"on", TINT_GREEN},
		{"connected", TINT_GREEN},
		{"yes", TINT_GREEN},
		{"paused", TINT_YELLOW},
		{"alert", TINT_YELLOW},
		{"medium", TINT_YELLOW},
		{"low", TINT_YELLOW},
		{"off", TINT_YELLOW},
		{"weakened", TINT_YELLOW},
		{"prevent", TINT_RED},
		{"block", TINT_RED},
		{"blocked", TINT_RED},
		{"failed", TINT_RED},
		{"high", TINT_RED},
		{"critical", TINT_RED},
		{"open", TINT_RED},
		{"no", TINT_RED},
		{"exited", TINT_DIM},
		{"removed", TINT_DIM},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].tint;
	return TINT_NONE;
}

/* Columns a UTF-8 text takes: one a code point, good enough for names. */
static int text_width(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* Bytes of the first n code points. */
static int text_bytes(const char *s, int n)
{
	int i = 0;

	while (s[i] && (n > 0 || ((unsigned char)s[i] & 0xc0) == 0x80)) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			n--;
		if (n < 0)
			break;
		i++;
	}
	return i;
}

static void clean(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

void table_init(struct table *t, const char *const *titles, int flexible)
{
	*t = (struct table){.titles = titles, .flexible = flexible};
	while (titles[t->columns])
		t->columns++;
}

void table_add(struct table *t, const char *cell)
{
	char **more = realloc(t->cells, (t->cell_count + 1) * sizeof(*more));

	if (more)
		t->cells = more;
	char *copy = more ? strdup(cell && *cell ? cell : "-") : NULL;
	if (!copy) {
		t->failed = true;
		return;
	}
	clean(copy);
	t->cells[t->cell_count++] = copy;
}

static void table_widths(const struct table *t, int widths[TABLE_COLUMNS_MAX])
{
	int sum = 0, limit = terminal_width();

	for (int c = 0; c < t->columns; c++) {
		widths[c] = text_width(t->titles[c]);
		for (size_t i = (size_t)c; i < t->cell_count; i += (size_t)t->columns)
			if (text_width(t->cells[i]) > widths[c])
				widths[c] = text_width(t->cells[i]);
		sum += widths[c] + 2;
	}
	if (limit && sum - 2 > limit) {
		int *flexible = &widths[t->flexible];
		*flexible -= sum - 2 - limit;
		if (*flexible < 8)
			*flexible = 8;
	}
}

static void table_cell(const struct table *t, int column, const char *text, int width)
{
	int have = text_width(text);
	bool last = column == t->columns - 1;

	if (have > width)
		printf("%.*s…", text_bytes(text, width - 1), text);
	else
		printf("%s%s%s%*s", tint(tint_of(text)), text, tint(TINT_NONE),
			last ? 0 : width - have, "");
	fputs(last ? "\n" : "  ", stdout);
}

void table_print(struct table *t, const char *nothing)
{
	int widths[TABLE_COLUMNS_MAX];

	if (!t->cell_count)
		fprintf(stderr, "%s\n", nothing);
	table_widths(t, widths);
	for (int c = 0; t->cell_count && c < t->columns; c++) {
		bool last = c == t->columns - 1;
		printf("%s%-*s%s%s", tint(TINT_BOLD), last ? 0 : widths[c], t->titles[c],
			tint(TINT_NONE), last ? "\n" : "  ");
	}
	for (size_t i = 0; i < t->cell_count; i++) {
		int column = (int)(i % (size_t)t->columns);
		table_cell(t, column, t->cells[i], widths[column]);
		free(t->cells[i]);
	}
	free(t->cells);
	*t = (struct table){0};
}

void print_json(const struct json *j)
{
	struct buf b = BUF_INIT(64u << 20);

	json_print(j, &b);
	buf_putc(&b, '\n');
	if (!b.failed)
		fwrite(b.data, 1, b.len, stdout);
	buf_done(&b);
}

const char *time_ago(const char *rfc3339, char *out, size_t size)
{
	static const struct {
		uint64_t seconds;
		char unit;
	} steps[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	uint64_t t, now = time_now();

	snprintf(out, size, "-");
	if (!rfc3339 || !*rfc3339 || time_parse(rfc3339, &t) < 0)
		return out;
	uint64_t seconds = now > t ? (now - t) / NSEC_PER_SEC : 0;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (seconds >= 2 * steps[i].seconds || steps[i].seconds == 1) {
			snprintf(out, size, "%lu%c", (unsigned long)(seconds / steps[i].seconds),
				steps[i].unit);
			break;
		}
	return out;
}

const char *time_short(const char *rfc3339, char *out, size_t size)
{
	uint64_t ns;
	struct tm tm, today;
	time_t now = time(NULL);

	snprintf(out, size, "-");
	if (!rfc3339 || time_parse(rfc3339, &ns) < 0)
		return out;
	time_t seconds = (time_t)(ns / NSEC_PER_SEC);
	localtime_r(&seconds, &tm);
	localtime_r(&now, &today);
	char text[48];
	bool same = tm.tm_yday == today.tm_yday && tm.tm_year == today.tm_year;
	strftime(text, sizeof(text), same ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(out, size, "%s.%03u", text, (unsigned)(ns % NSEC_PER_SEC / NSEC_PER_MSEC));
	return out;
}

void print_text(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}
