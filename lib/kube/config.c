/* SPDX-License-Identifier: Apache-2.0 */
/* The service account of a pod as a config; what a kubeconfig file says is read in config_file.c. */
#include "lib/kube/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/kube/read_file.h"

enum { NAMESPACE_MAXIMUM = 256 };

static const char SERVICE_ACCOUNT[] = "/var/run/secrets/kubernetes.io/serviceaccount";

static const char *read_namespace(const char *file, Arena *arena) {
        CLEANUP(text_done) Text text = { .maximum = NAMESPACE_MAXIMUM };
        if (!read_file(file, &text, NULL))
                return "default";
        const char *name = text_string(&text);
        size_t length = strcspn(name, " \t\r\n");
        return length ? arena_bytes(arena, name, length) : "default";
}

bool kube_config_in_cluster(
        const char *host, const char *port, const char *root, Arena *arena, KubeConfig *ret_config, Error *err) {
        if (!host || !*host || !port || !*port)
                return error_set(err, ERROR_NOT_FOUND,
                        "not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set");
        int64_t number = 0;
        if (!text_to_int(port, 1, 65535, &number))
                return error_set(err, ERROR_INVALID, "KUBERNETES_SERVICE_PORT is \"%s\", not a port", port);
        root = root ? root : SERVICE_ACCOUNT;
        bool ipv6 = strchr(host, ':') && host[0] != '[';
        KubeConfig config = {
                .server = arena_printf(arena, "https://%s%s%s:%s", ipv6 ? "[" : "", host, ipv6 ? "]" : "", port),
                .ca_file = arena_printf(arena, "%s/ca.crt", root),
                .token_file = arena_printf(arena, "%s/token", root),
                .namespace_ = read_namespace(arena_printf(arena, "%s/namespace", root), arena),
        };
        if (access(config.token_file, R_OK) != 0)
                return error_set(
                        err, ERROR_NOT_FOUND, "the service account's token %s cannot be read", config.token_file);
        *ret_config = config;
        return true;
}
