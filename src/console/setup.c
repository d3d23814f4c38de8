/* SPDX-License-Identifier: Apache-2.0 */
/* The start, while the process still has rights: see setup.h. */
#include "console/setup.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/api.h"
#include "base/fd.h"
#include "base/listen.h"
#include "base/log.h"
#include "base/privilege.h"
#include "console/tls.h"
#include "http/http.h"

#define OPEN_FILES 8192
#define TOKEN_NAME "admin token"
#define PASSWORD_LENGTH 20

static const char *path_in(const char *state, const char *name, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%.*s/%s", PATH_MAX - 64, state, name);
	return out;
}

static int make_dir(const char *state, const char *name, mode_t mode, uid_t owner)
{
	char path[PATH_MAX];
	int r = dir_make(path_in(state, name, path), mode);

	if (r == 0 && geteuid() == 0 && chown(path, owner, (gid_t)owner) < 0)
		r = -errno;
	return r;
}

/* The umask is narrow, so the directories that others look into are opened up here. */
static int make_dirs(const char *state, uid_t uid, struct diag *reterr)
{
	char path[PATH_MAX];
	int r = dir_make(state, 0755);

	if (r == 0)
		r = make_dir(state, "run", 0755, geteuid());
	if (r == 0 && chmod(path_in(state, "run", path), 0755) < 0)
		r = -errno;
	if (r == 0)
		r = make_dir(state, "console", 0700, uid);
	if (r == 0)
		r = make_dir(state, "console/tls", 0700, uid);
	return r < 0 ? diag_msg(reterr, r, "cannot make the directories in '%s': %s", state, strerror(-r)) : 0;
}

/* The directory of the Console becomes the working directory, and as far as possible the root. */
static int confine(const char *state, struct diag *reterr)
{
	char path[PATH_MAX];

	path_in(state, "console", path);
	int r = chdir(path) < 0 ? -errno : privilege_become(PRIVILEGE_CONSOLE_USER, PRIVILEGE_CONSOLE_UID, path);
	return r < 0 ? diag_msg(reterr, r, "cannot give up rights: %s", strerror(-r)) : 0;
}

/* --- first user and token --- */

struct credentials {
	char password[API_SECRET_SIZE]; /* "" = the user has an own one */
	char token[API_SECRET_SIZE];    /* "" = the file's one is good */
};

/* A password that was made for the first user stays his until he changes it, however often we start. */
static int ensure_admin(struct store *s, const char *present, struct credentials *c)
{
	struct store_user u = {.name = "admin", .role = "admin", .generated = true};
	int r = store_user_get(s, "admin", &u);

	if (r < 0 || (r == 0 && !u.generated))
		return r;
	if (r == 0 && *present && api_password_matches(&u, present)) {
		snprintf(c->password, sizeof(c->password), "%s", present);
		return 0;
	}
	api_secret_make(c->password);
	c->password[PASSWORD_LENGTH] = 0;
	r = api_password_hash(c->password, u.hash);
	return r < 0 ? r : store_user_put(s, &u);
}

static int ensure_token(struct store *s, const char *present, struct credentials *c)
{
	uint8_t hash[STORE_HASH_SIZE];
	struct store_user u;

	if (present && *present) {
		api_secret_hash(present, hash);
		int r = store_token_get(s, hash, &u);
		if (r <= 0)
			return r;
	}
	api_secret_make(c->token);
	api_secret_hash(c->token, hash);
	return store_token_put(s, TOKEN_NAME, hash, "admin");
}

static int ensure_credentials(const struct credentials *present, struct credentials *c, struct diag *reterr)
{
	CLEANUP(store_close) struct store *s = NULL;
	int r = store_open(&s, SETUP_DATABASE, reterr);

	if (r < 0)
		return r;
	r = ensure_admin(s, present->password, c);
	if (r == 0)
		r = ensure_token(s, present->token, c);
	if (r == 0)
		r = store_commit(s);
	return r < 0 ? diag_msg(reterr, r, "cannot make the first user: %s", strerror(-r)) : 0;
}

/* What the confined child reports to the parent that still has rights. */
struct prepared {
	int r;
	struct credentials credentials;
	struct diag diag;
};

static void prepare(const char *state, const struct credentials *present, struct prepared *p)
{
	CLEANUP(buf_done) struct buf cert = BUF_INIT(65536);
	CLEANUP(buf_done) struct buf key = BUF_INIT(65536);

	p->r = confine(state, &p->diag);
	if (p->r == 0)
		p->r = api_crypto_start();
	if (p->r == 0)
		p->r = tls_ensure("tls", &cert, &key, &p->diag);
	if (p->r == 0)
		p->r = ensure_credentials(present, &p->credentials, &p->diag);
}

/*
 * Certificate and database are made by a child that is confined like the Console will be: they get
 * its owner, and root parses nothing of them. Only root can then write what only root may read.
 */
static int prepare_confined(const char *state, const struct credentials *present, struct prepared *ret)
{
	struct prepared p = {0};
	int fds[2], status;

	if (pipe(fds) < 0)
		return -errno;
	CLEANUP(fd_close) int from = fds[0];
	CLEANUP(fd_close) int to = fds[1];
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		prepare(state, present, &p);
		_exit(fd_write_all(to, &p, sizeof(p)) < 0);
	}
	to = fd_close(to);
	ssize_t n = read(from, ret, sizeof(*ret)); /* below PIPE_BUF: all or nothing */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return n == (ssize_t)sizeof(*ret) ? ret->r : -EIO;
}

static int write_secret(const char *path, const char *secret)
{
	char line[API_SECRET_SIZE + 1];
	int n = snprintf(line, sizeof(line), "%s\n", secret);

	return file_write_atomic(path, line, (size_t)n, 0600);
}

static int write_credentials(const char *state, const struct credentials *c, struct diag *reterr)
{
	char path[PATH_MAX];
	int r = 0;

	path_in(state, "run/initial-password", path);
	if (*c->password)
		r = write_secret(path, c->password);
	else if (unlink(path) < 0 && errno != ENOENT)
		r = -errno;
	if (r == 0 && *c->token)
		r = write_secret(path_in(state, "admin.token", path), c->token);
	return r < 0 ? diag_msg(reterr, r, "cannot write '%s': %s", path, strerror(-r)) : 0;
}

static void read_secret(const char *state, const char *name, char out[API_SECRET_SIZE])
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(256);
	char path[PATH_MAX];

	out[0] = 0;
	if (file_read(path_in(state, name, path), &b) == 0 && b.len)
		snprintf(out, API_SECRET_SIZE, "%.*s", (int)strcspn((char *)b.data, "\r\n"), (char *)b.data);
}

/* --- the whole --- */

static int open_sockets(struct setup *s, const struct setup_options *o, struct diag *reterr)
{
	char path[PATH_MAX];

	s->http_fd = tcp_listen(o->listen, reterr);
	if (s->http_fd < 0)
		return s->http_fd;
	s->ipc_fd = unix_listen(path_in(o->state, "run/console.sock", path), 0600, 8);
	return s->ipc_fd < 0 ? diag_msg(reterr, s->ipc_fd, "cannot listen on '%s': %s", path, strerror(-s->ipc_fd)) : 0;
}

static int write_ready(const char *state, struct diag *reterr)
{
	char path[PATH_MAX], pid[24];
	int n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	int r = file_write_atomic(path_in(state, "run/console.ready", path), pid, (size_t)n, 0644);

	return r < 0 ? diag_msg(reterr, r, "cannot write '%s': %s", path, strerror(-r)) : 0;
}

static int prepare_and_write(const char *state, struct diag *reterr)
{
	struct prepared p = {0};
	struct credentials present;

	read_secret(state, "run/initial-password", present.password);
	read_secret(state, "admin.token", present.token);
	int r = prepare_confined(state, &present, &p);
	if (r < 0)
		diag_msg(reterr, r, "%s", *p.diag.message ? p.diag.message : strerror(-r));
	else
		r = write_credentials(state, &p.credentials, reterr);
	explicit_bzero(&p, sizeof(p));
	explicit_bzero(&present, sizeof(present));
	return r;
}

int setup_run(struct setup *ret, const struct setup_options *o, struct diag *reterr)
{
	struct setup s = {.http_fd = -1, .ipc_fd = -1, .cert = BUF_INIT(65536), .key = BUF_INIT(65536), .peer_uid = geteuid()};
	const struct rlimit files = {OPEN_FILES, OPEN_FILES};
	struct diag geo_problem = {0};
	char state[PATH_MAX], path[PATH_MAX];

	umask(077);
	setrlimit(RLIMIT_NOFILE, &files);
	int r = make_dirs(o->state, privilege_uid(PRIVILEGE_CONSOLE_USER, PRIVILEGE_CONSOLE_UID), reterr);
	if (r < 0)
		return r;
	if (!realpath(o->state, state)) /* the working directory changes below */
		return diag_msg(reterr, -errno, "cannot find '%s'", o->state);
	/* First of all: a second Console of this state fails here, before it has changed anything. */
	r = open_sockets(&s, &(struct setup_options){state, o->listen, o->geoip}, reterr);
	if (r == 0) {
		unlink(path_in(state, "run/console.ready", path));
		r = prepare_and_write(state, reterr);
	}
	if (r == 0 && geo_new(&s.geo, o->geoip, "geo-overlay.csv", &geo_problem) < 0)
		log_warn(0, "%s; addresses have no countries", geo_problem.message);
	/* Both sockets listen: whoever connects from here on waits for the loop, nobody is refused. */
	if (r == 0)
		r = write_ready(state, reterr);
	if (r == 0)
		r = confine(state, reterr);
	if (r == 0)
		r = tls_ensure("tls", &s.cert, &s.key, reterr);
	if (r < 0) {
		setup_done(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void setup_done(struct setup *s)
{
	s->http_fd = fd_close(s->http_fd);
	s->ipc_fd = fd_close(s->ipc_fd);
	s->geo = geo_free(s->geo);
	buf_done(&s->cert);
	if (s->key.data)
		explicit_bzero(s->key.data, s->key.len);
	buf_done(&s->key);
}
