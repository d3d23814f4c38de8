/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs that the image did not bring, and those that borrow rights. The container has a mount
 * namespace and an overlay as engines make them. Each row prepares a file there and executes it; the
 * canary's byte tells whether an instruction of it ran.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"

static const char prevent[] =
	"version: 1\n"
	"runtime:\n"
	"  - name: only the image\n"
	"    processes: {modified_binaries: prevent, engine_clients: prevent, privilege_escalation: prevent}\n";
static const char first_of_equals[] =
	"version: 1\n"
	"runtime:\n"
	"  - name: all\n"
	"    threats: alert\n"
	"    detections: {fileless_exec: block, new_binary: disable}\n";

enum way { BY_PATH, BY_MEMFD, BY_DELETED, NO_NEW_RIGHTS, OUTSIDE };

struct row {
	const char *what;
	const char *prepare; /* in the overlay's root; the image brought /tool and /suid, $TMP is a tmpfs there */
	const char *path;
	enum way way;
	int detection; /* 0 = it runs */
};

static const struct row rows[] = {
	{"as the image brought it", "true", "tool", BY_PATH, 0},
	{"through a link to it", "ln -s tool link", "link", BY_PATH, 0},
	{"its mode changed only", "chmod 700 tool", "tool", BY_PATH, 0},
	{"its owner changed only", "chown 7:7 tool", "tool", BY_PATH, 0},
	{"moved to another name", "mv tool other", "other", BY_PATH, 0},
	{"written over", "cat tool >>tool2; cat tool2 >tool; echo x >>tool", "tool", BY_PATH, DETECTION_MODIFIED_BINARY},
	{"appended to by a link", "ln -s tool link; printf x >>link", "link", BY_PATH, DETECTION_MODIFIED_BINARY},
	{"replaced by another", "cp tool t2; mv t2 tool", "tool", BY_PATH, DETECTION_NEW_BINARY},
	{"copied to a new name", "cp tool nginx", "nginx", BY_PATH, DETECTION_NEW_BINARY},
	{"copied with its old time", "cp -p tool nginx", "nginx", BY_PATH, DETECTION_NEW_BINARY},
	{"in a folder made since", "mkdir -p a/b; cp tool a/b/x", "a/b/x", BY_PATH, DETECTION_NEW_BINARY},
	{"on a tmpfs", "cp tool shm/x", "shm/x", BY_PATH, DETECTION_NEW_BINARY},
	{"in memory", "true", "tool", BY_MEMFD, DETECTION_FILELESS_EXEC},
	{"deleted while open", "cp tool gone", "gone", BY_DELETED, DETECTION_FILELESS_EXEC},
	{"in memory, by the runtime on its way in", "true", "tool", OUTSIDE, 0},
	{"a SUID file of the image", "true", "suid", BY_PATH, DETECTION_SUID_EXEC},
	{"a SGID file of the image", "true", "sgid", BY_PATH, DETECTION_SUID_EXEC},
	{"a SUID file under no_new_privs", "true", "suid", NO_NEW_RIGHTS, 0},
	{"the engine's client", "true", "docker", BY_PATH, DETECTION_ENGINE_CLIENT},
	{"kubectl by a link", "ln -s tool kubectl", "kubectl", BY_PATH, DETECTION_ENGINE_CLIENT},
	{"a name that only begins so", "true", "docker-gen", BY_PATH, 0},
};

struct run {
	const struct row *row;
	const char *folder; /* has lower */
	int out;
};

static bool enter_overlay(const char *folder)
{
	char text[512];

	snprintf(text, sizeof(text), "mkdir -p %s/upper %s/work %s/root", folder, folder, folder);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || system(text) != 0)
		return false;
	snprintf(text, sizeof(text), "%s/root", folder);
	char *options = NULL;
	if (asprintf(&options, "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", folder, folder, folder) < 0)
		return false;
	int r = mount("overlay", text, "overlay", 0, options);
	free(options);
	return r == 0 && chdir(text) == 0 && mount("tmpfs", "shm", "tmpfs", 0, NULL) == 0;
}

static int run_child(void *ctx)
{
	const struct run *r = ctx;
	char *argv[] = {(char *)(uintptr_t)r->row->path, NULL}, *none[] = {NULL};
	int fd;

	if (r->row->way == OUTSIDE) {
		char path[512];

		snprintf(path, sizeof(path), "%s/lower/tool", r->folder);
		fd = scene_memory(path);
	} else {
		if (!enter_overlay(r->folder) || system(r->row->prepare) != 0)
			return 100;
		fd = r->row->way == BY_MEMFD ? scene_memory(r->row->path) : open(r->row->path, O_RDONLY | O_CLOEXEC);
	}
	if (r->row->way == BY_DELETED)
		unlink(r->row->path);
	if (r->row->way == NO_NEW_RIGHTS)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	dup2(r->out, STDOUT_FILENO);
	if (r->row->way == BY_PATH || r->row->way == NO_NEW_RIGHTS)
		execve(r->row->path, argv, none);
	else
		fexecve(fd, argv, none);
	return errno == EPERM ? 0 : 101; /* refused is as good as killed */
}

static void image_make(const struct scene *s, char *folder, size_t size, int number)
{
	char text[1024];

	/* An overlay wants an upper layer on a file system of its own kind: not another overlay. */
	snprintf(folder, size, "%s/o%d", s->folder, number);
	snprintf(text, sizeof(text),
		"mkdir -p %s/lower/shm && cd %s/lower && for n in tool suid sgid docker docker-gen; do cp %s $n; done && "
		"chown 65534 suid && chmod 4755 suid && chown 0:65534 sgid && chmod 2755 sgid && touch -d 2020-01-01 *",
		folder, folder, scene_tool("first_byte"));
	assert_int_equal(system(text), 0);
}

static const struct wire_exec *row_run(struct scene *s, const struct row *row, int number, bool *ret_byte)
{
	char folder[256], byte;
	int fd[2], status;
	pid_t pid;

	image_make(s, folder, sizeof(folder), number);
	assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
	struct run r = {.row = row, .folder = folder, .out = fd[1]};
	pid = scene_fork(s, run_child, &r);
	status = scene_wait(s, pid);
	*ret_byte = read(fd[0], &byte, 1) == 1;
	close(fd[0]);
	close(fd[1]);
	if (WIFEXITED(status) && WEXITSTATUS(status) >= 100)
		fail_msg("%s: could not be played: %d", row->what, WEXITSTATUS(status));
	return scene_exec_of(s, pid);
}

static void each_is_told_apart(void **state)
{
	struct scene *s = *state;

	scene_policy(s, prevent);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool byte;
		const struct wire_exec *e = row_run(s, &rows[i], (int)i, &byte);

		if ((int)e->header.verdict.detection != rows[i].detection)
			fail_msg("%s: detection %d instead of %d, flags %x", rows[i].what, e->header.verdict.detection,
				rows[i].detection, e->header.flags);
		if (byte != !rows[i].detection)
			fail_msg("%s: %s", rows[i].what, byte ? "it ran" : "it did not run");
		if (rows[i].detection)
			assert_int_equal(e->header.verdict.done, DONE_PREVENT);
		scene_clear(s);
	}
}

static void one_of_them_alone(void **state)
{
	struct scene *s = *state;
	static const struct row memory = {"in memory", "true", "tool", BY_MEMFD, 0};
	static const struct row fresh = {"copied", "cp tool nginx", "nginx", BY_PATH, 0};
	static const struct row changed = {"changed", "echo >>tool", "tool", BY_PATH, 0};
	const struct wire_exec *e;
	bool byte;

	scene_policy(s, first_of_equals);
	e = row_run(s, &memory, 100, &byte);
	assert_int_equal(e->header.verdict.effect, EFFECT_BLOCK);
	assert_false(byte);
	e = row_run(s, &fresh, 101, &byte);
	assert_int_equal(e->header.verdict.effect, EFFECT_DISABLE);
	assert_true(byte);
	e = row_run(s, &changed, 102, &byte);
	assert_int_equal(e->header.verdict.detection, DETECTION_MODIFIED_BINARY);
	assert_int_equal(e->header.verdict.effect, EFFECT_ALERT);
	assert_true(byte);
}

int main(void)
{
	static struct scene scene;
	struct CMUnitTest tests[] = {cmocka_unit_test(each_is_told_apart), cmocka_unit_test(one_of_them_alone)};
	int r = scene_open(&scene, NULL);

	if (r)
		return r;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tests[i].initial_state = &scene;
	r = cmocka_run_group_tests_name("binaries", tests, NULL, NULL);
	scene_close(&scene);
	return r;
}
