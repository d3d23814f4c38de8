/* SPDX-License-Identifier: Apache-2.0 */
/* Nanoseconds only. Wall time is CLOCK_REALTIME since 1970; the kernel stamps CLOCK_BOOTTIME. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define NSEC_PER_SEC 1000000000ull
#define NSEC_PER_MSEC 1000000ull
#define TIME_TEXT_SIZE 40

uint64_t time_now(void);      /* wall */
uint64_t time_monotonic(void);
uint64_t time_boot(void);
/* Wall time of a CLOCK_BOOTTIME stamp; the offset is taken anew at each call (clock steps). */
uint64_t time_from_boot(uint64_t boot_ns);
/* RFC 3339 UTC with nanoseconds, "2026-11-23T15:33:51.000000001Z"; 0 gives "". Returns out. */
const char *time_format(uint64_t wall_ns, char *out, size_t size);
/* RFC 3339 with Z or offset; or a duration such as "5m", meaning that long before now. -EINVAL. */
int time_parse(const char *s, uint64_t *ret_wall_ns);
