/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of a pillar's program: settings from the environment, health and metrics on a port of their own, readiness
 * that looks at PostgreSQL and Redis through the entry, a graceful drain on SIGTERM. Stands above lib/remote and
 * lib/server because it joins them; see docs/decisions/020-program-frame.md. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/log.h"
#include "lib/server/server.h"

/* What a program adds to the frame. */
typedef struct Program {
        const char *name;          /* "madbase-gateway" */
        const char *does;          /* one line for --help */
        const ServerRoute *routes; /* on the public port, ended by a row whose path is NULL */
} Program;

typedef struct ProgramSettings {
        const char *database_url; /* DATABASE_URL; NULL: no PostgreSQL to look at */
        const char *redis_url;    /* REDIS_URL; NULL: no Redis to look at */
        int port;                 /* PORT; 8080 */
        int metrics_port;         /* METRICS_PORT; 9090: health, readiness, metrics */
        int64_t drain_ms;         /* DRAIN_SECONDS; 5 s: not ready for so long before the ports close */
        LogLevel log_level;       /* LOG_LEVEL; info */
} ProgramSettings;

/* `get` answers for the environment (getenv; tests bring their own). Strings live in the arena. INVALID with a sentence
 * that names the variable; it never holds a password. */
bool program_settings_parse(
        const char *(*get)(const char *name), Arena *arena, ProgramSettings *ret_settings, Error *err) MUST_USE;

/* The whole of main: returns the exit status: 0 after a stop, 1 when it could not serve, 2 for wrong usage. `get` as
 * above. */
int program_main(const Program *program, int argc, char **argv, const char *(*get)(const char *name));
