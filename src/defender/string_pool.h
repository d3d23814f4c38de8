/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of processes in a fixed piece of memory: chains of 64 byte chunks with a reference count,
 * so that a fork shares its parent's text and nothing ever fragments. Memory is touched only as it
 * is used. No heap after the start.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define STRING_POOL_TEXT_MAX 8192u

struct string_pool;

int string_pool_new(struct string_pool **ret, uint32_t chunks);
struct string_pool *string_pool_free(struct string_pool *p);
CLEANUP_DEFINE(struct string_pool, string_pool_free)

/* Copies n bytes (at most STRING_POOL_TEXT_MAX) in; a handle with one reference, 0 when full. */
uint32_t string_pool_put(struct string_pool *p, const void *text, size_t n);
uint32_t string_pool_ref(struct string_pool *p, uint32_t handle); /* 0 is allowed and stays 0 */
void string_pool_unref(struct string_pool *p, uint32_t handle);
/* Copies at most `size` bytes out; returns how many. */
size_t string_pool_get(const struct string_pool *p, uint32_t handle, void *out, size_t size);
uint32_t string_pool_used(const struct string_pool *p); /* chunks */
