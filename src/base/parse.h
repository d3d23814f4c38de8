/* SPDX-License-Identifier: Apache-2.0 */
/* Strict parsing: the whole string or -EINVAL; out of range is -ERANGE. Outputs only on success. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret);
int parse_hex64(const char *s, uint64_t *ret);
/* "250ms", "60s", "5m", "24h", "7d" to nanoseconds. */
int parse_duration(const char *s, uint64_t *ret_ns);
/* "100", "64K", "100M", "1G" (powers of 1024) to bytes. */
int parse_size(const char *s, uint64_t *ret);
/* IPv4 or IPv6 text, optional /prefix. IPv4 is kept as ::ffff:a.b.c.d with prefix + 96. */
int parse_cidr(const char *s, uint8_t ret_addr[16], uint8_t *ret_prefix);
/* The text of such an address; IPv4-mapped as dotted quad. out >= 46 bytes. Returns out. */
const char *address_format(const uint8_t addr[16], char *out, size_t size);
bool str_has_prefix(const char *s, const char *prefix);
bool str_has_suffix(const char *s, const char *suffix);
bool str_is_hex(const char *s, size_t n);
