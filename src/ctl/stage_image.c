/* SPDX-License-Identifier: Apache-2.0 */
/* Images of the drills, built from scratch, and the few words of Docker's API that they need. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "ctl/engine_ask.h"
#include "ctl/stage.h"
#include "ctl/state.h"

#define FILE_MAX (64u << 20)
#define ASK_MS 60000

static int find_busybox(char *out, struct diag *reterr)
{
	static const char *const places[] = {"/usr/bin/busybox", "/bin/busybox"};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], X_OK) == 0) {
			snprintf(out, PATH_MAX, "%s", places[i]);
			return 0;
		}
	return diag_msg(reterr, -ENOENT,
		"there is no busybox on this host (Debian: apt-get install busybox-static)");
}

static int put_file(const char *root, const struct image_file *f, struct diag *reterr)
{
	CLEANUP(buf_done) struct buf content = BUF_INIT(FILE_MAX);
	char path[2 * PATH_MAX], folder[2 * PATH_MAX], from[PATH_MAX];
	int r = 0;

	snprintf(path, sizeof(path), "%s/%s", root, f->path);
	memcpy(folder, path, sizeof(folder));
	if (dir_make(dirname(folder), 0755) < 0)
		return diag_msg(reterr, -errno, "cannot make the folder of %s", path);
	if (f->program) {
		r = strcmp(f->program, "busybox") == 0 ? find_busybox(from, reterr)
						       : program_find(f->program, from, reterr);
		if (r == 0 && (r = file_read(from, &content)) < 0)
			diag_msg(reterr, r, "cannot read %s", from);
	} else if (f->text) {
		buf_puts(&content, f->text);
	} else {
		return symlink(f->link, path) < 0 ? diag_msg(reterr, -errno, "cannot link %s", path)
						  : 0;
	}
	if (r == 0 && (r = file_write_atomic(path, content.data, content.len, 0755)) < 0)
		diag_msg(reterr, r, "cannot write %s", path);
	return r;
}

static int ask(const struct private_engine *e, const char *method, const char *path,
	const char *type, const struct buf *body, struct buf *ret)
{
	return engine_ask(&(struct engine_ask){.host = e->socket, .method = method, .path = path, .type = type,
				  .body = body, .timeout_ms = ASK_MS},
		ret);
}

int stage_docker(const struct private_engine *e, const char *method, const char *path,
	const char *body, struct json **ret)
{
	CLEANUP(buf_done) struct buf answer = BUF_INIT(16u << 20);
	struct buf request = {.data = (uint8_t *)body, .len = body ? strlen(body) : 0};
	int status = ask(e, method, path, "application/json", body ? &request : NULL, &answer);

	if (ret) {
		*ret = NULL;
		if (status > 0 && answer.len)
			json_parse(ret, (char *)answer.data, answer.len, NULL);
	}
	return status;
}

int stage_run(
	const struct private_engine *e, const char *body, char ret_id[65], struct diag *reterr)
{
	CLEANUP(json_free) struct json *created = NULL;
	CLEANUP(json_free) struct json *started = NULL;
	char path[128];

	int status = stage_docker(e, "POST", "/containers/create", body, &created);
	if (status != 201)
		return diag_msg(reterr, -EIO, "the engine does not create the container: %s",
			json_get_str(created, "message", "no answer"));
	snprintf(ret_id, 65, "%s", json_get_str(created, "Id", ""));
	snprintf(path, sizeof(path), "/containers/%s/start", ret_id);
	status = stage_docker(e, "POST", path, "", &started);
	if (status != 204 && status != 304)
		return diag_msg(reterr, -EIO, "the engine does not start the container: %s",
			json_get_str(started, "message", "no answer"));
	return 0;
}

/* docker import: the tar of one file system becomes an image of one layer. */
static int import(
	struct stage *s, const struct image *image, const struct buf *tar, struct diag *reterr)
{
	char path[1024], change[256], escaped[512], repo[128];
	const char *colon = strrchr(image->name, ':');

	snprintf(repo, sizeof(repo), "%.*s", (int)(colon - image->name), image->name);
	snprintf(change, sizeof(change), "ENTRYPOINT %s", image->entrypoint);
	snprintf(path, sizeof(path), "/images/create?fromSrc=-&repo=%s&tag=%s&changes=%s", repo,
		colon + 1, client_escape(change, escaped, sizeof(escaped)));
	for (int i = 0; i < s->host_count; i++) {
		CLEANUP(buf_done) struct buf answer = BUF_INIT(1 << 20);
		int status = ask(&s->hosts[i], "POST", path, "application/x-tar", tar, &answer);
		if (status != 200 || !answer.len || strstr((char *)answer.data, "\"error\""))
			return diag_msg(reterr, -EIO, "cannot import the image %s: %.200s",
				image->name, answer.len ? (char *)answer.data : "no answer");
	}
	return 0;
}

int stage_image(struct stage *s, const struct image *image, struct diag *reterr)
{
	static const char *const empty[] = {"tmp", "proc", "sys", "dev", "etc", "root"};
	CLEANUP(buf_done) struct buf tar = BUF_INIT(FILE_MAX);
	char root[PATH_MAX], path[2 * PATH_MAX];

	snprintf(root, sizeof(root), "%s/image.XXXXXX", s->dir);
	if (!mkdtemp(root))
		return diag_msg(reterr, -errno, "cannot make %s", root);
	for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, empty[i]);
		dir_make(path, 0755);
	}
	snprintf(path, sizeof(path), "%s/tmp", root);
	if (chmod(root, 0755) < 0 || chmod(path, 01777) < 0)
		return diag_msg(reterr, -errno, "cannot change the mode of %s", path);
	for (const struct image_file *f = image->files; f->path; f++) {
		int r = put_file(root, f, reterr);
		if (r < 0)
			return r;
	}
	const char *argv[] = {"tar", "--owner=0", "--group=0", "-C", root, "-cf", "-", ".", NULL};
	if (spawn_run(&(struct spawn){.argv = argv}, &tar) != 0)
		return diag_msg(reterr, -EIO, "cannot pack the image %s", image->name);
	return import(s, image, &tar, reterr);
}
