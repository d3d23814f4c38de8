/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest, as YAML with its reasons beside it: see webhook_cert.h and docs/admission.md. */
#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "ctl/pki.h"
#include "ctl/webhook_cert.h"

#define EXEMPT_LABEL "kubernetes.io/metadata.name"

/* Who is asked about: one entry for each of webhooks[].rules. */
static const struct {
	const char *group, *version, *resources, *operations;
} pods[] = {
	{"", "v1", "pods, pods/ephemeralcontainers, replicationcontrollers, podtemplates", "CREATE, UPDATE"},
	{"apps", "v1", "deployments, replicasets, statefulsets, daemonsets", "CREATE, UPDATE"},
	{"batch", "v1", "jobs, cronjobs", "CREATE, UPDATE"},
}, ways[] = {
	{"", "v1", "pods/exec, pods/attach, pods/portforward, pods/proxy", "CONNECT"},
};

/* Namespaces whose pods a cluster needs to mend itself, and ours. */
static const char *const exempt[] = {"kube-system", "kube-node-lease", WEBHOOK_NAMESPACE};

int webhook_address(const char *text, char *host, size_t size, unsigned *ret_port, struct diag *reterr)
{
	const char *colon = strrchr(text, ':');
	uint64_t port = 0;
	size_t n = colon ? (size_t)(colon - text) : 0;

	if (n > 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	if (!n || n >= size || parse_u64(colon + 1, 1, 65535, &port) < 0)
		return diag_msg(reterr, -EINVAL, "'%.100s' is not HOST:PORT", text);
	memcpy(host, text, n);
	host[n] = 0;
	*ret_port = (unsigned)port;
	return pki_host_check(host, reterr);
}

static bool is_address(const char *host)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

/* Endpoints take no names, and no loopback addresses. */
bool webhook_has_service(const char *host)
{
	return is_address(host) && !str_has_prefix(host, "127.") && strcmp(host, "::1") != 0;
}

static void put_service(struct buf *b, const struct webhook_manifest *m)
{
	buf_printf(b,
		"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: " WEBHOOK_NAMESPACE "\n---\n"
		"apiVersion: v1\nkind: Service\nmetadata:\n  name: " WEBHOOK_NAME "\n  namespace: " WEBHOOK_NAMESPACE "\nspec:\n"
		"  ports:\n    - name: https\n      port: 443\n      targetPort: %u\n---\n"
		"apiVersion: v1\nkind: Endpoints\nmetadata:\n  name: " WEBHOOK_NAME "\n  namespace: " WEBHOOK_NAMESPACE "\nsubsets:\n"
		"  - addresses:\n      - ip: \"%s\"\n    ports:\n      - name: https\n        port: %u\n---\n",
		m->port, m->host, m->port);
}

static void put_client(struct buf *b, const struct webhook_manifest *m)
{
	size_t n = strlen(m->ca), size = sodium_base64_encoded_len(n, sodium_base64_VARIANT_ORIGINAL);
	CLEANUP(free) char *ca = malloc(size);

	if (!ca) {
		b->failed = -ENOMEM;
		return;
	}
	sodium_bin2base64(ca, size, (const unsigned char *)m->ca, n, sodium_base64_VARIANT_ORIGINAL);
	buf_puts(b, "    clientConfig:\n");
	if (webhook_has_service(m->host))
		buf_puts(b, "      service: {namespace: " WEBHOOK_NAMESPACE ", name: " WEBHOOK_NAME ", path: /admission, port: 443}\n");
	else
		buf_printf(b, strchr(m->host, ':') ? "      url: \"https://[%s]:%u/admission\"\n" : "      url: \"https://%s:%u/admission\"\n",
			m->host, m->port);
	buf_printf(b, "      caBundle: %s\n", ca);
}

static void put_webhook(struct buf *b, const struct webhook_manifest *m, bool into)
{
	buf_printf(b, "  - name: %s\n", into ? "exec.seawall.dev" : "pods.seawall.dev");
	put_client(b, m);
	buf_puts(b, "    rules:\n");
	for (size_t i = 0; i < (into ? ARRAY_SIZE(ways) : ARRAY_SIZE(pods)); i++)
		buf_printf(b, "      - {apiGroups: [\"%s\"], apiVersions: [%s], resources: [%s], operations: [%s], scope: Namespaced}\n",
			into ? ways[i].group : pods[i].group, into ? ways[i].version : pods[i].version,
			into ? ways[i].resources : pods[i].resources, into ? ways[i].operations : pods[i].operations);
	buf_printf(b, "    # %s\n    failurePolicy: %s\n",
		m->closed ? "Without an answer the request is refused." : "Without an answer the request passes; the shim on each node is asked again.",
		m->closed ? "Fail" : "Ignore");
	buf_printf(b, "    timeoutSeconds: %d\n    matchPolicy: Equivalent\n    sideEffects: None\n    admissionReviewVersions: [v1]\n", WEBHOOK_TIMEOUT);
	buf_puts(b, "    # Not asked about, so that the cluster can mend itself.\n    namespaceSelector:\n      matchExpressions:\n"
		    "        - {key: " EXEMPT_LABEL ", operator: NotIn, values: [");
	for (size_t i = 0; i < ARRAY_SIZE(exempt); i++)
		buf_printf(b, "%s%s", i ? ", " : "", exempt[i]);
	for (uint32_t i = 0; i < m->exempt->count; i++)
		buf_printf(b, ", %s", m->exempt->items[i]);
	buf_puts(b, "]}\n");
}

void webhook_manifest_put(struct buf *out, const struct webhook_manifest *m)
{
	buf_puts(out, "# Made by 'seawall install webhook'; see docs/admission.md.\n");
	if (webhook_has_service(m->host))
		put_service(out, m);
	buf_puts(out, "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata:\n  name: seawall\nwebhooks:\n");
	put_webhook(out, m, false);
	put_webhook(out, m, true);
}
