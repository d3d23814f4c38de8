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
#define USER {"user", "USER", "who gave the command, 'local socket' for nobody in particular; ali* and *ice fit too"}
#define ACTION {"action", "ACTION", "such as container_create or container_exec_*"}
#define VERDICT {"verdict", "VERDICT", "allow, alert or deny: what was said to the command"}
#define TEXT {"text", "TEXT", "part of the message or of a name: rule, image, container, group, parameter, ..."}

#define INSTALL_COMMON                                                                             \
	{"runtime", "ENGINE", "docker (the default), containerd, podman or crio"},                 \
	{"config", "PATH", "the engine's configuration, where it is not at its usual place"},      \
	{"engine-socket", "PATH", "of the engine, to reload it (/var/run/docker.sock)"},           \
	{"reload", NULL, "have dockerd read its configuration again, and wait until it did"},      \
	{"dry-run", NULL, "say what would be changed, and change nothing"}

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
		{"effect", "EFFECT", "asked for by the rule: alert, prevent or block"},
		{"done", "DONE", "what came of it: alert, prevent, block, weakened or failed"},
		USER, ACTION, VERDICT, TEXT,
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
	{"access check", "", "would a command to the engine be allowed, and by which rule",
		"Without --policy the policy in force is asked. Exit status 0: allowed, 1: denied, also because the gates "
		"cannot read it for sure; 2: there is no --body, and the action is judged by it.", 0, 0, cmd_access_check,
		{{"user", "USER", "who gives the command"}, {"group", "GROUP", "a group of the user"},
		{"action", "ACTION", "container_create, or a request as 'POST /v1.41/containers/create?name=web'"},
		{"target", "NAME", "the container, image, ... of the action"}, {"body", "FILE", "the request's body, JSON; - is standard input"},
		{"policy", "FILE", "a policy file instead of the policy in force"}}},
	{"access log", "", "commands that were given to the engine, oldest first", NULL, 0, 0, cmd_access_log,
		{{"follow", NULL, "go on with new ones as they come"}, SINCE, UNTIL, USER, ACTION, VERDICT, TEXT,
		{"container", "CONTAINER", "id, start of an id, or name"},
		{"limit", "N", "the last N (100 without --since; 0 = all)"}}},
	{"trust groups", "", "the groups of trusted images: names, digests, base layers, keys", NULL, 0, 0, cmd_trust_groups,
		{{"policy", "FILE", "of this file; else of the policy in force"}}},
	{"trust check", "IMAGE", "would this image be let in, and why",
		"Asks the engine of DOCKER_HOST for the image, else its registry; and the registry for signatures. Exit status 1 when the "
		"image is not trusted.",
		1, 1, cmd_trust_check,
		{{"policy", "FILE", "by this file; else by the policy in force"},
		{"layout", "DIR", "the image and its signatures are in this OCI layout"},
		{"namespace", "NAMESPACE", "as if it was to run there"}}},
	{"trust sign", "IMAGE|LAYOUT", "sign an image in its registry, or in an OCI layout (DIR, DIR:TAG)",
		"Writes what cosign writes with a key pair. The image must be where the signature goes. SEAWALL_REGISTRY_USER and "
		"SEAWALL_REGISTRY_PASSWORD are for registries that want them.",
		1, 1, cmd_trust_sign,
		{{"key", "FILE", "private key: PEM, not encrypted"}, {"layout", "DIR", "the image is in this OCI layout"}}},
	{"trust import", "LAYOUT", "keep the signatures of an OCI layout on this host, for images whose registry has none", NULL, 1, 1,
		cmd_trust_import},
	{"drill", "NAME", "play an attack against a Seawall and engines of its own, and see it stopped",
		"Nothing mines, nothing spreads, and no outside address is spoken to. Exit status 0 when the gate that was on stopped it.",
		0, 1, cmd_drill,
		{{"gate", "GATE", "the only gate that is on: runtime (default), access, trust, vulnerability or none"},
		{"engine", "ENGINE", "docker"}, {"list", NULL, "the drills there are"}}},
	{"user cert", "NAME", "make a client certificate for the proxy in front of the engine",
		"Writes ca.pem, cert.pem and key.pem into DIR, as DOCKER_CERT_PATH wants them; files that are there stay. The "
		"first time, also makes the authority and the proxy's own certificate, in the state directory under pki.",
		1, 1, cmd_user_cert,
		{{"groups", "A,B", "groups that the user belongs to, as rules of access name them"},
		{"days", "N", "how long the certificate is good (365)"},
		{"host", "A,B", "names and addresses under which clients reach the proxy, besides this host's own"},
		{"out", "DIR", "where to write; also -o DIR"}}},
	{"user revoke", "NAME", "take back the certificates of a user: the proxy lets them in no more",
		"A proxy that runs takes it within two seconds and ends the user's connections. Certificates that are made for the name "
		"afterwards are good. Exit status 1 when there was nothing to take back.",
		1, 1, cmd_user_revoke, {{"cert", "FILE", "only this certificate, or one from before its making was noted"}}},
	{"install shim", "", "have Seawall asked before a container is created",
		"Puts a small program before the engine's own OCI runtime, and tells the engine of it. What is changed is kept and "
		"restored byte for byte by 'seawall uninstall shim'. Without Seawall, containers go on and start. CRI-O takes the last "
		"table of a runtime whole: what its configuration has for crun and runc is carried over into our file. Install again when "
		"that changes.",
		0, 0, cmd_install_shim,
		{INSTALL_COMMON,
		{"default", NULL, "Docker: for every container, not only with --runtime seawall"},
		{"fail", "MODE", "without an answer: open (start, the default) or closed (refuse)"},
		{"deadline", "SPAN", "how long to wait for the answer (250ms)"},
		{"dir", "DIR", "where the program goes (/usr/local/lib/seawall-shim)"},
		{"program", "PATH", "the real runtime, where it cannot be told from the engine's configuration"}}},
	{"install authz", "", "have Docker ask Seawall about every command",
		"An authorization plugin of Docker. While Seawall is away, Docker denies every command.",
		0, 0, cmd_install_authz,
		{INSTALL_COMMON, {"plugin-dir", "DIR", "where Docker looks for plugins (/etc/docker/plugins)"}}},
	{"install webhook", "", "have the API server of Kubernetes ask Seawall about pods and who gets into them",
		"Makes the webhook's certificate when it is missing, and prints the manifest: a ValidatingWebhookConfiguration, and the Service "
		"and Endpoints that lead to this host. Needs no cluster; with --apply, kubectl applies it. Seawall answers when it was started "
		"with SEAWALL_WEBHOOK=HOST:PORT.",
		0, 0, cmd_install_webhook,
		{{"address", "HOST:PORT", "where the API server reaches this host ($SEAWALL_WEBHOOK)"},
		{"host", "A,B", "more names and addresses for the certificate"},
		{"fail", "MODE", "without an answer: open (let pass, the default) or closed (refuse)"},
		{"exempt", "A,B", "namespaces that are not asked about, beside kube-system, kube-node-lease and seawall"},
		{"out", "FILE", "write the manifest there; also -o FILE"},
		{"apply", NULL, "have kubectl apply it (KUBECONFIG)"},
		{"dry-run", NULL, "print the manifest, and change nothing"}}},
	{"uninstall webhook", "", "undo 'install webhook'",
		"Prints how, or with --apply has kubectl delete the configuration first and then what it led to. The certificate stays.",
		0, 0, cmd_uninstall_webhook,
		{{"apply", NULL, "have kubectl do it (KUBECONFIG)"}, {"out", "FILE", "the manifest that was written is removed too; also -o FILE"},
		{"dry-run", NULL, "say what would be done, and do nothing"}}},
	{"uninstall shim", "", "undo 'install shim'",
		"Restores the engine's configuration byte for byte, unless somebody changed it since: then only what is ours is taken "
		"out. The program goes when no container that runs was started through it.",
		0, 0, cmd_uninstall_shim,
		{INSTALL_COMMON,
		{"dir", "DIR", "where the program is"},
		{"data-root", "DIR", "where Docker keeps its containers, to see which of them name our runtime"}}},
	{"uninstall authz", "", "undo 'install authz'", NULL, 0, 0, cmd_uninstall_authz,
		{INSTALL_COMMON, {"plugin-dir", "DIR", "where Docker looks for plugins"}}},
	{"version", "", "the version of this program", NULL, 0, 0, cmd_version},
	{"help", "[COMMAND]", "this list, or one command's help", NULL, 0, 2, cmd_help,
		{{"man", NULL, "the manual page, for man(1)"}, {"completion", NULL, "completion for bash"}}},
};
/* clang-format on */
const size_t command_count = ARRAY_SIZE(commands);
