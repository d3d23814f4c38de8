/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON form and the JSON Schema of table-described records: see record.h. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "model/record.h"

static void put_json_value(const struct field_desc *f, const void *p, struct buf *out)
{
	const struct str_list *strs = p;
	const struct kv_list *kvs = p;
	const struct record_list *list = p;
	char text[TIME_TEXT_SIZE];
	const char *name;

	switch (f->type) {
	case FIELD_BOOL:
		buf_puts(out, *(const bool *)p ? "true" : "false");
		break;
	case FIELD_I32:
		buf_printf(out, "%d", *(const int32_t *)p);
		break;
	case FIELD_U32:
		buf_printf(out, "%u", *(const uint32_t *)p);
		break;
	case FIELD_U64:
		buf_printf(out, "%llu", (unsigned long long)*(const uint64_t *)p);
		break;
	case FIELD_DOUBLE:
		buf_printf(out, "%.6g", *(const double *)p);
		break;
	case FIELD_TIME:
		json_put_str(out, *(const uint64_t *)p ? time_format(*(const uint64_t *)p, text, sizeof(text)) : NULL);
		break;
	case FIELD_ENUM:
		name = enum_name(f->names, *(const int *)p);
		json_put_str(out, *name ? name : NULL);
		break;
	case FIELD_STR:
		json_put_str(out, *(char *const *)p);
		break;
	case FIELD_STRS:
		buf_putc(out, '[');
		for (uint32_t i = 0; i < strs->count; i++) {
			json_put_sep(out);
			json_put_str(out, strs->items[i]);
		}
		buf_putc(out, ']');
		break;
	case FIELD_MAP:
		buf_putc(out, '{');
		for (uint32_t i = 0; i < kvs->count; i++) {
			json_put_key(out, kvs->items[i].key);
			json_put_str(out, kvs->items[i].value);
		}
		buf_putc(out, '}');
		break;
	case FIELD_BLOB:
		buf_printf(out, "%u", ((const struct blob *)p)->size);
		break;
	case FIELD_RECORD:
		record_to_json(f->record, p, out);
		break;
	case FIELD_RECORDS:
		buf_putc(out, '[');
		for (uint32_t i = 0; i < list->count; i++) {
			json_put_sep(out);
			record_to_json(f->record, (const char *)list->items + i * f->record->size, out);
		}
		buf_putc(out, ']');
		break;
	}
}

void record_to_json(const struct record_desc *d, const void *obj, struct buf *out)
{
	buf_putc(out, '{');
	for (size_t i = 0; i < d->count; i++) {
		json_put_key(out, d->fields[i].name);
		put_json_value(&d->fields[i], (const char *)obj + d->fields[i].offset, out);
	}
	buf_putc(out, '}');
}

static int bad(struct diag *reterr, const struct field_desc *f, const char *expected)
{
	return diag_set(reterr, -EINVAL, 0, 0, expected, "field '%s' has the wrong type", f->name);
}

static int get_records(const struct field_desc *f, struct record_list *list, const struct json *j, struct diag *reterr)
{
	uint32_t n = 0;

	for (const struct json *i = json_first(j); i; i = json_next(i))
		n++;
	list->items = n ? calloc(n, f->record->size) : NULL;
	if (n && !list->items)
		return -ENOMEM;
	for (const struct json *i = json_first(j); i; i = json_next(i)) {
		int r = record_from_json(f->record, (char *)list->items + list->count * f->record->size, i, reterr);
		if (r < 0)
			return r;
		list->count++;
	}
	return 0;
}

static int get_json_value(const struct field_desc *f, void *p, const struct json *j, struct diag *reterr)
{
	int r = 0;

	switch (f->type) {
	case FIELD_BOOL:
		*(bool *)p = json_bool(j, false);
		return 0;
	case FIELD_I32:
	case FIELD_U32:
	case FIELD_U64:
		if (!json_is_number(j))
			return bad(reterr, f, "a number");
		if (f->type == FIELD_U64)
			*(uint64_t *)p = (uint64_t)json_int(j, 0);
		else
			*(uint32_t *)p = (uint32_t)json_int(j, 0);
		return 0;
	case FIELD_DOUBLE:
		*(double *)p = json_double(j, 0);
		return 0;
	case FIELD_TIME:
		return json_is_string(j) && time_parse(json_str(j, ""), p) == 0 ? 0 : bad(reterr, f, "an RFC 3339 time");
	case FIELD_ENUM:
		r = json_is_string(j) ? enum_from_name(f->names, json_str(j, "")) : -1;
		if (r < 0)
			return bad(reterr, f, "one of its names");
		*(int *)p = r;
		return 0;
	case FIELD_STR:
		return json_is_string(j) ? str_set(p, json_str(j, "")) : bad(reterr, f, "a string");
	case FIELD_STRS:
		if (!json_is_array(j))
			return bad(reterr, f, "an array of strings");
		for (const struct json *i = json_first(j); i && r == 0; i = json_next(i))
			r = json_is_string(i) ? str_list_add(p, json_str(i, "")) : bad(reterr, f, "an array of strings");
		return r;
	case FIELD_MAP:
		if (!json_is_object(j))
			return bad(reterr, f, "an object of strings");
		for (const struct json *i = json_first(j); i && r == 0; i = json_next(i))
			r = kv_list_add(p, json_key(i), json_str(i, ""));
		return r;
	case FIELD_BLOB:
		return bad(reterr, f, "nothing: it has no JSON form");
	case FIELD_RECORD:
		return record_from_json(f->record, p, j, reterr);
	case FIELD_RECORDS:
		return json_is_array(j) ? get_records(f, p, j, reterr) : bad(reterr, f, "an array of objects");
	}
	return 0;
}

int record_from_json(const struct record_desc *d, void *obj, const struct json *j, struct diag *reterr)
{
	if (!json_is_object(j))
		return diag_set(reterr, -EINVAL, 0, 0, "an object", "%s has the wrong type", d->name);
	for (const struct json *m = json_first(j); m; m = json_next(m)) {
		const struct field_desc *f = NULL;
		for (size_t i = 0; i < d->count && !f; i++)
			if (strcmp(d->fields[i].name, json_key(m)) == 0)
				f = &d->fields[i];
		int r = !f ? diag_set(reterr, -EINVAL, 0, 0, "a known field", "%s has no field '%s'", d->name, json_key(m))
			: json_is_null(m) ? 0
			: get_json_value(f, (char *)obj + f->offset, m, reterr);
		if (r < 0) {
			record_done(d, obj);
			return r;
		}
	}
	return 0;
}

static void put_schema_type(const struct field_desc *f, struct buf *out)
{
	static const char *const simple[] = {
		[FIELD_BOOL] = "{\"type\":\"boolean\"",
		[FIELD_I32] = "{\"type\":\"integer\"",
		[FIELD_U32] = "{\"type\":\"integer\",\"minimum\":0",
		[FIELD_U64] = "{\"type\":\"integer\",\"minimum\":0",
		[FIELD_DOUBLE] = "{\"type\":\"number\"",
		[FIELD_BLOB] = "{\"type\":\"integer\",\"minimum\":0",
		[FIELD_TIME] = "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"",
		[FIELD_STR] = "{\"type\":[\"string\",\"null\"]",
		[FIELD_STRS] = "{\"type\":\"array\",\"items\":{\"type\":\"string\"}",
		[FIELD_MAP] = "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}",
	};

	if (f->type == FIELD_ENUM) {
		buf_puts(out, "{\"enum\":[");
		for (int i = 0; i < f->names->count; i++) {
			json_put_sep(out);
			json_put_str(out, *f->names->names[i] ? f->names->names[i] : NULL);
		}
		buf_putc(out, ']');
	} else if (f->type == FIELD_RECORD) {
		buf_puts(out, "{\"allOf\":[");
		record_schema(f->record, out);
		buf_putc(out, ']');
	} else if (f->type == FIELD_RECORDS) {
		buf_puts(out, "{\"type\":\"array\",\"items\":");
		record_schema(f->record, out);
	} else {
		buf_puts(out, simple[f->type]);
	}
	if (f->doc) {
		buf_puts(out, ",\"description\":");
		json_put_str(out, f->doc);
	}
	buf_putc(out, '}');
}

void record_schema(const struct record_desc *d, struct buf *out)
{
	buf_puts(out, "{\"type\":\"object\",\"title\":");
	json_put_str(out, d->name);
	if (d->doc) {
		buf_puts(out, ",\"description\":");
		json_put_str(out, d->doc);
	}
	buf_puts(out, ",\"additionalProperties\":false,\"properties\":{");
	for (size_t i = 0; i < d->count; i++) {
		json_put_key(out, d->fields[i].name);
		put_schema_type(&d->fields[i], out);
	}
	buf_puts(out, "},\"required\":[");
	for (size_t i = 0; i < d->count; i++) {
		json_put_sep(out);
		json_put_str(out, d->fields[i].name);
	}
	buf_puts(out, "]}");
}
