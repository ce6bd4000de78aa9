/* SPDX-License-Identifier: Apache-2.0 */
/* Environment of madbase-api, as values. */
#pragma once

#include "lib/base/log.h"
#include "lib/kube/config.h"

typedef struct ApiSettings {
        const char *cluster;    /* MADBASE_CLUSTER: the MadCluster this door belongs to; required */
        const char *namespace_; /* POD_NAMESPACE; "default" */
        int port;               /* PORT; 8001 */
        int64_t drain_ms;       /* DRAIN_SECONDS; 5 s: readiness fails for so long before the port closes */
        LogLevel log_level;     /* LOG_LEVEL; info */
        KubeConfig kube;        /* address and CA of the API server, without credentials */
} ApiSettings;

/* `get` answers for the environment (getenv; tests bring their own): besides the above KUBERNETES_SERVICE_HOST, _PORT
 * and KUBERNETES_CA_FILE (/etc/madbase/kubernetes/ca.crt). Strings live in the arena. INVALID with a sentence. */
bool api_settings_parse(
        const char *(*get)(const char *name), Arena *arena, ApiSettings *ret_settings, Error *err) MUST_USE;
