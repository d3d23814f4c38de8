/* SPDX-License-Identifier: Apache-2.0 */
/* When to look, what was told already, and what the Gate is told of daemons: see host_checks.h. */
#include "defender/host_checks.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/proc.h"
#include "defender/defender.h"
#include "defender/event.h"
#include "defender/host_look.h"
#include "policy/compliance_host.h"

#define PERIOD (600 * NSEC_PER_SEC)
#define WORDS_MAX (16u << 10) /* bytes of a daemon's command line */
#define WORDS_COUNT_MAX 512u
#define CONFIG_MAX (256u << 10)
#define OWN_MAX 256u     /* findings of our own */
#define AUDITED_MAX 256u /* critical findings that fail now */
#define ID_MAX 512u
#define PROCESSES_MAX 32768u /* looked through for a daemon that systemd listens for */

struct daemon_seen {
	pid_t pid;
	struct buf words;
	uint64_t told; /* what the Gate has of it, 0 = nothing */
};

struct own {
	char *id;
	const char *resource; /* of the row */
	uint64_t told;        /* content, 0 = nothing */
	unsigned look;
};

struct host_checks {
	struct daemon_seen daemons[ENGINES_MAX];
	struct own own[OWN_MAX];
	uint32_t own_count;
	unsigned look;
	uint64_t next;  /* monotonic ns */
	bool sweep;     /* the Console may have findings of before */
	bool ask;       /* the Gate is to tell everything again */
	uint64_t audited[AUDITED_MAX];
	uint32_t audited_count;
	struct host_checks_counters counters;
};

static char *borrow(const char *text)
{
	return (char *)(uintptr_t)text;
}

static uint64_t mix(uint64_t h, const void *data, size_t n)
{
	for (const uint8_t *p = data; n--; p++)
		h = (h ^ *p) * 1099511628211u;
	return (h ^ 0xff) * 1099511628211u;
}

static uint64_t mix_text(uint64_t h, const char *text)
{
	return mix(h, text ? text : "", text ? strlen(text) : 0);
}

#define MIX_START 14695981039346656037u

/* --- findings to the Console --- */

/* Critical ones are audits too: once for as long as they fail. */
static void audit_critical(struct defender *d, const struct compliance_check *row, const struct compliance_finding *f)
{
	struct host_checks *h = d->host_checks;
	uint64_t key = mix_text(MIX_START, f->id);
	bool fails = !f->passed && f->effect != EFFECT_DISABLE;
	uint32_t i = 0;

	if (row->severity < SEVERITY_CRITICAL || strcmp(row->resource, "container") == 0)
		return; /* of containers the gates tell, when they are created */
	while (i < h->audited_count && h->audited[i] != key)
		i++;
	if (!fails && i < h->audited_count)
		h->audited[i] = h->audited[--h->audited_count];
	if (!fails || i < h->audited_count || i == AUDITED_MAX)
		return;
	h->audited[h->audited_count++] = key;
	audit_compliance(d, f);
}

static int to_console(struct defender *d, const struct compliance_finding *f)
{
	struct ipc_peer *console = defender_console(d);
	int r = console ? ipc_send(console, IPC_FINDING, 0, f) : -ENOTCONN;

	d->host_checks->counters.told += r == 0;
	return r;
}

/* What of the Gate's could not be passed on is asked for again. */
static void pass_on(struct defender *d, const struct compliance_finding *f)
{
	struct host_checks *h = d->host_checks;
	int r = to_console(d, f);

	if (r == -ENOBUFS || r == -ENOMEM) {
		h->counters.lost++;
		h->ask = true;
	}
}

static bool is_gates(const char *resource)
{
	return strcmp(resource, "daemon") == 0 || strcmp(resource, "image") == 0 || strcmp(resource, "container") == 0;
}

int host_checks_finding(struct defender *d, const struct compliance_finding *f)
{
	const struct compliance_check *row = f->check ? compliance_check(f->check) : NULL;
	struct compliance_finding view = *f; /* borrows; what we know better is ours */

	if (!f->id || !f->resource || strlen(f->id) > ID_MAX || !is_gates(f->resource) || (f->check && !row) ||
		(row && strcmp(row->resource, f->resource) != 0)) {
		d->host_checks->counters.refused++;
		return -EPROTO;
	}
	view.host = borrow(d->config.host);
	if (row) {
		view.cis = borrow(row->cis);
		view.severity = row->severity;
		view.title = borrow(row->title);
		view.remedy = borrow(row->remedy);
		audit_critical(d, row, &view);
	}
	pass_on(d, &view);
	return 0;
}

/* --- our own --- */

static struct own *own_get(struct host_checks *h, const char *id, const char *resource)
{
	for (uint32_t i = 0; i < h->own_count; i++)
		if (strcmp(h->own[i].id, id) == 0)
			return &h->own[i];
	char *copy = h->own_count < OWN_MAX ? strdup(id) : NULL;
	if (!copy) {
		h->counters.refused++;
		return NULL;
	}
	h->own[h->own_count] = (struct own){.id = copy, .resource = resource};
	return &h->own[h->own_count++];
}

static void found(void *ctx, const char *check, const char *target, bool passed, const char *cause)
{
	struct defender *d = ctx;
	struct host_checks *h = d->host_checks;
	const struct compliance_check *row = compliance_check(check);
	const struct policy_subject subject = {.host = d->config.host};
	const char *rule = NULL;
	char id[ID_MAX];

	if (!row || snprintf(id, sizeof(id), "%s@%s", check, target) >= (int)sizeof(id))
		return;
	struct own *own = own_get(h, id, row->resource);
	if (!own)
		return;
	own->look = h->look;
	struct compliance_finding f = {.id = id, .check = borrow(row->id), .cis = borrow(row->cis),
		.severity = row->severity, .title = borrow(row->title), .resource = borrow(row->resource),
		.target = borrow(target), .passed = passed, .cause = borrow(cause), .remedy = borrow(row->remedy),
		.effect = compliance_effect(d->policy, &subject, check, &rule), .rule = borrow(rule),
		.host = borrow(d->config.host), .time = time_now()};
	uint64_t content = mix_text(mix_text(MIX_START, cause), rule);
	content = (content ^ (uint64_t)passed ^ (uint64_t)f.effect << 1) * 1099511628211u | 1;
	if (own->told == content)
		return;
	audit_critical(d, row, &f);
	if (to_console(d, &f) == 0)
		own->told = content;
}

static void drop_unseen(struct defender *d)
{
	struct host_checks *h = d->host_checks;

	for (uint32_t i = 0; i < h->own_count;) {
		struct own *own = &h->own[i];
		struct compliance_finding gone = {.id = own->id, .resource = borrow(own->resource),
			.host = borrow(d->config.host), .time = time_now()};
		if (own->look == h->look) {
			i++;
			continue;
		}
		to_console(d, &gone);
		free(own->id);
		*own = h->own[--h->own_count];
	}
}

static void look_at_host(struct defender *d)
{
	struct host_checks *h = d->host_checks;
	const struct defender_config *c = &d->config;
	bool docker = false;

	h->look++;
	for (uint32_t i = 0; i < c->engine_count || (i == c->engine_count && !docker); i++) {
		struct host_place place = {.root = ""};
		if (i < c->engine_count && c->engines[i].kind == RUNTIME_CONTAINERD)
			place.containerd = c->engines[i].socket;
		else if (i < c->engine_count)
			place.docker = c->engines[i].socket;
		if (i < c->engine_count) {
			place.words = (const char *)h->daemons[i].words.data;
			place.words_size = h->daemons[i].words.len;
		}
		docker |= place.docker != NULL;
		host_look(&place, found, d);
	}
	drop_unseen(d);
	h->counters.looks++;
}

/* --- how the daemons were started --- */

static bool is_dockerd(pid_t pid)
{
	struct proc_stat st;

	return pid > 0 && proc_stat_read(pid, &st) == 0 && strncmp(st.comm, "dockerd", sizeof(st.comm)) == 0;
}

static bool has_words(const struct buf *words, const char *text)
{
	return words->len && memmem(words->data, words->len, text, strlen(text));
}

/* systemd listens for the daemon: then it is the dockerd that was told to take its sockets. */
static pid_t find_activated(struct buf *words)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	pid_t found_pid = 0;
	uint64_t pid;

	for (unsigned n = 0; dir && !found_pid && n < PROCESSES_MAX && (e = readdir(dir)); n++) {
		if (parse_u64(e->d_name, 2, INT32_MAX, &pid) < 0 || !is_dockerd((pid_t)pid))
			continue;
		buf_reset(words);
		if (proc_cmdline((pid_t)pid, words) == 0 && has_words(words, "fd://"))
			found_pid = (pid_t)pid;
	}
	if (dir)
		closedir(dir);
	if (!found_pid)
		buf_reset(words);
	return found_pid;
}

static void read_daemon(struct daemon_seen *s, pid_t peer)
{
	buf_reset(&s->words);
	s->words.max = WORDS_MAX;
	s->pid = is_dockerd(peer) ? peer : 0;
	if (!s->pid && peer == 1)
		s->pid = find_activated(&s->words);
	else if (s->pid && proc_cmdline(s->pid, &s->words) < 0)
		buf_reset(&s->words);
}

static uint32_t split(const struct buf *words, char *items[WORDS_COUNT_MAX])
{
	uint32_t n = 0;

	for (size_t at = 0; at < words->len && n < WORDS_COUNT_MAX;) {
		items[n++] = (char *)words->data + at;
		at += strlen((char *)words->data + at) + 1; /* the buffer ends in a NUL */
	}
	return n;
}

static void tell_daemon(struct defender *d, uint32_t i)
{
	struct daemon_seen *s = &d->host_checks->daemons[i];
	CLEANUP(buf_done) struct buf config = BUF_INIT(CONFIG_MAX);
	const struct host_place place = {.root = "", .words = (char *)s->words.data, .words_size = s->words.len};
	char *items[WORDS_COUNT_MAX];

	if (!d->gate || !s->words.len || s->words.len >= WORDS_MAX) /* a cut line would be judged wrong */
		return;
	struct ipc_daemon body = {.socket = borrow(d->config.engines[i].socket), .pid = (uint32_t)s->pid,
		.config_path = borrow(host_config_path(&place))};
	body.words = (struct str_list){.items = items, .count = split(&s->words, items)};
	body.config_error = file_read(body.config_path, &config);
	if (body.config_error == 0)
		body.config = (struct blob){.data = config.data, .size = (uint32_t)config.len};
	uint64_t content = mix(mix(MIX_START, s->words.data, s->words.len), config.data, config.len);
	content = (content ^ (uint64_t)(uint32_t)body.config_error) * 1099511628211u | 1;
	if (s->told != content && ipc_send(d->gate, IPC_DAEMON, 0, &body) == 0)
		s->told = content;
}

void host_checks_engine(struct defender *d, const char *socket, int fd)
{
	struct host_checks *h = d->host_checks;
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return;
	for (uint32_t i = 0; i < d->config.engine_count; i++) {
		struct daemon_seen *s = &h->daemons[i];
		if (d->config.engines[i].kind != RUNTIME_DOCKER || strcmp(d->config.engines[i].socket, socket) != 0)
			continue;
		if (s->words.len && (s->pid == peer.pid || (peer.pid == 1 && is_dockerd(s->pid))))
			continue; /* known: the Gate opens many connections */
		read_daemon(s, peer.pid);
		h->next = 0;
	}
}

/* --- what happens around us --- */

void host_checks_gate(struct defender *d)
{
	for (uint32_t i = 0; i < ENGINES_MAX; i++)
		d->host_checks->daemons[i].told = 0;
	d->host_checks->next = 0;
}

void host_checks_console(struct defender *d)
{
	struct host_checks *h = d->host_checks;

	for (uint32_t i = 0; i < h->own_count; i++)
		h->own[i].told = 0;
	h->sweep = h->ask = true;
	h->next = 0;
}

void host_checks_policy(struct defender *d)
{
	d->host_checks->next = 0;
}

/* A connection, or -errno at once: an engine that hangs with a full queue must not hold us. */
static int connect_at_once(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t n = strlen(path);

	if (n >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, n);
	CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(fd);
}

/* A Gate that was here before us keeps its connections: then we look for ourselves who is behind them. */
static void find_daemon(struct defender *d, uint32_t i)
{
	if (d->config.engines[i].kind != RUNTIME_DOCKER || d->host_checks->daemons[i].words.len)
		return;
	CLEANUP(fd_close) int fd = connect_at_once(d->config.engines[i].socket);
	if (fd >= 0)
		host_checks_engine(d, d->config.engines[i].socket, fd);
}

/* What the Console has of us from before this look is gone. */
static void sweep(struct defender *d, uint64_t before)
{
	static const char *const resources[] = {"host", "file"};

	for (size_t i = 0; i < ARRAY_SIZE(resources); i++)
		to_console(d, &(struct compliance_finding){.id = borrow("*"), .resource = borrow(resources[i]),
				      .host = borrow(d->config.host), .time = before});
	d->host_checks->sweep = false;
}

void host_checks_tick(struct defender *d)
{
	struct host_checks *h = d->host_checks;
	uint64_t now = time_monotonic(), began = time_now();

	if (h->ask && d->gate && ipc_send(d->gate, IPC_FINDINGS_ASK, 0, &(struct ipc_seq){0}) == 0)
		h->ask = false;
	if (now < h->next)
		return;
	for (uint32_t i = 0; i < d->config.engine_count; i++) {
		find_daemon(d, i);
		tell_daemon(d, i);
	}
	h->next = now + PERIOD;
	look_at_host(d);
	if (h->sweep && defender_console(d))
		sweep(d, began);
}

struct host_checks_counters host_checks_counters(const struct defender *d)
{
	return d->host_checks->counters;
}

int host_checks_open(struct defender *d)
{
	d->host_checks = calloc(1, sizeof(*d->host_checks));
	return d->host_checks ? 0 : -ENOMEM;
}

void host_checks_close(struct defender *d)
{
	struct host_checks *h = d->host_checks;

	for (uint32_t i = 0; h && i < ENGINES_MAX; i++)
		buf_done(&h->daemons[i].words);
	for (uint32_t i = 0; h && i < h->own_count; i++)
		free(h->own[i].id);
	free(h);
	d->host_checks = NULL;
}
