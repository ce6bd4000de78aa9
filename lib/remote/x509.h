/* SPDX-License-Identifier: Apache-2.0 */
/* A private certificate authority per pillar and the certificates it signs, by OpenSSL: ECDSA P-256, PEM out. */
#pragma once

#include <stdint.h>

#include "lib/base/error.h"

/* Self-signed CA, valid from an hour ago for `days`. The caller frees both. */
bool x509_new_ca(const char *common_name, int days, char **ret_cert_pem, char **ret_key_pem, Error *err) MUST_USE;
/* Server (and client) certificate signed by that CA for these DNS names (NULL-terminated; "localhost" too if wanted). */
bool x509_new_leaf(const char *ca_cert_pem, const char *ca_key_pem, const char *common_name,
        const char *const *dns_names, int days, char **ret_cert_pem, char **ret_key_pem, Error *err) MUST_USE;
/* End of validity, microseconds since 1970. */
bool x509_expiry(const char *cert_pem, int64_t *ret_wall_us, Error *err) MUST_USE;
