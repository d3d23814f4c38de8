/* SPDX-License-Identifier: Apache-2.0 */
/* The binary form of policies: what decodes can be asked about anything and encodes again. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "policy/gates.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every second key has signed. */
static bool is_signed(void *ctx, const char *key_pem, const struct image_facts *image)
{
	return (*(unsigned *)ctx)++ % 2;
}

/* Asks the gates about everything at once. */
static void judge(const struct policy *p)
{
	static char *const texts[] = {(char *)"sha256:aa", (char *)"NET_ADMIN", (char *)"/dev/kvm"};
	struct str_list list = {(char **)(uintptr_t)texts, 3};
	struct mount_fact mounts[] = {{MOUNT_BIND, .source = (char *)"/etc/x", .resolved = (char *)"/"},
		{MOUNT_VOLUME, .source = (char *)"v"}};
	struct creation c = {.mounts = mounts, .mount_count = 2, .capabilities = list, .devices = list,
		.security_options = list, .sysctls = list, .networks = list, .joins = list, .ports = list,
		.host_namespaces = 0x3f, .runtime = (char *)"runc", .user = (char *)"0"};
	unsigned asked = 0;
	struct policy_subject s = {.image = "nginx", .container = "web", .host = "h"};
	struct image_facts image = {"docker.io/library/nginx:1@sha256:aa", "sha256:aa", &list, &list, is_signed, &asked};
	struct access_request q = {.user = "u", .groups = &list, .address = "192.0.2.1", .action = "a", .target = "t",
		.image = "nginx", .exec_user = "0:0", .network = "n", .creation = &c};
	struct gate_verdict v = policy_judge_trust(p, &s, &image);
	char text[1024];

	assert(v.rule || v.effect == GATE_IGNORE);
	gate_refusal_text(&v, "image", text, sizeof(text));
	v = policy_judge_compliance(p, &s, &c, NULL, NULL);
	assert(v.effect == GATE_IGNORE || v.reason[0]);
	struct access_verdict a = policy_judge_access(p, &q);
	assert(a.rule || a.effect == ACCESS_ALLOW);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(policy_unref) struct policy *p = NULL, *back = NULL;
	CLEANUP(buf_done)
	struct buf out = BUF_INIT(16u << 20),
		   again = BUF_INIT(16u << 20), form = BUF_INIT(64u << 20);
	struct event connect = {
		.type = EVENT_CONNECT, .address = (char *)"203.0.113.7", .port = 3333};

	if (policy_decode(&p, data, size) < 0)
		return 0;
	policy_runtime_rule(
		p, &(struct policy_subject){.image = "nginx", .container = "web", .host = "h"});
	for (uint32_t i = 0; i < p->runtime_count; i++)
		policy_match_event(&p->runtime[i], &connect);
	judge(p);
	policy_to_json(p, &form);
	policy_encode(p, &out);
	assert(!out.failed && policy_decode(&back, out.data, out.len) == 0);
	policy_encode(back, &again);
	assert(out.len == again.len && memcmp(out.data, again.data, out.len) == 0);
	return 0;
}
