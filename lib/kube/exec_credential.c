/* SPDX-License-Identifier: Apache-2.0 */
/* ExecCredential: what a plugin is told and what it answers.
 * https://kubernetes.io/docs/reference/config-api/client-authentication.v1/ */
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/kube/base64.h"
#include "lib/kube/credentials_internal.h"

static const int64_t LEEWAY_MS = 10000;

static void put_cluster(const KubeConfig *config, const char *ca_pem, Json *spec) {
        Json *cluster = json_put_object(spec, "cluster");
        Json *extension = NULL;
        json_put_string(cluster, "server", config->server);
        if (config->tls_server_name)
                json_put_string(cluster, "tls-server-name", config->tls_server_name);
        if (config->insecure)
                json_put_bool(cluster, "insecure-skip-tls-verify", true);
        if (ca_pem) {
                CLEANUP(text_done) Text encoded = { 0 };
                base64_encode(ca_pem, strlen(ca_pem), &encoded);
                json_put_string(cluster, "certificate-authority-data", text_string(&encoded));
        }
        const char *text = config->exec.cluster_config;
        if (text && json_parse(text, strlen(text), &extension, NULL))
                json_put(cluster, "config", extension);
}

void exec_print_request(const KubeConfig *config, const char *ca_pem, Text *text) {
        CLEANUP(json_cleanup) Json *json = json_new_object();
        json_put_string(json, "kind", "ExecCredential");
        json_put_string(json, "apiVersion", config->exec.api_version);
        Json *spec = json_put_object(json, "spec");
        json_put_bool(spec, "interactive", false);
        if (config->exec.provide_cluster_info)
                put_cluster(config, ca_pem, spec);
        json_append(json, text);
}

/* -1 without a timestamp; what is over already is worth nothing, but is given as is: the server says so better. */
static bool parse_expiry(const Json *status, int64_t wall_us, int64_t *ret_valid_ms, Error *err) {
        const char *text = json_string(json_get(status, "expirationTimestamp"), NULL);
        int64_t expires_us = 0;
        if (text && !clock_parse(text, &expires_us))
                return error_set(err, ERROR_PROTOCOL, "expirationTimestamp \"%s\" is not a time", text);
        int64_t valid_ms = text ? (expires_us - wall_us) / 1000 : -1;
        if (text && valid_ms > 2 * LEEWAY_MS)
                valid_ms -= LEEWAY_MS;
        *ret_valid_ms = text && valid_ms < 0 ? 0 : valid_ms;
        return true;
}

bool exec_parse_answer(
        const char *api_version, const char *bytes, size_t size, int64_t wall_us, ExecAnswer *ret_answer, Error *err) {
        CLEANUP(json_cleanup) Json *json = NULL;
        if (!json_parse(bytes, size, &json, err))
                return false;
        if (!text_equal(json_string(json_get(json, "kind"), ""), "ExecCredential") ||
                !text_equal(json_string(json_get(json, "apiVersion"), ""), api_version))
                return error_set(err, ERROR_PROTOCOL, "its answer is not an ExecCredential of %s", api_version);
        const Json *status = json_get(json, "status");
        const char *token = json_string(json_get(status, "token"), NULL);
        const char *cert = json_string(json_get(status, "clientCertificateData"), NULL);
        const char *key = json_string(json_get(status, "clientKeyData"), NULL);
        token = token && *token ? token : NULL;
        cert = cert && *cert ? cert : NULL;
        key = key && *key ? key : NULL;
        if ((!token && !cert) || !cert != !key)
                return error_set(err, ERROR_PROTOCOL, "its answer holds neither token nor certificate with key");
        int64_t valid_ms = 0;
        if (!parse_expiry(status, wall_us, &valid_ms, err))
                return false;
        *ret_answer = (ExecAnswer){ .token = alloc_string(token),
                .client_cert_pem = alloc_string(cert),
                .client_key_pem = alloc_string(key),
                .valid_ms = valid_ms };
        return true;
}

static void forget(char **secret) {
        if (*secret)
                explicit_bzero(*secret, strlen(*secret));
        free(*secret);
        *secret = NULL;
}

void exec_answer_done(ExecAnswer *answer) {
        forget(&answer->token);
        forget(&answer->client_key_pem);
        free(TAKE(answer->client_cert_pem));
}
