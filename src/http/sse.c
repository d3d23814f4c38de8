/* SPDX-License-Identifier: Apache-2.0 */
/* Server-sent events over one shared ring: see sse.h. */
#include "http/sse.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "http/internal.h"

#define CLIENTS_MAX 3000
#define PING_MS 15000
#define BLOCK_SIZE 16384

struct sse_event {
	unsigned refs;
	unsigned topic;
	size_t size;
	char text[];
};

struct sse_client {
	struct sse *hub;
	struct http_server *server;
	struct MHD_Connection *connection;
	unsigned topics; /* bit set */
	uint64_t next;   /* number of the event it wants next */
	struct sse_event *current;
	size_t offset;
	bool suspended, ping, reset;
	struct sse_client *after, **link;
};

struct sse {
	struct sse_config config;
	struct sse_event **ring; /* slot = number % ring_events */
	uint64_t first, last;    /* numbers kept: first..last; first > last = none */
	size_t bytes;
	struct sse_event *reset;
	struct sse_client *clients;
	unsigned client_count;
	uint64_t resets;
	struct loop_source *timer;
	bool closing;
};

static struct sse_event *event_new(unsigned topic, const char *head, const char *event, const char *data, size_t size)
{
	size_t room = strlen(head) + strlen(event) + size + sizeof("event: \ndata: \n\n");
	struct sse_event *e = malloc(sizeof(*e) + room);

	if (!e)
		return NULL;
	e->refs = 1;
	e->topic = topic;
	e->size = (size_t)snprintf(e->text, room, "%sevent: %s\ndata: %.*s\n\n", head, event, (int)size, data);
	return e;
}

static void event_unref(struct sse_event *e)
{
	if (e && --e->refs == 0)
		free(e);
}

static void ring_drop_oldest(struct sse *s)
{
	struct sse_event **slot = &s->ring[s->first % s->config.ring_events];

	s->bytes -= (*slot)->size;
	event_unref(*slot);
	*slot = NULL;
	s->first++;
}

static void client_wake(struct sse_client *c)
{
	if (!c->suspended)
		return;
	c->suspended = false;
	http_resume(c->server, c->connection);
}

static int on_ping(void *ctx)
{
	struct sse *s = ctx;

	for (struct sse_client *c = s->clients; c; c = c->after) {
		c->ping = true;
		client_wake(c);
	}
	return 0;
}

int sse_new(struct sse **ret, const struct sse_config *config)
{
	CLEANUP(sse_free) struct sse *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->config = *config;
	if (!s->config.ring_events)
		s->config.ring_events = 8192;
	if (!s->config.ring_bytes)
		s->config.ring_bytes = 32u << 20;
	s->last = time_now() / 1000;
	s->first = s->last + 1;
	s->ring = calloc(s->config.ring_events, sizeof(struct sse_event *));
	s->reset = event_new(0, "", config->reset_event, config->reset_data, strlen(config->reset_data));
	if (!s->ring || !s->reset)
		return -ENOMEM;
	int r = loop_add_timer(config->loop, &s->timer, PING_MS, PING_MS, on_ping, s);
	if (r < 0)
		return r;
	*ret = take_ptr(s);
	return 0;
}

static void release(struct sse *s)
{
	if (!s->closing || s->clients)
		return;
	free(s->ring);
	event_unref(s->reset);
	free(s);
}

struct sse *sse_free(struct sse *s)
{
	if (!s)
		return NULL;
	loop_source_free(s->timer);
	while (s->ring && s->first <= s->last)
		ring_drop_oldest(s);
	s->closing = true;
	for (struct sse_client *c = s->clients; c; c = c->after)
		client_wake(c);
	release(s); /* or with the last client */
	return NULL;
}

void sse_publish(struct sse *s, unsigned topic, const char *event, const char *data, size_t size)
{
	char head[40];

	snprintf(head, sizeof(head), "id: %llu\n", (unsigned long long)(s->last + 1));
	struct sse_event *e = event_new(topic, head, event, data, size);
	if (!e) {
		for (struct sse_client *c = s->clients; c; c = c->after)
			c->reset = true;
		return;
	}
	while (s->first <= s->last && (s->last - s->first + 1 >= s->config.ring_events || s->bytes + e->size > s->config.ring_bytes))
		ring_drop_oldest(s);
	s->last++;
	s->ring[s->last % s->config.ring_events] = e;
	s->bytes += e->size;
	for (struct sse_client *c = s->clients; c; c = c->after)
		if (c->topics & (1u << topic))
			client_wake(c);
}

/* Moves c->current to the next thing to send; false when there is nothing. */
static bool client_advance(struct sse_client *c)
{
	struct sse *s = c->hub;

	if (c->next < s->first && c->next <= s->last)
		c->reset = true;
	if (c->reset) {
		c->reset = false;
		c->next = s->last + 1;
		c->current = s->reset;
		c->current->refs++;
		s->resets++;
		return true;
	}
	while (c->next <= s->last) {
		struct sse_event *e = s->ring[c->next++ % s->config.ring_events];
		if (!(c->topics & (1u << e->topic)))
			continue;
		c->current = e;
		e->refs++;
		return true;
	}
	return false;
}

static ssize_t on_read(void *ctx, uint64_t pos, char *out, size_t max)
{
	static const char ping[] = "retry: 1000\n: seawall\n\n";
	struct sse_client *c = ctx;
	size_t n = 0;

	(void)pos;
	if (c->hub->closing)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (c->ping && !c->current && max > sizeof(ping)) {
		c->ping = false;
		memcpy(out, ping, sizeof(ping) - 1);
		n = sizeof(ping) - 1;
	}
	while (n < max && (c->current || client_advance(c))) {
		size_t part = c->current->size - c->offset;
		if (part > max - n)
			part = max - n;
		memcpy(out + n, c->current->text + c->offset, part);
		n += part;
		c->offset += part;
		if (c->offset == c->current->size) {
			event_unref(c->current);
			c->current = NULL;
			c->offset = 0;
		}
	}
	if (n == 0) {
		c->suspended = true;
		MHD_suspend_connection(c->connection);
	}
	return (ssize_t)n;
}

static void on_free(void *ctx)
{
	struct sse_client *c = ctx;
	struct sse *s = c->hub;

	*c->link = c->after;
	if (c->after)
		c->after->link = c->link;
	s->client_count--;
	event_unref(c->current);
	free(c);
	release(s);
}

/* 0 and the bit set, or -EINVAL for a name that is none. */
static int parse_topics(const struct sse *s, const char *list, unsigned *ret)
{
	unsigned topics = 0;

	while (list && *list) {
		size_t n = strcspn(list, ",");
		unsigned i = 0;
		while (i < s->config.topic_count &&
			(strlen(s->config.topics[i]) != n || strncmp(s->config.topics[i], list, n) != 0))
			i++;
		if (i == s->config.topic_count)
			return -EINVAL;
		topics |= 1u << i;
		list += n + (list[n] == ',');
	}
	*ret = topics ? topics : ~0u;
	return 0;
}

static void client_position(struct sse_client *c, const char *id)
{
	struct sse *s = c->hub;
	uint64_t seen;

	c->next = s->last + 1;
	if (!id || !*id)
		return;
	if (parse_u64(id, 0, UINT64_MAX - 1, &seen) < 0 || seen + 1 < s->first || seen > s->last)
		c->reset = true;
	else
		c->next = seen + 1;
}

void sse_attach(struct sse *s, struct http_request *q)
{
	const char *id = http_header(q, "Last-Event-ID");
	unsigned topics = 0;

	if (parse_topics(s, http_query(q, "topics"), &topics) < 0) {
		http_problem(q, MHD_HTTP_BAD_REQUEST, NULL, "unknown topic in '%s'", http_query(q, "topics"));
		return;
	}
	struct sse_client *c = s->client_count < CLIENTS_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		http_problem(q, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, "too many streams are open");
		return;
	}
	c->hub = s;
	c->server = q->server;
	c->connection = q->connection;
	c->topics = topics;
	c->ping = true; /* the first bytes tell the client that it is connected */
	c->after = s->clients;
	c->link = &s->clients;
	if (c->after)
		c->after->link = &c->after;
	s->clients = c;
	s->client_count++;
	client_position(c, id ? id : http_query(q, "after"));
	struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, on_read, c, on_free);
	if (!r) {
		on_free(c);
		http_problem(q, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, "out of memory");
		return;
	}
	MHD_add_response_header(r, "Content-Type", "text/event-stream");
	MHD_add_response_header(r, "X-Accel-Buffering", "no");
	http_answer(q, MHD_HTTP_OK, r);
}

uint64_t sse_seq(const struct sse *s)
{
	return s->last;
}

unsigned sse_clients(const struct sse *s)
{
	return s->client_count;
}

uint64_t sse_resets(const struct sse *s)
{
	return s->resets;
}
