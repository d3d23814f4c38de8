/* SPDX-License-Identifier: Apache-2.0 */
/* The check every record passes before anybody reads it. Fuzzed (tests/fuzz/fuzz_wire.c). */
#pragma once

#include <stddef.h>

#include "bpf/event_wire.h"

/*
 * The record within `size` bytes, or NULL: its type is known, it is as large as it says, inner
 * lengths add up, strings end, enums are in range. The view borrows `data`, which must be aligned
 * to 8 bytes.
 */
const struct wire_header *sensor_record_check(const void *data, size_t size);
