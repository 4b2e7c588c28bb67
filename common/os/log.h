/* SPDX-License-Identifier: MIT */
/* log.h - one line an event on stderr, with journald's level prefix. Control bytes are escaped,
 * lines are cut at LOG_LINE_MAX. Never give it tokens, keys or message texts. Thread-safe. Never
 * waits: a line that stderr does not take now is lost, counted, and told of later. */
#ifndef DOORBELL_COMMON_LOG_H
#define DOORBELL_COMMON_LOG_H

#include <stdint.h>

enum { LOG_LINE_MAX = 1024, LOG_QUIET_MS = 60000 /* between two lines about the same thing */ };

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* Lines above `level` are dropped. Called before threads start. */
void log_set_level(enum log_level level);

void log_at(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Lines that were lost until now. */
uint64_t log_lost(void);

/* From now on a broken invariant is logged and survived; a build with DOORBELL_FATAL_INVARIANTS
 * still aborts. Called before threads start. */
void log_bugs(void);

#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
