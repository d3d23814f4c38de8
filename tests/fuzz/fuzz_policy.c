/* SPDX-License-Identifier: Apache-2.0 */
/* Policy texts: what loads must survive the binary form and the form of the UI, load again from its
 * own text, and take an edit; what does not load must say why. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "policy/cases.h"
#include "policy/diff.h"
#include "policy/edit.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct policy *load(const char *text, size_t n)
{
	struct policy_source source = {"fuzz", text, n};
	struct policy_messages m;
	struct policy *p = NULL;
	int r = policy_load(&p, &source, 1, &m);

	assert((r == 0) == (p != NULL));
	assert((r == 0) == (m.errors == 0));
	for (uint32_t i = 0; i < m.count; i++)
		assert(m.items[i].diag.message[0] && m.items[i].diag.line);
	policy_messages_done(&m);
	return p;
}

static void check_forms(const struct policy *p)
{
	CLEANUP(buf_done)
	struct buf wire = BUF_INIT(16u << 20),
		   again = BUF_INIT(16u << 20), form = BUF_INIT(64u << 20);
	CLEANUP(policy_unref) struct policy *back = NULL, *same = NULL;

	policy_encode(p, &wire);
	assert(!wire.failed && policy_decode(&back, wire.data, wire.len) == 0);
	policy_encode(back, &again);
	assert(wire.len == again.len && memcmp(wire.data, again.data, wire.len) == 0);
	policy_to_json(p, &form);
	assert(!form.failed);
	same = load(p->text, strlen(p->text));
	assert(same && same->runtime_count == p->runtime_count);
	assert(same->trust_count == p->trust_count && same->compliance_count == p->compliance_count);
	assert(same->access_count == p->access_count);
}

static int ignore(void *ctx, const struct case_result *r)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(policy_unref) struct policy *p = load((const char *)data, size);
	CLEANUP(buf_done) struct buf out = BUF_INIT(8u << 20), diff = BUF_INIT(32u << 20);
	struct diag d = {0};

	if (p)
		check_forms(p);
	int r = policy_edit_set((const char *)data, size,
		&(struct policy_edit){"fuzz", "processes.crypto_miners", "block"}, &out, &d);
	if (p && r == 0) {
		CLEANUP(policy_unref) struct policy *edited = load((const char *)out.data, out.len);
		policy_diff(&(struct diff_text){"a", p->text},
			&(struct diff_text){"b", (const char *)out.data}, &diff, NULL);
		assert(diff.len || strcmp(p->text, (const char *)out.data) == 0);
	}
	assert(r == 0 || d.message[0]);
	policy_cases_run(
		NULL, &(struct policy_source){"fuzz", (const char *)data, size}, ignore, NULL, &d);
	return 0;
}
