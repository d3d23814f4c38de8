/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talk goes to stderr, one line a call, untrusted bytes escaped. Libraries return errors and stay
 * silent (debug at most); programs log once, where they decide: `return log_err(r, "cannot ...")`.
 */
#pragma once

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* name is borrowed for good. The level comes from SEAWALL_LOG (error|warning|info|debug), else info. */
void log_open(const char *name);
void log_set_level(enum log_level level);

/* r: a negative errno appended as text, or 0. Returns r. */
int log_write(enum log_level level, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#define log_err(r, ...) log_write(LOG_LEVEL_ERROR, (r), __VA_ARGS__)
#define log_warn(r, ...) log_write(LOG_LEVEL_WARNING, (r), __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, 0, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, 0, __VA_ARGS__)
