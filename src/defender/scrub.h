/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes secrets out of arguments before they are kept or shown: password=, --token X,
 * Authorization headers, keys of AWS, user:password@ in addresses, and what a miner gives with -p.
 */
#pragma once

#include <stdbool.h>

#include "model/record.h"

#define SCRUBBED "***"

/*
 * Replaces items of *args by texts without the secret; what is not secret stays as it is. New texts
 * live in `memory`; when that is full the whole argument is replaced. `miner`: the program was
 * recognised as one. Returns how many arguments were changed.
 */
uint32_t scrub_args(struct str_list *args, bool miner, char *memory, size_t size);
