/* SPDX-License-Identifier: Apache-2.0 */
/* Where the API server is and who we are: from the pod's service account or from a kubeconfig file. Read once at start;
 * what rotates (token, CA, client certificate, exec plugin) is only named here and read again by credentials.h.
 * https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
 * https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"

typedef struct KubeExec {
        const char *command;     /* NULL: no exec plugin; without a slash it is looked up in PATH */
        const char *const *args; /* NULL-terminated */
        const char *const *env;  /* "NAME=value", NULL-terminated */
        const char *api_version; /* client.authentication.k8s.io/v1 or v1beta1 */
        bool provide_cluster_info;
        const char *cluster_config; /* JSON for the plugin from the cluster's extension; NULL: none */
} KubeExec;

typedef struct KubeConfig {
        const char *server;          /* "https://host:port", IPv6 in brackets, no slash at the end */
        const char *tls_server_name; /* NULL: the host of `server` */
        const char *ca_file;         /* one of these two, or none for the system's CAs */
        const char *ca_data;         /* PEM */
        bool insecure;               /* only from a kubeconfig that says so */
        const char *token_file;      /* read again when it is older than a minute, and on 401 */
        const char *token;           /* fixed */
        const char *client_cert_file, *client_key_file;
        const char *client_cert_data, *client_key_data; /* PEM */
        KubeExec exec;
        const char *namespace_; /* default namespace; "default" when nothing says otherwise */
} KubeConfig;

/* The service account's files below `root` (NULL: "/var/run/secrets/kubernetes.io/serviceaccount") and the address
 * given (values of KUBERNETES_SERVICE_HOST and _PORT; the caller reads the environment). All strings live in the arena.
 * Errors: NOT_FOUND outside a pod, INVALID. */
bool kube_config_in_cluster(const char *host, const char *port, const char *root, Arena *arena, KubeConfig *ret_config,
        Error *err) MUST_USE;
/* A kubeconfig file; `context` NULL means current-context. Relative file names are relative to the file's folder. What
 * this library cannot do (basic auth, auth-provider, impersonation, proxy-url, a plugin that needs a terminal) is
 * refused rather than left out. Errors: NOT_FOUND, INVALID with the field named, PROTOCOL. */
bool kube_config_load(const char *file, const char *context, Arena *arena, KubeConfig *ret_config, Error *err) MUST_USE;
/* As above from text; `file` is what messages call it and where relative file names start. */
bool kube_config_parse(const char *text, size_t size, const char *file, const char *context, Arena *arena,
        KubeConfig *ret_config, Error *err) MUST_USE;
