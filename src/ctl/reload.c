/* SPDX-License-Identifier: Apache-2.0 */
/* Reloading engines: see reload.h. */
#include "ctl/reload.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/proc.h"
#include "ctl/edit.h"
#include "ctl/engine_ask.h"

#define INFO_MAX (1u << 20)
#define RELOAD_MS 10000
#define POLL_MS 50
#define ASK_MS 2000

static bool is_named(pid_t pid, const char *name)
{
	struct proc_stat st;

	return pid > 1 && proc_stat_read(pid, &st) == 0 && strncmp(st.comm, name, sizeof(st.comm) - 1) == 0;
}

static pid_t by_pid_file(const char *name)
{
	static const char *const places[] = {"/run/docker.pid", "/var/run/docker.pid"};
	char text[32];
	uint64_t pid;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct buf b = BUF_FIXED((uint8_t *)text, sizeof(text));
		if (file_read(places[i], &b) < 0)
			continue;
		text[strcspn(text, "\n")] = 0;
		if (parse_u64(text, 2, INT32_MAX, &pid) == 0 && is_named((pid_t)pid, name))
			return (pid_t)pid;
	}
	return -ESRCH;
}

pid_t reload_find(const char *socket, const char *name)
{
	CLEANUP(fd_close) int fd = unix_connect(socket);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (fd < 0)
		return -ESRCH;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && is_named(peer.pid, name))
		return peer.pid;
	return by_pid_file(name);
}

bool reload_has_option(pid_t pid, const char *option)
{
	char text[32 << 10];
	struct buf b = BUF_FIXED((uint8_t *)text, sizeof(text));
	size_t n = strlen(option);

	if (proc_cmdline(pid, &b) < 0)
		return false;
	for (const char *p = text, *end = text + b.len; p < end; p += strlen(p) + 1)
		if (str_has_prefix(p, "--") && strncmp(p + 2, option, n) == 0 && (!p[2 + n] || p[2 + n] == '='))
			return true;
	return false;
}

static int get(const char *socket, const char *path, struct buf *out)
{
	return engine_ask(&(struct engine_ask){.host = socket, .path = path, .timeout_ms = ASK_MS}, out);
}

int reload_knows(const char *socket, enum feature feature)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(INFO_MAX);
	CLEANUP(json_free) struct json *root = NULL;
	int found = 0;

	if (get(socket, "/info", &b) < 0 || json_parse(&root, (char *)b.data, b.len, NULL) < 0 ||
		!json_get(root, "Runtimes"))
		return -EIO;
	if (feature == FEATURE_SHIM)
		return json_get(json_get(root, "Runtimes"), EDIT_RUNTIME) != NULL;
	for (const struct json *j = json_first(json_path(root, "Plugins.Authorization")); j; j = json_next(j))
		found |= strcmp(json_str(j, ""), EDIT_RUNTIME) == 0;
	return found;
}

/*
 * Whether dockerd has said since then that it read its configuration again. Its /info would not do: 20.10
 * keeps a runtime that is no longer named until its restart, and tells of the plugins it was started with.
 */
static bool said_so(const char *socket, uint64_t since, enum feature feature, bool ours)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(INFO_MAX);
	uint64_t now = time_now();
	char path[256];

	snprintf(path, sizeof(path), "/events?since=%lu.%09lu&until=%lu.%09lu&filters=%%7B%%22type%%22%%3A%%5B%%22daemon%%22%%5D%%7D",
		(unsigned long)(since / NSEC_PER_SEC), (unsigned long)(since % NSEC_PER_SEC), (unsigned long)(now / NSEC_PER_SEC),
		(unsigned long)(now % NSEC_PER_SEC));
	if (get(socket, path, &b) < 0 || !b.len)
		return false;
	/* Refused by our own plugin: then it is in force. */
	return strstr((char *)b.data, "\"Action\":\"reload\"") ||
	       (feature == FEATURE_AUTHZ && ours && strstr((char *)b.data, "plugin " EDIT_RUNTIME));
}

int reload_docker(pid_t pid, const char *socket, enum feature feature, bool ours, struct diag *reterr)
{
	uint64_t until = time_monotonic() + RELOAD_MS * NSEC_PER_MSEC, since = time_now();

	if (kill(pid, SIGHUP) < 0)
		return diag_msg(reterr, -errno, "cannot signal dockerd (%d): %s", (int)pid, strerror(errno));
	do {
		if (said_so(socket, since, feature, ours) || reload_knows(socket, feature) == (int)ours)
			return 0;
		poll(NULL, 0, POLL_MS);
	} while (time_monotonic() < until);
	return diag_set(reterr, -ETIMEDOUT, 0, 0, "look into dockerd's log",
		"dockerd (%d) did not take the new configuration", (int)pid);
}
