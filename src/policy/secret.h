/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an environment variable holds a secret: one answer for every gate and report. */
#pragma once

#include <stdbool.h>

bool secret_looks(const char *name, const char *value);
