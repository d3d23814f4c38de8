/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that need a capability and that a container's program has no business with: what each
 * one means. The kernel half gets the rows by number (src/sensor/policy.c) and asks for them where the
 * kernel itself asks for the capability; policy tests and replay find them by name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/enums.h"

#define CALL_NONE 0xffffffffu /* no such call there */

/* When it means something: its arguments are looked at, as far as the kernel half can. */
enum call_when {
	CALL_ALWAYS,
	CALL_TO_ROOT,     /* a process without root's rights asks for user 0 */
	CALL_TO_ROOT_ANY, /* ... in one of its first two arguments */
	CALL_NAMESPACES,  /* its flags make namespaces */
	CALL_NAMESPACES_AT, /* ... that lie where its argument points to */
};

struct policy_call {
	const char *name;
	uint32_t number;         /* of this machine's own system calls */
	uint32_t number_compat;  /* of 32-bit programs on it */
	uint8_t capability;      /* that the kernel asks for */
	enum detection detection;
	bool lasting;  /* what it did outlives its process: killing that one does not undo it */
	enum call_when when;
};

extern const struct policy_call policy_calls[];
extern const size_t policy_calls_count;

/* NULL when it is none of them. */
const struct policy_call *policy_call_of(const char *name);
