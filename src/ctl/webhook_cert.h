/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate that the admission webhook shows, and the manifest that tells an API server of it. */
#pragma once

#include "base/buf.h"
#include "base/diag.h"
#include "model/record.h"

#define WEBHOOK_CERT_FILE "webhook.pem"
#define WEBHOOK_NAME "seawall-webhook" /* of Service and Endpoints */
#define WEBHOOK_NAMESPACE "seawall"
#define WEBHOOK_TIMEOUT 5 /* seconds that an API server waits; the Gate answers before */

/* Makes it, or makes it anew when it lacks a host or ends soon; *ret_made says which. */
int webhook_cert(const struct str_list *hosts, bool *ret_made, struct diag *reterr);
/* The same when SEAWALL_WEBHOOK is set, for the names that it has; else nothing. */
int webhook_renew(struct diag *reterr);

struct webhook_manifest {
	const char *host; /* an address becomes an Endpoints object, a name or a loopback address a url */
	unsigned port;
	bool closed; /* failurePolicy Fail */
	const struct str_list *exempt; /* namespaces beside our own list */
	const char *ca; /* PEM */
};

/* YAML. */
void webhook_manifest_put(struct buf *out, const struct webhook_manifest *m);
/* Whether it leads there by a Service: then the certificate needs its name. */
bool webhook_has_service(const char *host);
/* "192.0.2.1:8443", "[::1]:8443", "node.example:8443" taken apart. -EINVAL with a sentence. */
int webhook_address(const char *text, char *host, size_t size, unsigned *ret_port, struct diag *reterr);
