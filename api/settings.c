/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the environment of madbase-api. */
#include "api/settings.h"

#include <string.h>

#include "lib/base/text.h"

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

bool api_settings_parse(const char *(*get)(const char *name), Arena *arena, ApiSettings *ret_settings, Error *err) {
        ApiSettings settings = { .log_level = LOG_INFO };
        const char *host = get_or(get, "KUBERNETES_SERVICE_HOST", NULL);
        const char *port = get_or(get, "KUBERNETES_SERVICE_PORT", "443");
        const char *level = get_or(get, "LOG_LEVEL", "info");
        int64_t number = 0;

        settings.cluster = arena_string(arena, get_or(get, "MADBASE_CLUSTER", NULL));
        if (!settings.cluster)
                return error_set(err, ERROR_INVALID, "MADBASE_CLUSTER is not set; it must name the MadCluster");
        if (!host)
                return error_set(err, ERROR_INVALID,
                        "KUBERNETES_SERVICE_HOST is not set; it must be the address of the API server");
        settings.namespace_ = arena_string(arena, get_or(get, "POD_NAMESPACE", "default"));
        if (!log_parse_level(level, &settings.log_level))
                return error_set(
                        err, ERROR_INVALID, "LOG_LEVEL is \"%s\"; it must be debug, info, warn or error", level);
        if (!read_number("PORT", get_or(get, "PORT", "8001"), PORT_MAXIMUM, &number, err))
                return false;
        settings.port = (int)number;
        if (!read_number("DRAIN_SECONDS", get_or(get, "DRAIN_SECONDS", "5"), DRAIN_MAXIMUM_S, &number, err))
                return false;
        settings.drain_ms = number * 1000;
        settings.kube.server = arena_printf(arena, strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host, port);
        settings.kube.ca_file =
                arena_string(arena, get_or(get, "KUBERNETES_CA_FILE", "/etc/madbase/kubernetes/ca.crt"));
        settings.kube.namespace_ = settings.namespace_;
        *ret_settings = settings;
        return true;
}
