/* SPDX-License-Identifier: Apache-2.0 */
/* What the record of a judged command says whoever sent it, a client of Docker or an API server of Kubernetes. */
#pragma once

#include "policy/gates.h"

/* "allowed", "allowed, with a warning", "denied". */
const char *answer_word(enum access_effect effect);
/* Effect, what was done, severity, technique and the command's verdict. Nothing in it needs to be freed. */
void answer_fill(struct audit *a, enum access_effect effect, const char *action, bool dangerous);
