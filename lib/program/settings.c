/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the environment of a pillar's program. */
#include "lib/base/text.h"
#include "lib/program/program.h"
#include "lib/remote/pg.h"
#include "lib/remote/redis.h"

enum { PORT_MAXIMUM = 65535, DRAIN_MAXIMUM_S = 300 };

static const char *get_or(const char *(*get)(const char *name), const char *name, const char *fallback) {
        const char *value = get(name);

        return value && *value ? value : fallback;
}

static bool read_number(const char *name, const char *text, int64_t maximum, int64_t *ret_number, Error *err) {
        return text_to_int(text, 0, maximum, ret_number) ||
               error_set(err, ERROR_INVALID, "%s is \"%s\"; it must be a number from 0 to %lld", name, text,
                       (long long)maximum);
}

static bool read_numbers(const char *(*get)(const char *name), ProgramSettings *settings, Error *err) {
        int64_t port = 0, metrics_port = 0, drain = 0;

        if (!read_number("PORT", get_or(get, "PORT", "8080"), PORT_MAXIMUM, &port, err) ||
                !read_number("METRICS_PORT", get_or(get, "METRICS_PORT", "9090"), PORT_MAXIMUM, &metrics_port, err) ||
                !read_number("DRAIN_SECONDS", get_or(get, "DRAIN_SECONDS", "5"), DRAIN_MAXIMUM_S, &drain, err))
                return false;
        if (port == metrics_port && port != 0)
                return error_set(err, ERROR_INVALID, "PORT and METRICS_PORT are both %d; they must differ", (int)port);
        settings->port = (int)port;
        settings->metrics_port = (int)metrics_port;
        settings->drain_ms = drain * 1000;
        return true;
}

/* A URL that cannot be read is found at start, not by a readiness that never comes. */
static bool check_urls(const ProgramSettings *settings, Arena *arena, Error *err) {
        RedisTarget target = { 0 };

        if (settings->database_url && !pg_check_conninfo(settings->database_url, err))
                return error_wrap(err, "DATABASE_URL");
        if (settings->redis_url && !redis_parse_url(settings->redis_url, arena, &target, err))
                return error_wrap(err, "REDIS_URL");
        return true;
}

bool program_settings_parse(
        const char *(*get)(const char *name), Arena *arena, ProgramSettings *ret_settings, Error *err) {
        const char *level = get_or(get, "LOG_LEVEL", "info");
        ProgramSettings settings = {
                .database_url = arena_string(arena, get_or(get, "DATABASE_URL", NULL)),
                .redis_url = arena_string(arena, get_or(get, "REDIS_URL", NULL)),
        };

        if (!log_parse_level(level, &settings.log_level))
                return error_set(
                        err, ERROR_INVALID, "LOG_LEVEL is \"%s\"; it must be debug, info, warn or error", level);
        if (!read_numbers(get, &settings, err) || !check_urls(&settings, arena, err))
                return false;
        *ret_settings = settings;
        return true;
}
