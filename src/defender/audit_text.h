/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences of runtime audits. */
#pragma once

#include <stddef.h>

struct event;
struct outcome;

/* "crypto miner: argument 'stratum+tcp://' of /usr/bin/nginx (pid 123)" */
const char *audit_text_reason(const struct outcome *o, const struct event *e, char *out, size_t size);
/* The whole message: refusal or alert, with what fell short. */
const char *audit_text_message(const struct outcome *o, const struct event *e, char *out, size_t size);
