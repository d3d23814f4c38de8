/* SPDX-License-Identifier: Apache-2.0 */
/* The binary form of policies: what decodes can be asked about anything and encodes again. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	policy_to_json(p, &form);
	policy_encode(p, &out);
	assert(!out.failed && policy_decode(&back, out.data, out.len) == 0);
	policy_encode(back, &again);
	assert(out.len == again.len && memcmp(out.data, again.data, out.len) == 0);
	return 0;
}
