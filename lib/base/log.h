/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON object per line on standard error: ts (RFC 3339, UTC, milliseconds), level, msg, then the context. Only
 * programs and the runtime's workers log; libraries return errors. Safe from every thread; a line is one write of at
 * most LOG_MAXIMUM_BYTES, so that lines of several writers to one pipe never mix; a longer message is cut. */
#pragma once

#include <stdbool.h>

#include "lib/base/cleanup.h"

typedef enum LogLevel { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR } LogLevel;

enum { LOG_MAXIMUM_BYTES = 4096 }; /* PIPE_BUF of Linux */

/* Who the line is about; any member may be NULL. */
typedef struct LogContext {
        const char *component;  /* "statepillar", "lease", "prober" */
        const char *namespace_; /* of the object */
        const char *name;
        const char *reconcile_id; /* "reconcileID" in the line, as controller-runtime has it */
} LogContext;

/* Lines below `level` are dropped; LOG_INFO at start. */
void log_set_level(LogLevel level);
/* "debug", "info", "warn", "error"; false for anything else. */
bool log_parse_level(const char *word, LogLevel *ret_level);
/* `context` may be NULL. The format has no line end. */
void log_debug(const LogContext *context, const char *format, ...) PRINTF(2, 3);
void log_info(const LogContext *context, const char *format, ...) PRINTF(2, 3);
void log_warn(const LogContext *context, const char *format, ...) PRINTF(2, 3);
void log_error(const LogContext *context, const char *format, ...) PRINTF(2, 3);
