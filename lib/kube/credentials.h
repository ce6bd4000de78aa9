/* SPDX-License-Identifier: Apache-2.0 */
/* What authenticates us now: token file read again after a minute or on 401, exec plugin run again before its answer
 * expires or on 401, CA and client certificate files looked at every five minutes, on 401 and when TLS fails. A failed
 * read keeps what was there. Safe from every thread. */
#pragma once

#include <stdint.h>

#include "lib/kube/config.h"

typedef struct Credentials Credentials;

/* What a request needs; strings belong to the caller after credentials_get (credentials_view_done). */
typedef struct CredentialsView {
        char *authorization; /* "Bearer ...", or NULL */
        char *ca_pem;        /* NULL: the system's CAs */
        char *client_cert_pem, *client_key_pem;
        uint64_t generation; /* grows whenever CA or client certificate changed: close idle connections then */
} CredentialsView;

/* `config` must outlive the result. Reads everything once: INVALID or NOT_FOUND when something named is not there. */
bool credentials_new(const KubeConfig *config, Credentials **ret_credentials, Error *err) MUST_USE;
void credentials_free(Credentials *credentials);
/* May read files or run the plugin (at most 30 s). Error: UNAUTHORIZED when there is nothing to offer. */
bool credentials_get(Credentials *credentials, CredentialsView *ret_view, Error *err) MUST_USE;
void credentials_view_done(CredentialsView *view);
/* The server said 401 to this view: the next credentials_get reads again, at most once a second. */
void credentials_rejected(Credentials *credentials, const CredentialsView *view);
