/* SPDX-License-Identifier: Apache-2.0 */
/* Reviews of the corpus (tests/fuzz/corpus/admission: written after the documented shapes), read back. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/fd.h"
#include "kube/kube.h"

static const char *corpus;

static inline void corpus_read(const char *name, struct buf *b)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", corpus, name);
	*b = BUF_INIT(KUBE_REVIEW_MAX);
	assert_int_equal(file_read(path, b), 0);
}

static inline void review_read(const char *name, struct kube_review *v)
{
	CLEANUP(buf_done) struct buf b;

	corpus_read(name, &b);
	*v = (struct kube_review){0};
	assert_int_equal(kube_review_read(v, (const char *)b.data, b.len), 0);
}

static inline bool has(const struct str_list *l, const char *text)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (strcmp(l->items[i], text) == 0)
			return true;
	return false;
}
