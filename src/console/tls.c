/* SPDX-License-Identifier: Apache-2.0 */
/* A self-signed certificate for this host: see tls.h. */
#include "console/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include "base/cert.h"
#include "base/fd.h"

#define VALID_DAYS 3650

/* It is its own authority: clients pin it as the one they trust. */
static int issue(struct cert_pair *ret)
{
	char host[HOST_NAME_MAX + 1] = "localhost", names[HOST_NAME_MAX + 80];
	const struct cert_extension extensions[] = {
		{NID_subject_alt_name, names},
		{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
		{NID_key_usage, "critical,digitalSignature,keyCertSign"},
		{NID_ext_key_usage, "serverAuth"},
		{NID_subject_key_identifier, "hash"},
	};
	int r = cert_new(ret, "Seawall Console", VALID_DAYS);

	gethostname(host, sizeof(host) - 1);
	snprintf(names, sizeof(names), "DNS:localhost,IP:127.0.0.1,IP:::1,DNS:%s", host);
	return r < 0 ? r : cert_sign(ret->cert, ret, extensions, ARRAY_SIZE(extensions));
}

static int make(const char *cert_path, const char *key_path)
{
	CLEANUP(cert_pair_done) struct cert_pair own = {0};
	CLEANUP(buf_done) struct buf cert = BUF_INIT(1 << 16);
	CLEANUP(buf_done) struct buf key = BUF_INIT(1 << 16);
	int r = issue(&own);

	if (r == 0)
		r = cert_put(&cert, own.cert);
	if (r == 0)
		r = cert_put_key(&key, own.key);
	if (r == 0)
		r = file_write_atomic(key_path, key.data, key.len, 0600);
	OPENSSL_cleanse(key.data, key.len);
	return r < 0 ? r : file_write_atomic(cert_path, cert.data, cert.len, 0644);
}

int tls_ensure(const char *dir, struct buf *cert, struct buf *key, struct diag *reterr)
{
	char cert_path[PATH_MAX], key_path[PATH_MAX];
	int r = 0;

	snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", dir);
	snprintf(key_path, sizeof(key_path), "%s/key.pem", dir);
	if (access(cert_path, R_OK) < 0 || access(key_path, R_OK) < 0)
		r = make(cert_path, key_path);
	if (r == 0)
		r = file_read(cert_path, cert);
	if (r == 0)
		r = file_read(key_path, key);
	return r < 0 ? diag_msg(reterr, r, "cannot make or read the certificate in '%s'", dir) : 0;
}
