/* SPDX-License-Identifier: Apache-2.0 */
/* The binary form, copies and destruction of table-described records: see record.h. */
#include "model/record.h"

#include <errno.h>
#include <string.h>

static void *at(const struct field_desc *f, const void *obj)
{
	return (char *)(uintptr_t)obj + f->offset;
}

void str_list_done(struct str_list *l)
{
	for (uint32_t i = 0; i < l->count; i++)
		free(l->items[i]);
	free(l->items);
	*l = (struct str_list){0};
}

void kv_list_done(struct kv_list *l)
{
	for (uint32_t i = 0; i < l->count; i++) {
		free(l->items[i].key);
		free(l->items[i].value);
	}
	free(l->items);
	*l = (struct kv_list){0};
}

void record_done(const struct record_desc *d, void *obj)
{
	for (size_t i = 0; i < d->count; i++) {
		const struct field_desc *f = &d->fields[i];
		void *p = at(f, obj);
		struct record_list *l = p;

		switch (f->type) {
		case FIELD_STR:
			free(*(char **)p);
			break;
		case FIELD_STRS:
			str_list_done(p);
			break;
		case FIELD_BLOB:
			free(((struct blob *)p)->data);
			break;
		case FIELD_MAP:
			kv_list_done(p);
			break;
		case FIELD_RECORD:
			record_done(f->record, p);
			break;
		case FIELD_RECORDS:
			for (uint32_t k = 0; k < l->count; k++)
				record_done(f->record, (char *)l->items + k * f->record->size);
			free(l->items);
			break;
		case FIELD_BOOL:
		case FIELD_I32:
		case FIELD_U32:
		case FIELD_U64:
		case FIELD_DOUBLE:
		case FIELD_TIME:
		case FIELD_ENUM:
			break;
		}
	}
	memset(obj, 0, d->size);
}

/* Scalars as u64 bits; 0 is "empty". */
static uint64_t scalar(const struct field_desc *f, const void *p)
{
	uint64_t v = 0;

	switch (f->type) {
	case FIELD_BOOL:
		return *(const bool *)p;
	case FIELD_I32:
	case FIELD_ENUM:
		return (uint64_t)(int64_t)*(const int32_t *)p;
	case FIELD_U32:
		return *(const uint32_t *)p;
	case FIELD_U64:
	case FIELD_TIME:
		return *(const uint64_t *)p;
	case FIELD_DOUBLE:
		memcpy(&v, p, sizeof(v));
		return v;
	default:
		return 0;
	}
}

static void set_scalar(const struct field_desc *f, void *p, uint64_t v)
{
	switch (f->type) {
	case FIELD_BOOL:
		*(bool *)p = v != 0;
		break;
	case FIELD_I32:
		*(int32_t *)p = (int32_t)v;
		break;
	case FIELD_ENUM:
		*(int *)p = v < (uint64_t)f->names->count ? (int)v : 0;
		break;
	case FIELD_U32:
		*(uint32_t *)p = (uint32_t)v;
		break;
	case FIELD_U64:
	case FIELD_TIME:
		*(uint64_t *)p = v;
		break;
	case FIELD_DOUBLE:
		memcpy(p, &v, sizeof(v));
		break;
	default:
		break;
	}
}

static void put_strn(struct buf *out, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	buf_put_u32(out, (uint32_t)n);
	buf_put(out, s ? s : "", n);
}

static void put_value(const struct field_desc *f, const void *p, struct buf *out)
{
	const struct str_list *strs = p;
	const struct kv_list *kvs = p;
	const struct record_list *list = p;
	const struct blob *blob = p;

	switch (f->type) {
	case FIELD_STR:
		buf_puts(out, *(char *const *)p);
		break;
	case FIELD_BLOB:
		buf_put(out, blob->data, blob->size);
		break;
	case FIELD_STRS:
		for (uint32_t i = 0; i < strs->count; i++)
			put_strn(out, strs->items[i]);
		break;
	case FIELD_MAP:
		for (uint32_t i = 0; i < kvs->count; i++) {
			put_strn(out, kvs->items[i].key);
			put_strn(out, kvs->items[i].value);
		}
		break;
	case FIELD_RECORD:
		record_encode(f->record, p, out);
		break;
	case FIELD_RECORDS:
		for (uint32_t i = 0; i < list->count && !out->failed; i++) {
			size_t mark = out->len;
			buf_put_u32(out, 0);
			record_encode(f->record, (char *)list->items + i * f->record->size, out);
			if (out->failed)
				break;
			uint32_t n = (uint32_t)(out->len - mark - 4);
			for (int b = 0; b < 4; b++)
				out->data[mark + (size_t)b] = (uint8_t)(n >> (8 * b));
		}
		break;
	default:
		buf_put_u64(out, scalar(f, p));
		break;
	}
}

static bool is_empty(const struct field_desc *f, const void *p)
{
	switch (f->type) {
	case FIELD_STR:
		return !*(char *const *)p || !**(char *const *)p;
	case FIELD_BLOB:
		return ((const struct blob *)p)->size == 0;
	case FIELD_STRS:
		return ((const struct str_list *)p)->count == 0;
	case FIELD_MAP:
		return ((const struct kv_list *)p)->count == 0;
	case FIELD_RECORDS:
		return ((const struct record_list *)p)->count == 0;
	case FIELD_RECORD:
		for (size_t i = 0; i < f->record->count; i++)
			if (!is_empty(&f->record->fields[i], at(&f->record->fields[i], p)))
				return false;
		return true;
	default:
		return scalar(f, p) == 0;
	}
}

void record_encode(const struct record_desc *d, const void *obj, struct buf *out)
{
	for (size_t i = 0; i < d->count && !out->failed; i++) {
		const struct field_desc *f = &d->fields[i];
		const void *p = at(f, obj);

		if (is_empty(f, p))
			continue;
		buf_put_u16(out, f->tag);
		size_t mark = out->len;
		buf_put_u32(out, 0);
		put_value(f, p, out);
		if (out->failed)
			break;
		uint32_t n = (uint32_t)(out->len - mark - 4);
		for (int b = 0; b < 4; b++)
			out->data[mark + (size_t)b] = (uint8_t)(n >> (8 * b));
	}
}

static char *dup_view(const uint8_t *p, size_t n)
{
	char *s = malloc(n + 1);

	if (!s)
		return NULL;
	memcpy(s, p, n);
	s[n] = 0;
	return s;
}

/* One more zeroed element at the end of a list; growth doubles at powers of two. */
static void *list_grow(void **items, uint32_t *count, size_t size)
{
	uint32_t n = *count;

	if (n >= RECORD_MAX_ITEMS)
		return NULL;
	if ((n & (n - 1)) == 0) {
		void *bigger = realloc(*items, (n ? n * 2u : 1u) * size);
		if (!bigger)
			return NULL;
		*items = bigger;
	}
	void *item = (char *)*items + n * size;
	memset(item, 0, size);
	*count = n + 1;
	return item;
}

static int get_str(struct reader *r, char **ret)
{
	uint32_t n = reader_u32(r);
	const uint8_t *p = reader_bytes(r, n);

	if (!p)
		return -EBADMSG;
	*ret = dup_view(p, n);
	return *ret ? 0 : -ENOMEM;
}

static int get_list(const struct field_desc *f, void *p, struct reader *r)
{
	struct str_list *strs = p;
	struct kv_list *kvs = p;
	struct record_list *list = p;
	int ret = 0;

	while (ret == 0 && reader_left(r)) {
		if (f->type == FIELD_STRS) {
			char **s = list_grow((void **)&strs->items, &strs->count, sizeof(char *));
			ret = s ? get_str(r, s) : -ENOMEM;
		} else if (f->type == FIELD_MAP) {
			struct key_value *kv = list_grow((void **)&kvs->items, &kvs->count, sizeof(*kv));
			ret = kv ? get_str(r, &kv->key) : -ENOMEM;
			if (ret == 0)
				ret = get_str(r, &kv->value);
		} else {
			uint32_t n = reader_u32(r);
			const uint8_t *body = reader_bytes(r, n);
			void *item = body ? list_grow(&list->items, &list->count, f->record->size) : NULL;
			ret = !body ? -EBADMSG : !item ? -ENOMEM : record_decode(f->record, item, body, n);
		}
	}
	return ret;
}

static int get_value(const struct field_desc *f, void *p, const uint8_t *body, size_t n)
{
	struct reader r = READER(body, n);

	switch (f->type) {
	case FIELD_STR:
		free(*(char **)p);
		*(char **)p = dup_view(body, n);
		return *(char **)p ? 0 : -ENOMEM;
	case FIELD_BLOB:
		free(((struct blob *)p)->data);
		((struct blob *)p)->data = (uint8_t *)dup_view(body, n);
		((struct blob *)p)->size = (uint32_t)n;
		return ((struct blob *)p)->data ? 0 : -ENOMEM;
	case FIELD_STRS:
	case FIELD_MAP:
	case FIELD_RECORDS:
		return get_list(f, p, &r);
	case FIELD_RECORD:
		record_done(f->record, p);
		return record_decode(f->record, p, body, n);
	default:
		set_scalar(f, p, reader_u64(&r));
		return r.failed;
	}
}

int record_decode(const struct record_desc *d, void *obj, const void *data, size_t n)
{
	struct reader r = READER(data, n);
	int ret = 0;

	while (ret == 0 && reader_left(&r)) {
		uint16_t tag = reader_u16(&r);
		uint32_t len = reader_u32(&r);
		const uint8_t *body = reader_bytes(&r, len);

		if (!body) {
			ret = -EBADMSG;
			break;
		}
		for (size_t i = 0; i < d->count; i++) {
			if (d->fields[i].tag != tag)
				continue;
			ret = get_value(&d->fields[i], at(&d->fields[i], obj), body, len);
			break;
		}
	}
	if (ret < 0)
		record_done(d, obj);
	return ret;
}

const uint8_t *record_peek(const struct record_desc *d, const char *name, const void *data, size_t n, size_t *ret_size)
{
	struct reader r = READER(data, n);
	uint16_t want = 0;

	for (size_t i = 0; i < d->count; i++)
		if (strcmp(d->fields[i].name, name) == 0)
			want = d->fields[i].tag;
	while (want && reader_left(&r)) {
		uint16_t tag = reader_u16(&r);
		uint32_t len = reader_u32(&r);
		const uint8_t *body = reader_bytes(&r, len);

		if (!body || tag != want)
			continue;
		*ret_size = len;
		return body;
	}
	return NULL;
}

int record_copy(const struct record_desc *d, void *to, const void *from)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(SIZE_MAX / 2);

	record_encode(d, from, &b);
	return b.failed ? b.failed : record_decode(d, to, b.data, b.len);
}

bool record_equal(const struct record_desc *d, const void *a, const void *b)
{
	CLEANUP(buf_done) struct buf x = BUF_INIT(SIZE_MAX / 2);
	CLEANUP(buf_done) struct buf y = BUF_INIT(SIZE_MAX / 2);

	record_encode(d, a, &x);
	record_encode(d, b, &y);
	return !x.failed && !y.failed && x.len == y.len && (x.len == 0 || memcmp(x.data, y.data, x.len) == 0);
}

int enum_from_name(const struct enum_names *e, const char *name)
{
	for (int i = 0; i < e->count; i++)
		if (strcmp(e->names[i], name) == 0)
			return i;
	return -1;
}

const char *enum_name(const struct enum_names *e, int value)
{
	return value >= 0 && value < e->count ? e->names[value] : "?";
}

int str_set(char **field, const char *s)
{
	char *copy = s && *s ? strdup(s) : NULL;

	if (s && *s && !copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int str_list_add(struct str_list *l, const char *s)
{
	char *copy = strdup(s);
	char **slot = copy ? list_grow((void **)&l->items, &l->count, sizeof(char *)) : NULL;

	if (!slot) {
		free(copy);
		return -ENOMEM;
	}
	*slot = copy;
	return 0;
}

int kv_list_add(struct kv_list *l, const char *key, const char *value)
{
	char *k = strdup(key), *v = strdup(value);
	struct key_value *slot = k && v ? list_grow((void **)&l->items, &l->count, sizeof(*slot)) : NULL;

	if (!slot) {
		free(k);
		free(v);
		return -ENOMEM;
	}
	*slot = (struct key_value){k, v};
	return 0;
}

const char *kv_list_get(const struct kv_list *l, const char *key)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (strcmp(l->items[i].key, key) == 0)
			return l->items[i].value;
	return NULL;
}
