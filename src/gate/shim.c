/* SPDX-License-Identifier: Apache-2.0 */
/* One connection, one question: see shim.h. */
#include "gate/shim.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "gate/judge.h"
#include "gate/shim_budget.h"
#include "ipc/shim_wire.h"
#include "oci/config.h"

/* For the packet, of who connects and says nothing: on a busy host a shim may come to it late, and the
 * time that it has is its own to measure. One that dies hangs up. */
#define SEND_WAIT_MS SHIM_DEADLINE_MAX_MS
#define FDS_MAX 2

enum state { SHIM_LISTENS, SHIM_NAMELESS, SHIM_JUDGED, SHIM_ASKED };

struct question {
	struct shim_door *door;
	struct loop_source *source, *timer;
	int fd;
	enum state state;
	uint64_t seq; /* of IPC_ADMIT */
	struct shim_budget budget;
	enum runtime_kind engine;
	struct creation creation;
	char *bundle;
	struct judge_job *job;
	struct question *next, **link;
};

struct shim_door {
	struct gate *gate;
	struct loop_source *source;
	int fd;
	struct question *questions;
	unsigned count;
	uint64_t seq;
};

static void question_free(struct question *q)
{
	*q->link = q->next;
	if (q->next)
		q->next->link = q->link;
	q->door->count--;
	loop_source_free(q->source);
	loop_source_free(q->timer);
	fd_close(q->fd);
	judge_cancel(q->job);
	creation_done(&q->creation);
	free(q->bundle);
	free(q);
}

static void answer(struct question *q, enum shim_answer what, const char *text)
{
	struct shim_reply reply = {.magic = SHIM_MAGIC, .answer = what};

	snprintf(reply.text, sizeof(reply.text), "%s", text);
	if (send(q->fd, &reply, sizeof(reply), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("a shim did not wait for its answer");
	question_free(q);
}

static void give_up(struct question *q, const char *why)
{
	log_warn(0, "container %.12s: %s; the shim's own rule decides", q->creation.id ? q->creation.id : "?", why);
	question_free(q);
}

static void wait_until(struct question *q, uint64_t when)
{
	loop_timer_set(q->timer, shim_budget_ms(when, time_monotonic()), 0);
}

/* ---- the Defender's word ---- */

/* What the engine said of it, or what its configuration says where no engine told anything. */
static void fill_container(const struct question *q, struct container *c)
{
	const struct container *known = gate_container(q->door->gate, q->creation.id);
	const struct creation *n = &q->creation;

	if (known)
		*c = *known;
	c->id = n->id;
	c->runtime = known ? known->runtime : q->engine;
	c->name = c->name ? c->name : n->name;
	c->image = c->image ? c->image : n->image;
	c->digest = c->digest ? c->digest : n->digest;
	c->pod = c->pod ? c->pod : n->pod;
	c->namespace_ = c->namespace_ ? c->namespace_ : n->namespace_;
	if (!c->labels.count)
		c->labels = n->labels;
	c->privileged = c->privileged || n->privileged == FACT_YES;
	if (!known || c->state != CONTAINER_RUNNING)
		c->state = CONTAINER_CREATED;
	c->created = c->created ? c->created : time_now();
}

static void admit(struct question *q)
{
	struct ipc_peer *peer = gate_defender(q->door->gate);
	struct ipc_admission a = {.bundle = q->bundle}; /* borrowed */

	fill_container(q, &a.container);
	q->seq = ++q->door->seq;
	if (!peer || !a.container.id || ipc_send(peer, IPC_ADMIT, q->seq, &a) < 0) {
		answer(q, SHIM_ALLOW, "");
		return;
	}
	ipc_flush(peer);
	q->state = SHIM_ASKED;
	wait_until(q, q->budget.answered);
}

void shim_door_admitted(struct shim_door *s, uint64_t seq, const struct ipc_result *r)
{
	for (struct question *q = s ? s->questions : NULL; q; q = q->next) {
		if (q->state != SHIM_ASKED || q->seq != seq)
			continue;
		if (r->error == -EPERM)
			answer(q, SHIM_REFUSE, r->message ? r->message : "[Seawall] container was blocked before");
		else
			answer(q, SHIM_ALLOW, "");
		return;
	}
}

void shim_door_lost(struct shim_door *s)
{
	struct question *q, *next;

	for (q = s ? s->questions : NULL; q; q = next) {
		next = q->next;
		if (q->state == SHIM_ASKED)
			answer(q, SHIM_ALLOW, "");
	}
}

/* ---- judging ---- */

static void on_judged(void *ctx, const struct judge_answer *a)
{
	struct question *q = ctx;

	q->job = NULL;
	if (a->refused)
		answer(q, SHIM_REFUSE, a->text);
	else
		admit(q);
}

static void judge(struct question *q)
{
	struct judge_question what = {.creation = &q->creation, .wait_ms = shim_budget_ms(q->budget.judged, time_monotonic())};
	struct judge_job *job = NULL;

	q->state = SHIM_JUDGED;
	wait_until(q, q->budget.answered);
	if (judge_start(&job, q->door->gate, &what, on_judged, q) < 0)
		give_up(q, "no memory");
	else if (job)
		q->job = job; /* else it was answered, and may be gone */
}

/* The engine's create event is on its way to us while the engine calls the shim: it may be the
 * shim that comes first. */
static void identify(struct question *q)
{
	bool known = false;
	int r = judge_identify(q->door->gate, &q->creation, &known);

	if (r < 0) {
		give_up(q, strerror(-r));
		return;
	}
	if (known || q->creation.sandbox) {
		judge(q);
		return;
	}
	if (q->state != SHIM_NAMELESS) {
		q->state = SHIM_NAMELESS;
		wait_until(q, q->budget.named);
	}
}

void shim_door_changed(struct shim_door *s)
{
	struct question *q, *next;

	for (q = s ? s->questions : NULL; q; q = next) {
		next = q->next;
		if (q->state == SHIM_NAMELESS)
			identify(q);
	}
}

static int on_timer(void *ctx)
{
	struct question *q = ctx;

	switch (q->state) {
	case SHIM_LISTENS:
		question_free(q);
		break;
	case SHIM_NAMELESS:
		/* Nobody says what image it is: rules about images cannot be asked. */
		if (judge_has_rules(q->door->gate))
			give_up(q, "no engine has said who it is");
		else
			judge(q);
		break;
	case SHIM_JUDGED:
		give_up(q, "it could not be judged in time");
		break;
	case SHIM_ASKED:
		answer(q, SHIM_ALLOW, "");
		break;
	}
	return 0;
}

/* ---- the packet ---- */

static int read_file(int fd, struct buf *out)
{
	struct stat st;

	/* Anything else could make us wait, or never end. */
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > (off_t)SHIM_CONFIG_MAX)
		return -EFBIG;
	return fd_read_all(fd, out);
}

static int read_creation(struct question *q, const struct shim_request *request, const int fds[FDS_MAX])
{
	CLEANUP(buf_done) struct buf config = BUF_INIT(SHIM_CONFIG_MAX + 1), podman = BUF_INIT(SHIM_CONFIG_MAX + 1);
	const struct oci_source from = {.engine = request->engine, .id = request->id, .bundle = request->bundle};
	char why[OCI_WHY_MAX] = "";

	if (fds[0] < 0)
		return -EBADMSG;
	int r = read_file(fds[0], &config);
	if (r == 0)
		r = oci_read_config(&q->creation, &from, config.len ? (const char *)config.data : "", config.len, why);
	if (r == 0)
		r = str_set(&q->creation.id, request->id);
	if (r == 0 && *request->bundle)
		r = str_set(&q->bundle, request->bundle);
	if (r == 0 && fds[1] >= 0 && read_file(fds[1], &podman) == 0 && podman.len)
		r = oci_read_podman(&q->creation, (const char *)podman.data, podman.len);
	if (r < 0 && *why)
		log_warn(r, "the configuration of container %.12s: %s", request->id, why);
	return r;
}

static bool request_ok(struct shim_request *q, ssize_t n)
{
	q->id[sizeof(q->id) - 1] = q->engine[sizeof(q->engine) - 1] = q->bundle[sizeof(q->bundle) - 1] = 0;
	if (n == (ssize_t)SHIM_REQUEST_OLD)
		q->until = 0;
	else if (n != (ssize_t)sizeof(*q))
		return false;
	return q->magic == SHIM_MAGIC && *q->id;
}

static void take_fds(struct msghdr *msg, int fds[FDS_MAX])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return;
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(c), (n < FDS_MAX ? n : FDS_MAX) * sizeof(int));
}

static int on_packet(void *ctx, int fd, uint32_t events)
{
	struct question *q = ctx;
	struct shim_request request;
	char control[CMSG_SPACE(FDS_MAX * sizeof(int))] = {0};
	struct iovec iov = {&request, sizeof(request)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	int fds[FDS_MAX] = {-1, -1};

	if (q->state != SHIM_LISTENS) { /* it went away, or says more than it may */
		question_free(q);
		return 0;
	}
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	take_fds(&msg, fds);
	int r = n > 0 && request_ok(&request, n) && !(msg.msg_flags & MSG_CTRUNC) ? read_creation(q, &request, fds)
										  : -EBADMSG;
	int kind = enum_from_name(&runtime_kind_names, r == 0 ? request.engine : "");
	for (int i = 0; i < FDS_MAX; i++)
		fd_close(fds[i]);
	if (r < 0) {
		give_up(q, "its question cannot be read");
		return 0;
	}
	shim_budget(&q->budget, time_monotonic(), request.until);
	q->engine = kind > 0 ? (enum runtime_kind)kind : RUNTIME_NONE;
	identify(q);
	return 0;
}

static int on_accept(void *ctx, int fd, uint32_t events)
{
	struct shim_door *s = ctx;
	struct ucred cred;
	socklen_t size = sizeof(cred);

	CLEANUP(fd_close) int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (conn < 0 || s->count >= GATE_QUESTIONS_MAX)
		return 0; /* closed without an answer */
	if (getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0 || cred.uid != s->gate->peer_uid)
		return 0;
	struct question *q = calloc(1, sizeof(*q));
	if (!q)
		return 0;
	*q = (struct question){.door = s, .fd = take_fd(conn), .next = s->questions, .link = &s->questions};
	if (q->next)
		q->next->link = &q->next;
	s->questions = q;
	s->count++;
	int r = loop_add_fd(s->gate->loop, &q->source, q->fd, EPOLLIN, on_packet, q);
	if (r == 0)
		r = loop_add_timer(s->gate->loop, &q->timer, SEND_WAIT_MS, 0, on_timer, q);
	if (r < 0)
		question_free(q);
	return 0;
}

struct shim_door *shim_door_close(struct shim_door *s)
{
	if (!s)
		return NULL;
	while (s->questions)
		question_free(s->questions);
	loop_source_free(s->source);
	fd_close(s->fd);
	free(s);
	return NULL;
}

int shim_door_open(struct shim_door **ret, struct gate *g, int listen_fd)
{
	struct shim_door *s = calloc(1, sizeof(*s));

	if (!s) {
		fd_close(listen_fd);
		return -ENOMEM;
	}
	*s = (struct shim_door){.gate = g, .fd = listen_fd};
	int r = loop_add_fd(g->loop, &s->source, listen_fd, EPOLLIN, on_accept, s);
	if (r < 0) {
		shim_door_close(s);
		return r;
	}
	*ret = s;
	return 0;
}
