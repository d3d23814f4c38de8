/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The authority whose certificates the proxy in front of an engine takes, and what it issues. It
 * lives in one directory (0700): ca.pem, ca.key (0600), and proxy.pem (0600), the proxy's own
 * certificate and key. EC P-256 throughout.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "model/record.h"

#define PKI_NAME_MAX 64	 /* bytes of a user or group */
#define PKI_GROUPS_MAX 32
#define PKI_HOSTS_MAX 32
#define PKI_DAYS_MAX 3650

struct pki_user {
	const char *name;
	const struct str_list *groups;
	uint32_t days;
	const char *out; /* directory for ca.pem, cert.pem and key.pem */
};

/* What was made. Paths are in the caller's words. */
struct pki_made {
	bool authority; /* it was not there before */
	bool proxy;	/* its certificate was made, or made anew with more names or more time */
	const char *server; /* file of a server's certificate that is wanted; NULL = proxy.pem */
	char serial[48]; /* of the user's certificate, hexadecimal */
	uint64_t expires; /* wall ns */
};

/* Whether text can be the name of a user or a group: clean UTF-8. -EINVAL with a sentence that begins
 * with `what`. */
int pki_name_check(const char *what, const char *text, struct diag *reterr);
/* Whether text can be in a certificate: a host name or an address. */
int pki_host_check(const char *text, struct diag *reterr);

/*
 * Makes what is missing of the authority and of the proxy's certificate in `dir` (hosts: names beside
 * this host's own), then the user's certificate. -EEXIST when one of the files is there: then nothing is
 * written to user->out. All failures with a sentence.
 */
int pki_issue(const char *dir, const struct str_list *hosts, const struct pki_user *user, struct pki_made *ret,
	 struct diag *reterr);
/*
 * Makes what is missing of the authority, and the certificate and key of a server, `file` in `dir` (0600), for those hosts
 * beside this host's own; anew when it lacks one of them or ends soon (ret->proxy). All failures with a sentence.
 */
int pki_server(const char *dir, const char *file, const struct str_list *hosts, struct pki_made *ret, struct diag *reterr);
