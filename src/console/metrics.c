/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus text, from the one table of metrics. */
#include "console/console.h"

#include <sys/resource.h>

struct metric {
	const char *name;
	const char *type; /* "counter" or "gauge" */
	const char *help;
	double (*value)(struct console *c);
};

#define VALUE(name_, expression_)                                                                  \
	static double name_(struct console *c)                                                     \
	{                                                                                          \
		return (double)(expression_);                                                      \
	}

VALUE(defender_up, link_is_up(c->link))
VALUE(enforcing, c->shown.ready)
VALUE(containers, radar_counters(c->radar).containers)
VALUE(edges, radar_counters(c->radar).edges)
VALUE(radar_refused, radar_counters(c->radar).refused)
VALUE(audits_received, c->counters.audits)
VALUE(edges_received, c->counters.edges)
VALUE(containers_received, c->counters.containers)
VALUE(findings_received, c->counters.findings)
VALUE(findings_stored, store_findings_count(c->store))
VALUE(audits_stored, store_audits_count(c->store))
VALUE(incidents_open, store_incidents_open(c->store))
VALUE(commits, c->counters.commits)
VALUE(commit_failures, c->counters.commit_failures)
VALUE(store_bytes, store_size(c->store))
VALUE(policy_revision, api_policy(c->api) ? api_policy(c->api)->revision : 0)
VALUE(policy_enforced, c->shown.policy_revision)
VALUE(http_requests, http_server_counters(c->http).requests)
VALUE(http_refused, http_server_counters(c->http).refused)
VALUE(http_errors, http_server_counters(c->http).errors)
VALUE(http_connections, http_server_counters(c->http).connections)
VALUE(stream_clients, sse_clients(c->stream))
VALUE(stream_resets, sse_resets(c->stream))
VALUE(events_seen, c->shown.events.seen)
VALUE(dropped_security, c->shown.events.dropped_security)
VALUE(dropped_bulk, c->shown.events.dropped_bulk)
VALUE(blind_seconds, (double)c->shown.events.blind_ms / 1000)
VALUE(defender_rss, c->shown.defender.rss)
VALUE(defender_cpu, (double)c->shown.defender.cpu_ns / 1e9)

/* The process sees no /proc, but the kernel remembers its peak. */
static double console_rss_peak(struct console *c)
{
	struct rusage u = {0};

	(void)c;
	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_maxrss * 1024;
}

static const struct metric metrics[] = {
	{"seawall_defender_up", "gauge", "1 while the Defender is connected", defender_up},
	{"seawall_enforcing", "gauge", "1 while enforcement is on", enforcing},
	{"seawall_radar_containers", "gauge", "Containers on the Radar", containers},
	{"seawall_radar_edges", "gauge", "Connections on the Radar", edges},
	{"seawall_radar_refused_total", "counter", "Containers and connections over a cap of the Radar", radar_refused},
	{"seawall_audits_received_total", "counter", "Audits received from the Defender, repeats too", audits_received},
	{"seawall_connections_received_total", "counter", "Connection records received", edges_received},
	{"seawall_containers_received_total", "counter", "Container records received", containers_received},
	{"seawall_findings_received_total", "counter", "Compliance findings received", findings_received},
	{"seawall_findings", "gauge", "Compliance findings in the database", findings_stored},
	{"seawall_audits", "gauge", "Audits in the database", audits_stored},
	{"seawall_incidents_open", "gauge", "Open incidents", incidents_open},
	{"seawall_store_commits_total", "counter", "Batches written", commits},
	{"seawall_store_failures_total", "counter", "Writes that failed", commit_failures},
	{"seawall_store_bytes", "gauge", "Size of the database", store_bytes},
	{"seawall_policy_revision", "gauge", "Newest revision of the policy", policy_revision},
	{"seawall_policy_revision_enforced", "gauge", "Revision that the Defender enforces", policy_enforced},
	{"seawall_http_requests_total", "counter", "HTTP requests", http_requests},
	{"seawall_http_refused_total", "counter", "HTTP requests answered with 4xx", http_refused},
	{"seawall_http_errors_total", "counter", "HTTP requests answered with 5xx", http_errors},
	{"seawall_http_connections", "gauge", "Open HTTP connections", http_connections},
	{"seawall_stream_clients", "gauge", "Open event streams", stream_clients},
	{"seawall_stream_resets_total", "counter", "Streams told to start anew because they were too far behind", stream_resets},
	{"seawall_events_seen_total", "counter", "Kernel events that the Defender saw", events_seen},
	{"seawall_events_dropped_security_total", "counter", "Security events lost", dropped_security},
	{"seawall_events_dropped_bulk_total", "counter", "Bulk events lost", dropped_bulk},
	{"seawall_blind_seconds_total", "counter", "Time without sight of security events", blind_seconds},
	{"seawall_defender_rss_bytes", "gauge", "Memory of the Defender", defender_rss},
	{"seawall_defender_cpu_seconds_total", "counter", "Processor time of the Defender", defender_cpu},
	{"seawall_console_rss_peak_bytes", "gauge", "Most memory that the Console has had", console_rss_peak},
};

void console_metrics(void *ctx, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
		const struct metric *m = &metrics[i];
		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.17g\n", m->name, m->help, m->name, m->type, m->name,
			m->value(ctx));
	}
}
