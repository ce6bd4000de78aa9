/* SPDX-License-Identifier: Apache-2.0 */
/* Flags and environment of the operator, as values. A flag wins over the environment; what nobody says has a default.
 */
#pragma once

#include "lib/base/log.h"
#include "operator/runtime/manager.h"

typedef struct Settings {
        bool help, version;                      /* asked for: nothing else counts */
        const char *kubeconfig;                  /* NULL: in the cluster */
        const char *context;                     /* NULL: the file's current one */
        const char *service_host, *service_port; /* address of the API server in the cluster */
        LogLevel log_level;
        ManagerOptions manager; /* config, controllers and started_ms are the caller's */
} Settings;

/* Usage, for --help. */
extern const char settings_help[];

/* `get` answers for the environment (getenv; tests bring their own). Strings live in the arena or in `argv`. INVALID
 * with a sentence. */
bool settings_parse(int argc, char *const *argv, const char *(*get)(const char *name), Arena *arena,
        Settings *ret_settings, Error *err) MUST_USE;
