/* SPDX-License-Identifier: Apache-2.0 */
/* The binary form of records: first byte chooses the table, the rest is decoded; what decodes must
 * survive another round unchanged. */
#include <assert.h>
#include <stdint.h>

#include "model/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static union {
		struct status status;
		struct audit audit;
		struct event event;
		struct container container;
		uint8_t bytes[4096];
	} a, b;

	if (!size)
		return 0;
	const struct record_desc *d = all_records[data[0] % all_records_count];
	assert(d->size <= sizeof(a));
	if (record_decode(d, &a, data + 1, size - 1) < 0)
		return 0;
	int r = record_copy(d, &b, &a);
	assert(r == 0 && record_equal(d, &a, &b));
	CLEANUP(buf_done) struct buf json = BUF_INIT(64u << 20);
	record_to_json(d, &a, &json);
	record_done(d, &a);
	record_done(d, &b);
	return 0;
}
