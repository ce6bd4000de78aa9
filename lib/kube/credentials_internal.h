/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials with the time as a value, and the exec plugin. Private to lib/kube and its tests. */
#pragma once

#include "lib/base/text.h"
#include "lib/kube/credentials.h"

enum {
        CREDENTIALS_TOKEN_MS = 60 * 1000,      /* a token file is read again when older */
        CREDENTIALS_FILES_MS = 5 * 60 * 1000,  /* CA and client certificate files likewise */
        CREDENTIALS_REJECTED_MS = 1000,        /* between two reloads that a 401 asked for */
        CREDENTIALS_EXEC_MS = 30 * 1000,       /* a plugin may run */
        CREDENTIALS_EXEC_RETRY_MS = 10 * 1000, /* after it failed, while an earlier answer stands */
        CREDENTIALS_MAXIMUM = 1024 * 1024      /* bytes of one file, or of a plugin's answer */
};

bool credentials_get_at(Credentials *credentials, int64_t now_ms, CredentialsView *ret_view, Error *err) MUST_USE;
void credentials_rejected_at(Credentials *credentials, int64_t now_ms, const CredentialsView *view);
/* TLS failed with this view: the next credentials_get looks at the CA and certificate files again, at most once a
 * second. A plugin is not asked for that. */
void credentials_distrusted(Credentials *credentials, const CredentialsView *view);

/* What a plugin answered; the strings belong to the caller (exec_answer_done). */
typedef struct ExecAnswer {
        char *token;                            /* or NULL */
        char *client_cert_pem, *client_key_pem; /* both or none */
        int64_t valid_ms;                       /* from now on; -1: until rejected */
} ExecAnswer;

/* Runs the plugin of config->exec and reads its ExecCredential. Errors: UNAUTHORIZED with the plugin's exit status,
 * PROTOCOL, TIMEOUT, TOO_LARGE.
 * https://kubernetes.io/docs/reference/config-api/client-authentication.v1/ */
bool exec_run(const KubeConfig *config, const char *ca_pem, ExecAnswer *ret_answer, Error *err) MUST_USE;
void exec_answer_done(ExecAnswer *answer);
/* The text of KUBERNETES_EXEC_INFO, and the answer's parser: for tests and fuzzing. */
void exec_print_request(const KubeConfig *config, const char *ca_pem, Text *text);
bool exec_parse_answer(const char *api_version, const char *bytes, size_t size, int64_t wall_us, ExecAnswer *ret_answer,
        Error *err) MUST_USE;
