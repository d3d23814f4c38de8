/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that ask registries. Each question has its deadline, so that a thread is never gone for
 * longer; of one registry that does not answer, only some of the threads wait.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "registry/registry.h"
#include "trust/remote.h"
#include "trust/store.h"

#define THREADS_MAX 32
#define WAITING_MAX 256
#define STACK_SIZE (512u << 10)

struct workers {
	struct worker_config config;
	struct loop_source *source;
	job_done_fn *done;
	void *ctx;
	int event;
	pthread_t threads[THREADS_MAX];
	unsigned thread_count;
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	/* below: under the lock */
	struct job *waiting, *finished;
	struct job *running[THREADS_MAX];
	unsigned waiting_count;
	bool end;
};

struct job *job_free(struct job *j)
{
	if (!j)
		return NULL;
	record_done(&record_registry_question, &j->question);
	registry_answer_done(&j->answer);
	free(j);
	return NULL;
}

/* ---- one question ---- */

static void conclude(struct job *j, int r, const char *why)
{
	j->answer.error = r;
	if (r == 0)
		return;
	if (!*why)
		why = r == -ENOENT ? "the registry has no such image" : r == -ETIMEDOUT ? "no answer in time" : strerror(-r);
	str_set(&j->answer.message, why);
}

static int ask_registry(struct job *j, struct source *s, const struct reference *ref, const struct worker_config *config)
{
	const struct registry_question *q = &j->question;
	char digest[DIGEST_SIZE] = "";
	int r = 0;

	if (q->digest || *ref->digest)
		snprintf(digest, sizeof(digest), "%s", q->digest ? q->digest : ref->digest);
	else
		r = source_manifests(s, ref->tag, digest, &j->answer.evidence);
	if (r == 0)
		r = str_set(&j->answer.digest, digest);
	if (r < 0 || q->digest_only)
		return r;
	/* Imported signatures take the place of the registry's. */
	r = store_read(config->store, digest, &j->answer.evidence);
	if ((r < 0 && r != -ENOMEM) || (r == 0 && j->answer.evidence.signatures.count == 0))
		r = source_evidence(s, digest, *ref->digest ? NULL : ref->tag, &j->answer.evidence);
	return r;
}

void job_run(struct job *j, const struct worker_config *config)
{
	CLEANUP(remote_free) struct remote *remote = NULL;
	struct remote_config rc = {.ca_file = config->ca_file, .insecure = config->insecure, .deadline = j->deadline};
	struct reference ref;
	struct diag diag = {0};
	int r = reference_parse(j->question.name ? j->question.name : "", &ref, &diag);

	if (r == 0 && j->question.digest && !digest_valid(j->question.digest))
		r = diag_msg(&diag, -EINVAL, "the digest is malformed");
	if (r == 0)
		r = remote_new(&remote, &ref, &rc);
	if (r < 0) {
		conclude(j, r, diag.message);
		return;
	}
	r = ask_registry(j, remote_source(remote), &ref, config);
	conclude(j, r, r == -ENOENT ? "" : remote_source(remote)->why);
}

/* ---- threads ---- */

/* How many threads one registry may take. */
static unsigned share(const struct workers *w)
{
	return w->thread_count / 2 ? w->thread_count / 2 : 1;
}

static bool may_run(const struct workers *w, const struct job *j)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->thread_count; i++)
		n += w->running[i] && strcmp(w->running[i]->registry, j->registry) == 0;
	return n < share(w);
}

static struct job *take(struct workers *w)
{
	for (struct job **link = &w->waiting; *link; link = &(*link)->next)
		if (may_run(w, *link)) {
			struct job *j = *link;
			*link = j->next;
			w->waiting_count--;
			return j;
		}
	return NULL;
}

static void *work(void *ctx)
{
	struct workers *w = ctx;
	uint64_t one = 1;
	unsigned me = 0;

	pthread_mutex_lock(&w->lock);
	while (!pthread_equal(w->threads[me], pthread_self()))
		me++;
	while (!w->end) {
		struct job *j = take(w);
		if (!j) {
			pthread_cond_wait(&w->wanted, &w->lock);
			continue;
		}
		w->running[me] = j;
		pthread_mutex_unlock(&w->lock);
		job_run(j, &w->config);
		pthread_mutex_lock(&w->lock);
		w->running[me] = NULL;
		j->next = w->finished;
		w->finished = j;
		/* One of its registry may have waited for us. */
		pthread_cond_broadcast(&w->wanted);
		if (write(w->event, &one, sizeof(one)) < 0)
			continue; /* full: readable already */
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static int on_finished(void *ctx, int fd, uint32_t events)
{
	struct workers *w = ctx;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return -errno;
	pthread_mutex_lock(&w->lock);
	struct job *list = take_ptr(w->finished);
	pthread_mutex_unlock(&w->lock);
	while (list) {
		struct job *j = list;
		list = j->next;
		w->done(w->ctx, j);
	}
	return 0;
}

static int start_threads(struct workers *w)
{
	pthread_attr_t attr;
	int r = -pthread_attr_init(&attr);

	if (r == 0)
		r = -pthread_attr_setstacksize(&attr, STACK_SIZE);
	/* A thread looks for itself in the table: it is not there before pthread_create returns. */
	pthread_mutex_lock(&w->lock);
	while (r == 0 && w->thread_count < w->config.threads && w->thread_count < THREADS_MAX) {
		r = -pthread_create(&w->threads[w->thread_count], &attr, work, w);
		w->thread_count += r == 0;
	}
	pthread_mutex_unlock(&w->lock);
	pthread_attr_destroy(&attr);
	return r;
}

int workers_new(struct workers **ret, struct loop *loop, const struct worker_config *config, job_done_fn *done, void *ctx)
{
	CLEANUP(workers_free) struct workers *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->config = *config;
	w->done = done;
	w->ctx = ctx;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wanted, NULL);
	w->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r = w->event < 0 ? -errno : loop_add_fd(loop, &w->source, w->event, EPOLLIN, on_finished, w);
	if (r == 0)
		r = start_threads(w);
	if (r < 0)
		return r;
	*ret = take_ptr(w);
	return 0;
}

static void free_list(struct job *j)
{
	while (j) {
		struct job *next = j->next;
		job_free(j);
		j = next;
	}
}

struct workers *workers_free(struct workers *w)
{
	if (!w)
		return NULL;
	pthread_mutex_lock(&w->lock);
	w->end = true;
	pthread_cond_broadcast(&w->wanted);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->thread_count; i++)
		pthread_join(w->threads[i], NULL);
	loop_source_free(w->source);
	if (w->event >= 0)
		fd_close(w->event);
	free_list(w->waiting);
	free_list(w->finished);
	pthread_cond_destroy(&w->wanted);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

int workers_submit(struct workers *w, struct job *j)
{
	int r = 0;

	j->next = NULL;
	pthread_mutex_lock(&w->lock);
	if (w->waiting_count >= WAITING_MAX) {
		r = -EBUSY;
	} else {
		struct job **link = &w->waiting;
		while (*link)
			link = &(*link)->next;
		*link = j;
		w->waiting_count++;
		pthread_cond_signal(&w->wanted);
	}
	pthread_mutex_unlock(&w->lock);
	return r;
}
