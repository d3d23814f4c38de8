/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands: what there is to say and what is said about it. */
#include "base/cleanup.h"
#include "ctl/command.h"

const struct option_row common_options[] = {
	{"json", NULL, "JSON Lines on standard output, one object a line"},
	{"help", NULL, "what the command does and takes"},
};
const size_t common_option_count = ARRAY_SIZE(common_options);

#define SINCE                                                                                      \
	{                                                                                          \
		"since", "TIME", "from this time on: RFC 3339, or a span before now such as 5m"    \
	}
#define UNTIL                                                                                      \
	{                                                                                          \
		"until", "TIME", "up to this time"                                                 \
	}

/* clang-format off */
const struct command commands[] = {
	{"up", "", "protect this host: start Console, Defender and Gate",
		"Starts a private Docker engine when the host has no container engine. In the foreground, prints "
		"one line per audit and takes everything down at Ctrl-C. Returns or says so only when enforcement is on.",
		0, 0, cmd_up, {{"detach", NULL, "return when enforcement is on; 'seawall down' stops it"}}},
	{"down", "", "stop what 'seawall up' started and take out all that it put in the host's way", NULL,
		0, 0, cmd_down},
	{"status", "", "is enforcement on, and what is weakened or missing", NULL, 0, 0, cmd_status},
	{"containers", "", "the containers of this host", NULL, 0, 0, cmd_containers,
		{{"all", NULL, "stopped and removed ones too"}}},
	{"radar", "", "who talks to whom: nodes and edges", NULL, 0, 0, cmd_radar},
	{"audits", "", "what Seawall found and did, oldest first", NULL, 0, 0, cmd_audits,
		{{"follow", NULL, "go on with new ones as they come"}, SINCE, UNTIL,
		{"kind", "KIND", "runtime, access, trust, vulnerability, compliance, admission, admin or system"},
		{"container", "CONTAINER", "id, start of an id, or name"},
		{"detection", "ID", "such as crypto_miner"},
		{"severity", "LEVEL", "low, medium, high or critical"},
		{"effect", "EFFECT", "alert, prevent or block"},
		{"incident", "ID", "audits of one incident"},
		{"limit", "N", "the last N (100 without --since; 0 = all)"}}},
	{"incidents", "", "attacks: audits that belong together", NULL, 0, 0, cmd_incidents,
		{{"follow", NULL, "go on with new ones as they come"},
		{"state", "STATE", "open or acknowledged"},
		{"limit", "N", "the last N (100; 0 = all)"}}},
	{"incidents show", "ID", "one incident with its audits", NULL, 1, 1, cmd_incidents_show},
	{"incidents ack", "ID", "mark an incident as seen", NULL, 1, 1, cmd_incidents_ack},
	{"compliance", "", "the checks of host, engine, files, images and containers: what fails, why, how to mend it",
		"Numbers are those of the CIS Docker Benchmark 1.6.0. Exit status 1 when something fails that a rule blocks.",
		0, 0, cmd_compliance,
		{{"failed", NULL, "only what fails"},
		{"container", "CONTAINER", "id, start of an id, or name"},
		{"resource", "RESOURCE", "host, daemon, file, image or container"},
		{"severity", "LEVEL", "low, medium, high or critical"}}},
	{"forensics", "CONTAINER", "what a container did, in order, also from before the alarm", NULL, 1, 1,
		cmd_forensics, {SINCE, UNTIL, {"limit", "N", "the first N (0 = all)"}}},
	{"policy get", "", "the policy in force", NULL, 0, 0, cmd_policy_get,
		{{"revision", "REV", "an older revision"}}},
	{"policy check", "FILE...", "are these files a good policy; needs no Console", NULL, 1, -1, cmd_policy_check},
	{"policy apply", "FILE...", "put these files in force together, or nothing when one has an error", NULL, 1, -1,
		cmd_policy_apply, {{"if-revision", "REV", "only when this is still the revision in force"}}},
	{"policy diff", "FILE", "what applying the file would change", NULL, 1, 1, cmd_policy_diff},
	{"policy history", "", "every revision: who, when, how much", NULL, 0, 0, cmd_policy_history},
	{"policy test", "FILE CASES", "does the policy say what the cases expect; needs no Console", NULL, 2, 2, cmd_policy_test},
	{"policy rollback", "REV", "put an older revision in force again", NULL, 1, 1, cmd_policy_rollback},
	{"drill", "NAME", "play an attack against a Seawall and engines of its own, and see it stopped",
		"Nothing mines, nothing spreads, and no outside address is spoken to. Exit status 0 when the gate that was on stopped it.",
		0, 1, cmd_drill,
		{{"gate", "GATE", "the only gate that is on: runtime (default), access, trust, vulnerability or none"},
		{"engine", "ENGINE", "docker"}, {"list", NULL, "the drills there are"}}},
	{"version", "", "the version of this program", NULL, 0, 0, cmd_version},
	{"help", "[COMMAND]", "this list, or one command's help", NULL, 0, 2, cmd_help,
		{{"man", NULL, "the manual page, for man(1)"}, {"completion", NULL, "completion for bash"}}},
};
/* clang-format on */
const size_t command_count = ARRAY_SIZE(commands);
