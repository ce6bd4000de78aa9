/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines on standard error. Law: every line is valid JSON and one write, whatever the message holds. */
#include "lib/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/text.h"

enum { CONTEXT_VALUE_BYTES = 256, MICROS_PER_MILLI = 1000 };

static const char *const names[] = {
        [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"
};

static _Atomic int lowest = LOG_INFO;

void log_set_level(LogLevel level) {
        atomic_store_explicit(&lowest, (int)level, memory_order_relaxed);
}

bool log_parse_level(const char *word, LogLevel *ret_level) {
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                if (text_equal(word, names[i])) {
                        *ret_level = (LogLevel)i;
                        return true;
                }
        }
        return false;
}

static void append_member(Text *line, const char *key, const char *value) {
        char cut[CONTEXT_VALUE_BYTES + 1];
        size_t size;

        if (!value)
                return;
        size = text_cut(value, CONTEXT_VALUE_BYTES);
        memcpy(cut, value, size);
        cut[size] = '\0';
        text_printf(line, ",\"%s\":", key);
        json_append_string(cut, line);
}

static void append_time(Text *line) {
        char time[CLOCK_RFC3339_SIZE];
        int64_t now = clock_wall_us();

        clock_format_micro(now, time);
        /* Microseconds and 'Z' cut off: three digits stay. */
        time[strlen(time) - 4] = '\0';
        text_printf(line, "{\"ts\":\"%sZ\"", time);
}

static void build_line(Text *line, LogLevel level, const LogContext *context, const char *message) {
        static const LogContext nobody = { 0 };
        const LogContext *about = context ? context : &nobody;

        append_time(line);
        text_printf(line, ",\"level\":\"%s\",\"msg\":", names[level]);
        json_append_string(message, line);
        append_member(line, "component", about->component);
        append_member(line, "namespace", about->namespace_);
        append_member(line, "name", about->name);
        append_member(line, "reconcileID", about->reconcile_id);
        text_append(line, "}\n");
}

static void write_line(LogLevel level, const LogContext *context, const char *format, va_list args) {
        static const char more[] = "...";
        char message[LOG_MAXIMUM_BYTES];
        CLEANUP(text_done) Text line = { .maximum = LOG_MAXIMUM_BYTES };
        int length = vsnprintf(message, sizeof(message), format, args);
        size_t limit = sizeof(message) - 1;

        if (length < 0)
                return;
        build_line(&line, level, context, message);
        /* Escapes make a message longer than its bytes: cut it until the whole line fits. */
        while ((line.failed || (size_t)length > limit) && limit > sizeof(more)) {
                size_t cut = text_cut(message, limit - limit / 8 - sizeof(more));

                memcpy(message + cut, more, sizeof(more));
                limit = cut + sizeof(more) - 1;
                length = (int)limit;
                text_clear(&line);
                build_line(&line, level, context, message);
        }
        if (line.failed) {
                text_clear(&line);
                build_line(&line, level, NULL, message);
        }
        while (write(STDERR_FILENO, line.data, line.size) < 0 && errno == EINTR)
                ;
}

static bool is_on(LogLevel level) {
        return (int)level >= atomic_load_explicit(&lowest, memory_order_relaxed);
}

void log_debug(const LogContext *context, const char *format, ...) {
        va_list args;

        if (!is_on(LOG_DEBUG))
                return;
        va_start(args, format);
        write_line(LOG_DEBUG, context, format, args);
        va_end(args);
}

void log_info(const LogContext *context, const char *format, ...) {
        va_list args;

        if (!is_on(LOG_INFO))
                return;
        va_start(args, format);
        write_line(LOG_INFO, context, format, args);
        va_end(args);
}

void log_warn(const LogContext *context, const char *format, ...) {
        va_list args;

        if (!is_on(LOG_WARN))
                return;
        va_start(args, format);
        write_line(LOG_WARN, context, format, args);
        va_end(args);
}

void log_error(const LogContext *context, const char *format, ...) {
        va_list args;

        if (!is_on(LOG_ERROR))
                return;
        va_start(args, format);
        write_line(LOG_ERROR, context, format, args);
        va_end(args);
}
