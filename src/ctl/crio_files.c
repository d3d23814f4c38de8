/* SPDX-License-Identifier: Apache-2.0 */
/* The files of CRI-O's configuration, in the order it reads them: see crio_conf.h. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/parse.h"
#include "ctl/crio_conf.h"
#include "ctl/edit.h"

#define FILES_MAX 256
#define DEPTH_MAX 4

struct files {
	struct crio_conf *conf;
	const char *config; /* ours: its name alone */
	char dir[PATH_MAX];
	int count;
	struct diag *reterr;
};

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int no_dots(const struct dirent *e)
{
	return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

static int failed(const struct files *f, int r, const char *path)
{
	return diag_msg(f->reterr, r, "%s: %s", path, strerror(-r));
}

/* late: CRI-O reads it after ours. */
static int add_file(struct files *f, const char *path, bool late)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(EDIT_MAX);
	int r = f->count++ < FILES_MAX ? file_read(path, &text) : -E2BIG;

	if (r < 0)
		return failed(f, r, path);
	r = crio_conf_add(f->conf, path, text.data ? (char *)text.data : "", text.len, f->reterr);
	for (int i = 0; r == 0 && late && i < CRIO_RUNTIMES; i++)
		if (strcmp(f->conf->runtimes[i].file, path) == 0)
			return diag_set(f->reterr, -EEXIST, 0, 0, "--config with a name that comes last in that folder",
				"%s comes after %s and has the runtime '%s' too, which CRI-O would take", path, f->config,
				f->conf->runtimes[i].name);
	return r;
}

static void free_list(struct dirent **list, int n)
{
	while (n > 0)
		free(list[--n]);
	free(list);
}

static int add_folder(struct files *f, const char *dir, int depth, bool late);

/* A link to a folder is no folder to CRI-O either. */
static int add_entry(struct files *f, const char *dir, const char *name, int depth, bool late)
{
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return failed(f, -ENAMETOOLONG, dir);
	if (lstat(path, &st) < 0)
		return failed(f, -errno, path);
	if (depth == 0 && strcmp(name, f->config) == 0)
		return 0;
	late |= depth == 0 && strcmp(name, f->config) > 0;
	if (S_ISDIR(st.st_mode))
		return depth < DEPTH_MAX ? add_folder(f, path, depth + 1, late) : failed(f, -E2BIG, path);
	if (stat(path, &st) < 0)
		return failed(f, -errno, path);
	return S_ISREG(st.st_mode) ? add_file(f, path, late) : failed(f, -EINVAL, path);
}

static int add_folder(struct files *f, const char *dir, int depth, bool late)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, no_dots, by_name), r = 0;

	if (n < 0)
		return errno == ENOENT ? 0 : failed(f, -errno, dir);
	for (int i = 0; r == 0 && i < n; i++)
		r = add_entry(f, dir, list[i]->d_name, depth, late);
	free_list(list, n);
	return r;
}

int crio_conf_read(struct crio_conf *c, const char *config, struct diag *reterr)
{
	const char *slash = strrchr(config, '/');
	struct files f = {.conf = c, .config = slash ? slash + 1 : config, .reterr = reterr};
	char main[PATH_MAX];

	snprintf(f.dir, sizeof(f.dir), "%.*s", slash ? (int)(slash - config) : 0, config);
	/* It is written as a whole: never over a file of somebody's. */
	if (!str_has_suffix(f.dir, ".conf.d"))
		return diag_set(reterr, -EINVAL, 0, 0, "a file of its own in the folder crio.conf.d", "--config %s", config);
	snprintf(main, sizeof(main), "%.*s", (int)(strlen(f.dir) - strlen(".d")), f.dir);
	int r = access(main, F_OK) == 0 ? add_file(&f, main, false) : 0;
	return r < 0 ? r : add_folder(&f, f.dir, 0, false);
}
