/* SPDX-License-Identifier: Apache-2.0 */
/* Names for records that several programs make at the same time. */
#pragma once

#include <stdint.h>

#define ID_SIZE 27

/* 26 characters, unique, in order of time. */
void id_make(uint64_t wall_ns, char out[ID_SIZE]);
