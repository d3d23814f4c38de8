/* SPDX-License-Identifier: Apache-2.0 */
/* `linux` of config.json: namespaces, devices, seccomp, sysctls, limits. */
#include "oci/reader.h"

#include <errno.h>
#include <string.h>

#include "base/parse.h"

static const struct {
	const char *type;
	unsigned bit;
	bool own; /* every engine gives a container one of its own: absent is the host's */
} namespaces[] = {
	{"network", HOST_NETWORK, true},
	{"pid", HOST_PID, true},
	{"ipc", HOST_IPC, true},
	{"uts", HOST_UTS, true},
	{"mount", HOST_MOUNT, true},
	{"user", HOST_USER, false},
	{"cgroup", HOST_CGROUP, false},
};

/* Devices that every container has: /dev/null and its like, terminals. minor -1: all. */
static const struct {
	int major, minor;
} plain_devices[] = {{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 1}, {5, 2}, {136, -1}};

/* By number, whatever name they are given in the container. */
static const struct {
	char type;
	int major, minor;
	const char *path;
} known_devices[] = {
	{'c', 1, 1, "/dev/mem"},
	{'c', 1, 2, "/dev/kmem"},
	{'c', 1, 4, "/dev/port"},
	{'c', 1, 11, "/dev/kmsg"},
	{'c', 10, 200, "/dev/net/tun"},
	{'c', 10, 229, "/dev/fuse"},
	{'c', 10, 232, "/dev/kvm"},
	{'c', 10, 237, "/dev/loop-control"},
};

/* The engines' own sysctls. */
static const char *const own_sysctls[] = {"net.ipv4.ip_unprivileged_port_start=0",
	"net.ipv4.ping_group_range=0 2147483647", "net.ipv4.ping_group_range=0 0"};

/* One namespace that is entered by path. */
static void read_joined(struct oci_reader *r, size_t i, const char *path)
{
	char text[64];
	unsigned pid = 0;
	char after = 0;
	const char *name = strrchr(path, '/');

	if (sscanf(path, "/proc/%u/ns%c", &pid, &after) == 2 && after == '/' && pid == 1)
		r->c->host_namespaces |= namespaces[i].bit;
	else if (str_has_prefix(path, "/proc/self/") || str_has_prefix(path, "/proc/thread-self/"))
		r->c->host_namespaces |= namespaces[i].bit; /* the runtime's own */
	else if (pid && after == '/') {
		snprintf(text, sizeof(text), "pid:%u", pid);
		if (!oci_contains(&r->c->joins, text))
			oci_add(r, &r->c->joins, text, "joins");
	} else if (name && strcmp(name, "/default") == 0 && str_has_suffix(path, "/netns/default"))
		r->c->host_namespaces |= namespaces[i].bit; /* how Docker calls the host's network */
	/* Else one that the engine made: /run/netns/cni-…, /run/docker/netns/…, /run/user/… */
}

static void read_namespaces(struct oci_reader *r, const struct json *linux_)
{
	bool there[ARRAY_SIZE(namespaces)] = {0};

	for (const struct json *j = oci_list(r, linux_, "namespaces"); j && !r->failed; j = json_next(j)) {
		const char *type = oci_text(r, j, "type"), *path = oci_text(r, j, "path");
		char clean[OCI_TEXT_MAX];
		for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
			if (strcmp(type, namespaces[i].type) != 0)
				continue;
			there[i] = true;
			snprintf(clean, sizeof(clean), "%s", path);
			if (*path)
				creation_path_clean(clean, clean);
			if (*path)
				read_joined(r, i, clean);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		if (!there[i] && namespaces[i].own)
			r->c->host_namespaces |= namespaces[i].bit;
}

static bool is_plain(const char *type, int64_t major, int64_t minor)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain_devices) && *type == 'c'; i++)
		if (plain_devices[i].major == major && (plain_devices[i].minor < 0 || plain_devices[i].minor == minor))
			return true;
	return false;
}

/* The numbers, and for those we know the path on the host. */
static const char *known_path(const char *type, int64_t major, int64_t minor)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_devices); i++)
		if (known_devices[i].type == *type && known_devices[i].major == major && known_devices[i].minor == minor)
			return known_devices[i].path;
	return NULL;
}

static void read_devices(struct oci_reader *r, const struct json *linux_)
{
	for (const struct json *j = oci_list(r, linux_, "devices"); j && !r->failed; j = json_next(j)) {
		const char *type = oci_text(r, j, "type"), *path = oci_text(r, j, "path");
		int64_t major = oci_number(r, j, "major", -1), minor = oci_number(r, j, "minor", -1);
		const char *known = known_path(type, major, minor);
		/* Of all devices each single one says nothing more. */
		if (is_plain(type, major, minor) ||
			(r->all_devices && r->c->devices.count >= CREATION_LIST_MAX))
			continue;
		oci_add(r, &r->c->devices, known ? known : path, "devices");
	}
}

/* A rule that comes with a device of the list says nothing of its own. */
static bool has_device(struct oci_reader *r, const struct json *linux_, int64_t major, int64_t minor)
{
	for (const struct json *j = oci_list(r, linux_, "devices"); j && !r->failed; j = json_next(j))
		if (oci_number(r, j, "major", -1) == major && oci_number(r, j, "minor", -1) == minor)
			return true;
	return false;
}

static void rule_number(char *out, size_t size, int64_t n)
{
	if (n < 0)
		snprintf(out, size, "*");
	else
		snprintf(out, size, "%lld", (long long)n);
}

static void read_rule(struct oci_reader *r, const struct json *linux_, const struct json *rule, struct str_list *rules)
{
	const char *type = oci_text(r, rule, "type"), *access = oci_text(r, rule, "access");
	int64_t major = oci_number(r, rule, "major", -1), minor = oci_number(r, rule, "minor", -1);
	bool every = !*type || *type == 'a';
	char a[24], b[24], text[128];

	if (!oci_flag(r, rule, "allow")) {
		/* "All" resets what was said before it. */
		if (every)
			str_list_done(rules);
		r->all_devices &= !every;
		return;
	}
	/* Making nodes alone opens nothing. */
	if (strcmp(access, "m") == 0 || is_plain(type, major, minor) ||
		(major >= 0 && minor >= 0 && has_device(r, linux_, major, minor)))
		return;
	r->all_devices |= every && strchr(access, 'w');
	rule_number(a, sizeof(a), every ? -1 : major);
	rule_number(b, sizeof(b), every ? -1 : minor);
	snprintf(text, sizeof(text), "rule:%c %s:%s %.8s", every ? 'a' : *type, a, b, access);
	if (!oci_contains(rules, text))
		oci_add(r, rules, text, "device rules");
}

static void read_rules(struct oci_reader *r, const struct json *linux_, const struct json *resources)
{
	CLEANUP(str_list_done) struct str_list rules = {0};

	for (const struct json *j = oci_list(r, resources, "devices"); j && !r->failed; j = json_next(j))
		read_rule(r, linux_, j, &rules);
	for (uint32_t i = 0; i < rules.count; i++)
		oci_add(r, &r->c->devices, rules.items[i], "device rules");
}

/* A filter that allows everything and asks about nothing is none. */
static void read_seccomp(struct oci_reader *r, const struct json *seccomp)
{
	const char *action = oci_text(r, seccomp, "defaultAction");
	bool confined = seccomp && (strcmp(action, "SCMP_ACT_ALLOW") != 0 || oci_list(r, seccomp, "syscalls"));

	r->c->seccomp = confined ? FACT_YES : FACT_NO;
	if (!confined)
		oci_add(r, &r->c->security_options, "seccomp=unconfined", "options");
}

static void read_sysctls(struct oci_reader *r, const struct json *sysctls)
{
	char text[OCI_TEXT_MAX];

	for (const struct json *j = json_first(sysctls); j && !r->failed; j = json_next(j)) {
		bool own = false;
		if (snprintf(text, sizeof(text), "%s=%s", json_key(j), oci_item(r, j, "sysctl")) >= (int)sizeof(text))
			oci_fail(r, -E2BIG, "'sysctl' is longer than %d bytes", OCI_TEXT_MAX);
		for (size_t i = 0; i < ARRAY_SIZE(own_sysctls); i++)
			own |= strcmp(text, own_sysctls[i]) == 0;
		if (!own)
			oci_add(r, &r->c->sysctls, text, "sysctls");
	}
}

/* A quota is told as the shares that it is worth, when there are no shares. */
static void read_limits(struct oci_reader *r, const struct json *resources)
{
	const struct json *cpu = oci_object(r, resources, "cpu");
	int64_t memory = oci_number(r, oci_object(r, resources, "memory"), "limit", 0);
	int64_t pids = oci_number(r, oci_object(r, resources, "pids"), "limit", 0);
	int64_t shares = oci_number(r, cpu, "shares", 0), quota = oci_number(r, cpu, "quota", 0);
	int64_t period = oci_number(r, cpu, "period", 100000);

	r->c->memory = memory > 0 ? memory : 0;
	r->c->pids = pids > 0 ? pids : -1;
	if (shares <= 0 && quota > 0 && quota < INT64_MAX / 1024)
		shares = quota * 1024 / (period > 0 ? period : 100000);
	r->c->cpu_shares = shares > 0 ? shares : 0;
}

void oci_read_isolation(struct oci_reader *r, const struct json *linux_)
{
	const struct json *resources = oci_object(r, linux_, "resources");

	read_namespaces(r, linux_);
	read_rules(r, linux_, resources);
	read_devices(r, linux_);
	read_seccomp(r, oci_object(r, linux_, "seccomp"));
	read_sysctls(r, oci_object(r, linux_, "sysctl"));
	read_limits(r, resources);
	/* Docker's word for /proc and /sys without their covers. */
	if (!oci_list(r, linux_, "maskedPaths") && !oci_list(r, linux_, "readonlyPaths"))
		oci_add(r, &r->c->security_options, "systempaths=unconfined", "options");
}
