/* SPDX-License-Identifier: Apache-2.0 */
/* A private certificate authority per pillar and the certificates it signs, by OpenSSL: ECDSA P-256, PEM out (PKCS#8
 * keys). Safe from every thread. https://www.rfc-editor.org/rfc/rfc5280 */
#pragma once

#include <stdint.h>

#include "lib/base/error.h"

/* Self-signed CA that signs leaves only, valid from an hour ago for `days` (1 to 36500). The caller frees both. */
bool x509_new_ca(const char *common_name, int days, char **ret_cert_pem, char **ret_key_pem, Error *err) MUST_USE;
/* Server (and client) certificate signed by that CA for these names (NULL-terminated; "localhost" too if wanted): DNS
 * names, "*." at the front allowed, or addresses in digits. It never outlives its CA. INVALID when the CA's PEM cannot
 * be read, or its key is not the certificate's. The caller frees both. */
bool x509_new_leaf(const char *ca_cert_pem, const char *ca_key_pem, const char *common_name,
        const char *const *dns_names, int days, char **ret_cert_pem, char **ret_key_pem, Error *err) MUST_USE;
/* End of validity, microseconds since 1970. */
bool x509_expiry(const char *cert_pem, int64_t *ret_wall_us, Error *err) MUST_USE;
/* Whether the certificate is signed by that CA and covers every one of these names. INVALID for PEM that cannot be
 * read. */
bool x509_covers(const char *cert_pem, const char *ca_cert_pem, const char *const *dns_names, bool *ret_covers,
        Error *err) MUST_USE;
