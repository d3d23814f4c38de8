/* SPDX-License-Identifier: Apache-2.0 */
/* Walks every record table: tags, names, round trips through both forms, and the vocabularies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "model/records.h"

/* Fills every field with something that is not empty; lists get two elements. */
static void fill(const struct record_desc *d, void *obj)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct field_desc *f = &d->fields[i];
		void *p = (char *)obj + f->offset;
		struct record_list *l = p;

		switch (f->type) {
		case FIELD_BOOL:
			*(bool *)p = true;
			break;
		case FIELD_I32:
			*(int32_t *)p = -7;
			break;
		case FIELD_U32:
			*(uint32_t *)p = 4000000000u;
			break;
		case FIELD_U64:
			*(uint64_t *)p = 1ull << 52;
			break;
		case FIELD_TIME:
			*(uint64_t *)p = 1795448031123456789ull;
			break;
		case FIELD_DOUBLE:
			*(double *)p = 0.25;
			break;
		case FIELD_ENUM:
			*(int *)p = f->names->count - 1;
			break;
		case FIELD_STR:
			assert_int_equal(str_set(p, "text \"with\" \n odd \x01 bytes é"), 0);
			break;
		case FIELD_STRS:
			assert_int_equal(str_list_add(p, ""), 0);
			assert_int_equal(str_list_add(p, "--donate-level"), 0);
			break;
		case FIELD_MAP:
			assert_int_equal(kv_list_add(p, "app", "web"), 0);
			assert_int_equal(kv_list_add(p, "tier", ""), 0);
			break;
		case FIELD_BLOB:
			break;
		case FIELD_RECORD:
			fill(f->record, p);
			break;
		case FIELD_RECORDS:
			l->items = calloc(2, f->record->size);
			l->count = 2;
			fill(f->record, l->items);
			break;
		}
	}
}

static void every_record_round_trips(void **state)
{
	(void)state;
	for (size_t i = 0; i < all_records_count; i++) {
		const struct record_desc *d = all_records[i];
		CLEANUP(free) void *a = calloc(1, d->size);
		CLEANUP(free) void *b = calloc(1, d->size);
		CLEANUP(free) void *c = calloc(1, d->size);
		CLEANUP(buf_done) struct buf json = BUF_INIT(1u << 20);
		CLEANUP(json_free) struct json *tree = NULL;
		struct diag diag = {0};

		fill(d, a);
		assert_int_equal(record_copy(d, b, a), 0);
		assert_true(record_equal(d, a, b));
		record_to_json(d, a, &json);
		assert_int_equal(json.failed, 0);
		assert_int_equal(json_parse(&tree, (char *)json.data, json.len, &diag), 0);
		if (record_from_json(d, c, tree, &diag) < 0)
			fail_msg("%s: %s", d->name, diag.message);
		assert_true(record_equal(d, a, c));
		record_done(d, a);
		record_done(d, b);
		record_done(d, c);
	}
}

static void tables_are_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < all_records_count; i++) {
		const struct record_desc *d = all_records[i];
		for (size_t x = 0; x < d->count; x++) {
			assert_true(d->fields[x].tag > 0);
			assert_true(d->fields[x].type != FIELD_ENUM || d->fields[x].names);
			for (size_t y = x + 1; y < d->count; y++) {
				assert_int_not_equal(d->fields[x].tag, d->fields[y].tag);
				assert_string_not_equal(d->fields[x].name, d->fields[y].name);
			}
		}
	}
}

static void schema_is_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < all_records_count; i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(1u << 20);
		CLEANUP(json_free) struct json *tree = NULL;

		record_schema(all_records[i], &b);
		assert_int_equal(json_parse(&tree, (char *)b.data, b.len, NULL), 0);
		assert_string_equal(json_get_str(tree, "title", ""), all_records[i]->name);
	}
}

static void truncation_never_decodes_to_something_else(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf b = BUF_INIT(1u << 20);
	struct audit a = {0};

	fill(&audit_desc, &a);
	record_encode(&audit_desc, &a, &b);
	for (size_t n = 0; n < b.len; n++) {
		struct audit back = {0};
		if (record_decode(&audit_desc, &back, b.data, n) == 0) {
			assert_false(record_equal(&audit_desc, &a, &back));
			record_done(&audit_desc, &back);
		}
	}
	record_done(&audit_desc, &a);
}

static void unknown_tags_are_skipped(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
	struct network n = {.port = 5555}, back = {0};

	buf_put_u16(&b, 9999);
	buf_put_u32(&b, 3);
	buf_put(&b, "new", 3);
	record_encode(&network_desc, &n, &b);
	assert_int_equal(record_decode(&network_desc, &back, b.data, b.len), 0);
	assert_int_equal(back.port, 5555);
}

static void fixed_buffer_refuses_and_says_so(void **state)
{
	(void)state;
	char small[32];
	struct buf b = BUF_FIXED((uint8_t *)small, sizeof(small));
	struct audit a = {.message = (char *)"a text that is longer than the buffer it is put into"};

	record_encode(&audit_desc, &a, &b);
	assert_true(b.failed < 0);
}

static void detections_have_rows(void **state)
{
	(void)state;
	for (int i = 1; i < DETECTION_COUNT_; i++) {
		const struct detection_info *info = detection_info((enum detection)i);
		assert_int_equal(info->id, i);
		assert_true(info->technique[0] == 'T' && info->title[0] && info->severity > SEVERITY_NONE);
		assert_int_equal(enum_from_name(&detection_names, enum_name(&detection_names, i)), i);
	}
	assert_string_equal(detection_info(DETECTION_CRYPTO_MINER)->technique, "T1496");
	assert_int_equal(enum_from_name(&detection_names, "feed_domain"), DETECTION_FEED_DOMAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_record_round_trips),
		cmocka_unit_test(tables_are_sound),
		cmocka_unit_test(schema_is_json),
		cmocka_unit_test(truncation_never_decodes_to_something_else),
		cmocka_unit_test(unknown_tags_are_skipped),
		cmocka_unit_test(fixed_buffer_refuses_and_says_so),
		cmocka_unit_test(detections_have_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
