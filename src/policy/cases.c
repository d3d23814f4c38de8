/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runner of test cases: see cases.h. One line is one step; a table of verbs says what each
 * does. The only state is that of the present case: container, its rule, the last process and the
 * last verdict.
 */
#include "policy/calls.h"
#include "policy/cases_internal.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "policy/suggest.h"

int case_wrong(const struct runner *r, const char *expected, const char *message)
{
	return diag_set(r->reterr, -EINVAL, r->line, 1, expected, "%s", message);
}

/* ---- words ---- */

static int words_split(struct words *w, const char *line)
{
	char *to = w->text;

	w->count = 0;
	if (strlen(line) >= sizeof(w->text))
		return -EINVAL;
	while (*line) {
		char quote = 0;

		while (isblank((unsigned char)*line))
			line++;
		if (!*line)
			break;
		if (w->count == WORDS_MAX - 1)
			return -EINVAL;
		w->items[w->count] = to;
		w->quoted[w->count++] = *line == '"' || *line == '\'';
		for (; *line && (quote || !isblank((unsigned char)*line)); line++) {
			if (*line == quote)
				quote = 0;
			else if (!quote && (*line == '"' || *line == '\''))
				quote = *line;
			else if (*line == '\\' && quote != '\'' && line[1])
				*to++ = *++line;
			else
				*to++ = *line;
		}
		if (quote)
			return -EINVAL;
		*to++ = 0;
	}
	w->items[w->count] = NULL;
	return 0;
}

/* ---- the container ---- */

static void labels_clear(struct kv_list *l)
{
	for (uint32_t i = 0; i < l->count; i++) {
		free(l->items[i].key);
		free(l->items[i].value);
	}
	free(l->items);
	*l = (struct kv_list){0};
}

static int add_label(struct runner *r, const char *text)
{
	char key[1024];
	size_t n = strcspn(text, ":");

	if (!text[n] || n >= sizeof(key))
		return case_wrong(r, "label key:value", "a label without a colon");
	memcpy(key, text, n);
	key[n] = 0;
	return kv_list_add(&r->labels, key, text + n + 1);
}

static const char *given(const struct runner *r, enum scope_field field)
{
	return r->texts[field][0] ? r->texts[field] : NULL;
}

struct policy_subject case_subject(const struct runner *r)
{
	return (struct policy_subject){.image = given(r, SCOPE_IMAGES),
		.container = given(r, SCOPE_CONTAINERS),
		.labels = &r->labels,
		.namespace_ = given(r, SCOPE_NAMESPACES),
		.cluster = given(r, SCOPE_CLUSTERS),
		.host = given(r, SCOPE_HOSTS)};
}

static const struct runtime_rule *present_rule(const struct runner *r)
{
	struct policy_subject s = case_subject(r);

	return policy_runtime_rule(r->policy, &s);
}

/* ---- what happens ---- */

static int run_exec(struct runner *r, const struct words *w, const char *rest)
{
	uint32_t args = 1;

	if (w->count < 2)
		return case_wrong(r, "exec PATH [as NAME] [ARGUMENT...]", "nothing to execute");
	words_split(&r->exec, rest);
	struct words *e = &r->exec;
	/* argv[0] is the path, unless told otherwise. */
	if (e->count >= 3 && !e->quoted[1] && strcmp(e->items[1], "as") == 0)
		args = 3;
	char *path = e->items[0];
	char **argv = e->items + args - 1;
	if (args == 1)
		argv[0] = path;
	r->process = (struct event){
		.type = EVENT_EXEC, .path = path, .args = {argv, e->count - args + 1},
		.origin = r->origin, .borrowed_rights = r->borrowed_rights, .direction = r->tie};
	r->origin = ORIGIN_NONE;
	r->borrowed_rights = false;
	r->tie = DIRECTION_NONE;
	r->verdict = policy_match_event(present_rule(r), &r->process);
	r->suspect = r->verdict.suspect;
	r->happened = true;
	return 0;
}

/* What the kernel says of the file that is executed next. */
static int run_file(struct runner *r, const struct words *w, const char *rest)
{
	int origin = w->count == 2 ? enum_from_name(&file_origin_names, w->items[1]) : -1;

	if (w->count == 2 && strcmp(w->items[1], "suid") == 0)
		r->borrowed_rights = true;
	else if (origin > 0)
		r->origin = (enum file_origin)origin;
	else
		return case_wrong(r, "file new, file modified, file memory or file suid", "no such file");
	return 0;
}

static int run_call(struct runner *r, const struct words *w, const char *rest)
{
	struct event e = {.type = EVENT_SYSCALL, .syscall = w->count == 2 ? w->items[1] : NULL};

	if (!policy_call_of(e.syscall))
		return case_wrong(r, "syscall NAME, as in docs/reference/syscalls.md", "no system call that is looked at");
	r->verdict = policy_match_event(present_rule(r), &e);
	r->happened = true;
	return 0;
}

/* Where the input and output of what is executed next lead. */
static int run_descriptors(struct runner *r, const struct words *w, const char *rest)
{
	int direction = w->count == 2 ? enum_from_name(&direction_names, w->items[1]) : -1;

	if (direction != DIRECTION_OUTBOUND && direction != DIRECTION_INBOUND)
		return case_wrong(r, "descriptors outbound or descriptors inbound", "no such connection");
	r->tie = (enum direction)direction;
	return 0;
}

static int run_connect(struct runner *r, const struct words *w, const char *rest)
{
	static const char usage[] = "connect ADDRESS:PORT [tcp|udp], IPv6 as [ADDRESS]:PORT";
	char address[64], *host = address;
	uint8_t raw[16], prefix;
	uint64_t port;

	if (w->count < 2 || w->count > 3 || strlen(w->items[1]) >= sizeof(address))
		return case_wrong(r, usage, "bad connect");
	snprintf(address, sizeof(address), "%s", w->items[1]);
	char *colon = strrchr(address, ':');
	if (!colon || parse_u64(colon + 1, 0, 65535, &port) < 0)
		return case_wrong(r, usage, "a connect without a port");
	*colon = 0;
	if (host[0] == '[' && colon > address + 1 && colon[-1] == ']') {
		colon[-1] = 0;
		host++;
	}
	if (strchr(host, '/') || parse_cidr(host, raw, &prefix) < 0)
		return case_wrong(r, usage, "bad address");
	int proto = w->count == 3 ? enum_from_name(&proto_names, w->items[2]) : PROTO_TCP;
	if (proto <= 0)
		return case_wrong(r, usage, "bad protocol");
	struct event e = {.type = EVENT_CONNECT,
		.path = r->process.path,
		.direction = DIRECTION_OUTBOUND,
		.proto = (enum proto)proto,
		.address = host,
		.port = (uint32_t)port};
	const struct runtime_rule *rule = present_rule(r);
	r->verdict = policy_match_event(rule, &e);
	if (r->suspect) {
		struct verdict v = policy_match_suspect(rule, &r->process);

		if (v.effect > r->verdict.effect ||
			(v.effect == r->verdict.effect && v.detection < r->verdict.detection))
			r->verdict = v;
		r->suspect = false;
	}
	r->happened = true;
	return 0;
}

/* What only the kernel counts. */
static int run_scan(struct runner *r, const struct words *w, const char *rest)
{
	struct event e = {.type = EVENT_CONNECT, .direction = DIRECTION_OUTBOUND, .proto = PROTO_TCP, .scan = true};

	r->verdict = policy_match_event(present_rule(r), &e);
	r->happened = true;
	return 0;
}

/* What only the kernel sees: whose socket it is. */
static int run_socket(struct runner *r, const struct words *w, const char *rest)
{
	bool engine = w->count == 3 && strcmp(w->items[1], "engine") == 0;
	struct event e = {.type = engine ? EVENT_CONNECT : EVENT_SOCKET, .file = engine ? w->items[2] : NULL};

	if (!engine && (w->count != 2 || strcmp(w->items[1], "raw") != 0))
		return case_wrong(r, "socket raw or socket engine NAME", "no such socket");
	r->verdict = policy_match_event(present_rule(r), &e);
	r->happened = true;
	return 0;
}

static int run_send(struct runner *r, const struct words *w, const char *rest)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(LINE_MAX_);

	buf_printf(&line, "%s\n", rest);
	r->verdict = policy_match_payload(present_rule(r), line.data, line.len);
	r->happened = true;
	return line.failed;
}

/* ---- what is expected ---- */

void case_expectation(struct runner *r, bool met, const char *expected, const char *got)
{
	r->expectations++;
	if (met || r->failed_line)
		return;
	r->failed_line = r->line;
	snprintf(r->failure, sizeof(r->failure), "expected %.200s, got %.250s", expected, got);
}

static int expect_rule(struct runner *r, const char *name)
{
	const struct runtime_rule *rule = present_rule(r);
	bool met = name ? rule && strcmp(rule->name, name) == 0 : !rule;
	char expected[192];

	snprintf(expected, sizeof(expected), name ? "rule '%.160s'" : "no rule", name);
	case_expectation(r, met, expected, rule ? rule->name : "no rule");
	return 0;
}

static int expect_verdict(struct runner *r, const struct words *w, const char *rest)
{
	static const char usage[] =
		"expect EFFECT DETECTION [EVIDENCE], expect nothing or expect suspect";
	const struct verdict *v = &r->verdict;
	char got[320];

	if (!r->happened)
		return case_wrong(r, "exec, connect or send before it", "nothing has happened yet");
	snprintf(got, sizeof(got), "%s %s %s (%s)", enum_name(&effect_names, (int)v->effect),
		enum_name(&detection_names, (int)v->detection),
		enum_name(&evidence_names, (int)v->evidence), v->reason);
	if (!v->detection)
		snprintf(got, sizeof(got), v->suspect ? "suspect" : "nothing");
	if (w->count == 2 && strcmp(w->items[1], "nothing") == 0) {
		case_expectation(r, !v->detection && !v->suspect, rest, got);
		return 0;
	}
	if (w->count == 2 && strcmp(w->items[1], "suspect") == 0) {
		case_expectation(r, !v->detection && v->suspect, rest, got);
		return 0;
	}
	int effect = w->count >= 3 ? enum_from_name(&effect_names, w->items[1]) : -1;
	int detection = w->count >= 3 ? enum_from_name(&detection_names, w->items[2]) : -1;
	int evidence = w->count == 4 ? enum_from_name(&evidence_names, w->items[3]) : 0;
	if (effect <= 0 || detection <= 0 || evidence < 0 || w->count > 4)
		return case_wrong(r, usage, "bad expectation");
	case_expectation(r,
		effect == (int)v->effect && detection == (int)v->detection &&
			(!evidence || evidence == (int)v->evidence),
		rest, got);
	return 0;
}

static int run_expect(struct runner *r, const struct words *w, const char *rest)
{
	if (w->count == 3 && strcmp(w->items[1], "rule") == 0)
		return expect_rule(r, w->items[2]);
	if (w->count == 3 && strcmp(w->items[1], "no") == 0 && strcmp(w->items[2], "rule") == 0)
		return expect_rule(r, NULL);
	int e = case_gate_expect(r, w, rest);
	return e == 1 ? expect_verdict(r, w, rest) : e;
}

/* ---- lines ---- */

static const struct verb verbs[] = {
	{"image", NULL, SCOPE_IMAGES, "image NAME"},
	{"container", NULL, SCOPE_CONTAINERS, "container NAME"},
	{"label", NULL, SCOPE_LABELS, "label KEY:VALUE"},
	{"namespace", NULL, SCOPE_NAMESPACES, "namespace NAME"},
	{"cluster", NULL, SCOPE_CLUSTERS, "cluster NAME"},
	{"host", NULL, SCOPE_HOSTS, "host NAME"},
	{.name = "exec", .run = run_exec, .usage = "exec PATH [as NAME] [ARGUMENT...]"},
	{.name = "file", .run = run_file, .usage = "file new|modified|memory|suid"},
	{.name = "syscall", .run = run_call, .usage = "syscall NAME"},
	{.name = "descriptors", .run = run_descriptors, .usage = "descriptors outbound|inbound"},
	{.name = "connect", .run = run_connect, .usage = "connect ADDRESS:PORT [tcp|udp]"},
	{.name = "socket", .run = run_socket, .usage = "socket raw, socket engine NAME"},
	{.name = "scan", .run = run_scan, .usage = "scan"},
	{.name = "send", .run = run_send, .usage = "send TEXT"},
	{.name = "expect", .run = run_expect, .usage = "expect ..."},
};

/* A step that says what the container is. */
static int describe(struct runner *r, const struct verb *v, const struct words *w)
{
	if (w->count != 2 || strlen(w->items[1]) >= sizeof(r->texts[0]))
		return case_wrong(r, v->usage, "one name is needed");
	if (v->field == SCOPE_LABELS)
		return add_label(r, w->items[1]);
	snprintf(r->texts[v->field], sizeof(r->texts[0]), "%s", w->items[1]);
	return 0;
}

static int run_step(struct runner *r, const char *line)
{
	struct words w;
	struct suggestion near;

	line += strspn(line, " \t");
	if (words_split(&w, line) < 0)
		return case_wrong(r, "closed quotes, at most 8192 bytes and 255 words",
			"the line cannot be read");
	const char *rest = line + strcspn(line, " \t");
	rest += strspn(rest, " \t");
	near = SUGGESTION(w.items[0]);
	for (size_t i = 0; i < ARRAY_SIZE(verbs) + case_gate_verb_count; i++) {
		const struct verb *v =
			i < ARRAY_SIZE(verbs) ? &verbs[i] : &case_gate_verbs[i - ARRAY_SIZE(verbs)];

		suggestion_offer(&near, v->name);
		if (strcmp(v->name, w.items[0]) == 0)
			return v->run ? v->run(r, &w, rest) : describe(r, v, &w);
	}
	return case_wrong(r,
		near.best ? near.best : "container, image, exec, connect, send, expect, ...",
		"unknown step");
}

static int end_case(struct runner *r)
{
	if (!r->open)
		return 0;
	r->open = false;
	if (!r->expectations) {
		r->line = r->title_line;
		return case_wrong(r, "at least one `expect`", "a case that cannot fail");
	}
	struct case_result result = {.title = r->title,
		.line = r->failed_line ? r->failed_line : r->title_line,
		.passed = !r->failed_line,
		.message = r->failed_line ? r->failure : ""};
	return r->fn(r->ctx, &result);
}

static int begin_case(struct runner *r, const char *title)
{
	int e = end_case(r);

	if (e < 0)
		return e;
	if (!r->policy)
		return case_wrong(r, "a `policy` block before it", "a case without a policy");
	labels_clear(&r->labels);
	case_gates_reset(&r->gates);
	memset(r->texts, 0, sizeof(r->texts));
	r->process = (struct event){0};
	r->verdict = (struct verdict){0};
	r->happened = r->suspect = false;
	r->expectations = r->failed_line = 0;
	r->open = true;
	r->title_line = r->line;
	snprintf(r->title, sizeof(r->title), "%s", title);
	return 0;
}

/* Messages of the policy block are told at their line of the whole text. */
static int load_block(struct runner *r, const char *text, size_t n)
{
	struct policy_source source = {"", text, n};
	struct policy_messages m;
	struct policy *p = NULL;
	int e = end_case(r);

	if (e < 0)
		return e;
	e = policy_load(&p, &source, 1, &m);
	for (uint32_t i = 0; e == -EINVAL && i < m.count; i++) {
		if (m.items[i].level != POLICY_ERROR)
			continue;
		const struct diag *d = &m.items[i].diag;
		diag_set(r->reterr, 0, r->line + d->line, d->column, d->expected, "%s", d->message);
		break;
	}
	policy_messages_done(&m);
	if (e < 0)
		return e;
	policy_unref(r->own);
	r->own = p;
	r->policy = p;
	return 0;
}

/* End of the line that begins at p. */
static const char *line_end(const char *p, const char *end)
{
	const char *e = memchr(p, '\n', (size_t)(end - p));

	return e ? e : end;
}

/* The indented or empty lines from p on. */
static const char *block_end(const char *p, const char *end, uint32_t *lines)
{
	while (p < end && (isblank((unsigned char)*p) || *p == '\n' || *p == '\r')) {
		p = line_end(p, end);
		p += p < end;
		(*lines)++;
	}
	return p;
}

static int run_line(struct runner *r, const char *line)
{
	size_t blank = strspn(line, " \t");

	if (!line[blank] || line[blank] == '#')
		return 0;
	if (blank == 0 && strncmp(line, "case ", 5) == 0)
		return begin_case(r, line + 5 + strspn(line + 5, " \t"));
	if (blank == 0)
		return case_wrong(r, "`policy`, `case TITLE`, or an indented step", "unknown line");
	if (!r->open)
		return case_wrong(r, "`case TITLE` before it", "a step outside of a case");
	return run_step(r, line);
}

static int run_text(struct runner *r, const char *text, size_t n)
{
	const char *end = text + n;
	int e = 0;

	for (const char *p = text; p < end && e == 0;) {
		const char *stop = line_end(p, end);
		char line[LINE_MAX_];
		size_t len = (size_t)(stop - p);

		r->line++;
		if (len >= sizeof(line) || memchr(p, 0, len))
			return case_wrong(r, "lines of text", "the line is too long or is not text");
		memcpy(line, p, len);
		line[len] = 0;
		if (len && line[len - 1] == '\r')
			line[len - 1] = 0;
		p = stop + (stop < end);
		if (strcmp(line, "policy") != 0 && strcmp(line, "policy:") != 0) {
			e = run_line(r, line);
			continue;
		}
		uint32_t lines = 0;
		const char *block = block_end(p, end, &lines);
		e = load_block(r, p, (size_t)(block - p));
		r->line += lines;
		p = block;
	}
	return e == 0 ? end_case(r) : e;
}

int policy_cases_run(const struct policy *policy, const struct policy_source *cases,
	case_result_fn *fn, void *ctx, struct diag *reterr)
{
	CLEANUP(free) struct runner *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	*r = (struct runner){.policy = policy, .fn = fn, .ctx = ctx, .reterr = reterr};
	int e = run_text(r, cases->text, cases->size);
	if (e < 0 && reterr)
		snprintf(reterr->file, sizeof(reterr->file), "%s", cases->name);
	labels_clear(&r->labels);
	case_gates_reset(&r->gates);
	policy_unref(r->own);
	return e;
}
