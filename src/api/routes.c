/* SPDX-License-Identifier: Apache-2.0 */
/* Every request that the Console answers: the one place where a route is written down. */
#include "api/internal.h"

#define V1 "/api/v1"
#define SMALL 16384
#define POLICY_BODY (POLICY_TEXT_MAX + 65536) /* and the frame of a multipart body */
#define PAGE "limit cursor since until "

const struct http_route api_routes[] = {
	{HTTP_POST, V1 "/login", HTTP_PUBLIC, SMALL, api_login, NULL, "me", "Log in: answers with the user and sets the session cookie"},
	{HTTP_POST, V1 "/logout", HTTP_VIEWER, SMALL, api_logout, NULL, NULL, "End the session"},
	{HTTP_GET, V1 "/me", HTTP_VIEWER, 0, api_me, NULL, "me", "Who is asking"},
	{HTTP_POST, V1 "/password", HTTP_VIEWER, SMALL, api_set_password, NULL, NULL, "Change one's own password; ends all other sessions"},
	{HTTP_GET, V1 "/status", HTTP_VIEWER, 0, api_status, NULL, "status", "The state of the host"},
	{HTTP_GET, V1 "/containers", HTTP_VIEWER, 0, api_containers, PAGE "all", "container[]", "Containers; with all=1 those that are gone too"},
	{HTTP_GET, V1 "/containers/{id}", HTTP_VIEWER, 0, api_container, NULL, "container", "One container by id, prefix of the id or name"},
	{HTTP_GET, V1 "/containers/{id}/processes", HTTP_VIEWER, 0, api_processes, NULL, "process[]", "Its processes, live from the Defender"},
	{HTTP_GET, V1 "/containers/{id}/connections", HTTP_VIEWER, 0, api_connections, NULL, "connection[]", "Its connections, with the country of the other side"},
	{HTTP_GET, V1 "/radar", HTTP_VIEWER, 0, api_radar, NULL, "radar", "Nodes and edges of the Radar"},
	{HTTP_GET, V1 "/audits", HTTP_VIEWER, 0, api_audits, PAGE "kind container detection severity effect done incident user action verdict text", "audit[]", "Audits, newest first; user and action may begin or end with *"},
	{HTTP_GET, V1 "/audits/{id}", HTTP_VIEWER, 0, api_audit, NULL, "audit", "One audit"},
	{HTTP_GET, V1 "/incidents", HTTP_VIEWER, 0, api_incidents, PAGE "state container severity", "incident[]", "Incidents, newest first"},
	{HTTP_GET, V1 "/incidents/{id}", HTTP_VIEWER, 0, api_incident, NULL, "incident", "One incident with its audits in items"},
	{HTTP_POST, V1 "/incidents/{id}/ack", HTTP_ADMIN, SMALL, api_incident_ack, NULL, "incident", "Mark an incident as seen to"},
	{HTTP_GET, V1 "/forensics/{container}", HTTP_VIEWER, 0, api_forensics, PAGE, "event[]", "What the flight recorder has of a container, oldest first"},
	{HTTP_GET, V1 "/compliance", HTTP_VIEWER, 0, api_compliance, PAGE "check resource passed severity effect container", "compliance_finding[]", "Compliance findings, the newest first; passed=true, false or ignored"},
	{HTTP_GET, V1 "/compliance/summary", HTTP_VIEWER, 0, api_compliance_summary, NULL, "compliance_summary", "How many checks pass"},
	{HTTP_GET, V1 "/policy", HTTP_VIEWER, 0, api_policy_get, NULL, "policy", "The policy in force"},
	{HTTP_PUT, V1 "/policy", HTTP_ADMIN, POLICY_BODY, api_policy_put, "note", "policy", "Replace the policy (YAML or JSON; multipart for several files)"},
	{HTTP_POST, V1 "/policy/check", HTTP_VIEWER, POLICY_BODY, api_policy_check, NULL, "policy_check", "Check a policy; nothing is changed"},
	{HTTP_POST, V1 "/policy/diff", HTTP_VIEWER, POLICY_BODY, api_policy_diff, NULL, "policy_diff", "Unified diff of the present policy and the given one"},
	{HTTP_POST, V1 "/policy/edit", HTTP_VIEWER, POLICY_BODY, api_policy_edit, NULL, "policy_text", "A policy text with one key of one rule changed; nothing is stored"},
	{HTTP_GET, V1 "/policy/history", HTTP_VIEWER, 0, api_policy_history, NULL, "policy_revision[]", "Revisions, newest first"},
	{HTTP_GET, V1 "/policy/revisions/{n}", HTTP_VIEWER, 0, api_policy_revision, NULL, "policy", "One revision"},
	{HTTP_POST, V1 "/policy/rollback", HTTP_ADMIN, SMALL, api_policy_rollback, NULL, "policy", "A new revision with an old one's text"},
	{HTTP_GET, V1 "/stream", HTTP_VIEWER, 0, api_stream, "topics after", NULL, "Server-sent events"},
	{HTTP_GET, V1 "/openapi.json", HTTP_PUBLIC, 0, api_get_openapi, NULL, NULL, "This description"},
	{HTTP_GET, "/metrics", HTTP_VIEWER, 0, api_metrics, NULL, NULL, "Prometheus text"},
	{HTTP_GET, "/healthz", HTTP_PUBLIC, 0, api_healthz, NULL, NULL, "The Console runs"},
	{HTTP_GET, "/readyz", HTTP_PUBLIC, 0, api_readyz, NULL, NULL, "200 when enforcement is on, else 503"},
};
const size_t api_route_count = ARRAY_SIZE(api_routes);
