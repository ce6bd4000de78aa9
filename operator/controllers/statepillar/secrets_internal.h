/* SPDX-License-Identifier: Apache-2.0 */
/* The Secrets of a pillar as a table, for the files that read, make and delete them. */
#pragma once

#include "operator/controllers/statepillar/secrets.h"

typedef enum PillarSecret {
        SECRET_POSTGRES,
        SECRET_REDIS,
        SECRET_CA,
        SECRET_TLS,
        SECRET_APP,
        SECRET_COUNT
} PillarSecret;

typedef struct SecretRow {
        const char *suffix;   /* NAME-suffix */
        const char *keys[10]; /* NULL-terminated */
} SecretRow;
extern const SecretRow pillar_secret_rows[SECRET_COUNT];

/* The decoded value of a key; NULL when there is none or `secret` is NULL. */
const char *pillar_secret_value(const Json *secret, const char *key);
/* All Secrets in the order of the table; NULL for those that are not there. */
bool pillar_secrets_get(Runtime *runtime, const char *namespace_, const char *name, Arena *arena,
        const Json *ret_secrets[SECRET_COUNT], Error *err) MUST_USE;
