/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the Secrets of a pillar and seeing whether they fit together. A lost one is missing; one that lacks a key or
 * disagrees with another was edited, and is only told. */
#include "operator/controllers/statepillar/secrets.h"

#include <string.h>

#include "operator/controllers/statepillar/secrets_internal.h"

const SecretRow pillar_secret_rows[SECRET_COUNT] = {
        [SECRET_POSTGRES] = { "postgres",
                { "superuser-password", "replication-password", "rewind-password", "app-password", "rest-password" } },
        [SECRET_REDIS] = { "redis-auth", { "password", "sentinel-password" } },
        [SECRET_CA] = { "ca", { "ca.crt", "ca.key" } },
        [SECRET_TLS] = { "tls", { "ca.crt", "tls.crt", "tls.key" } },
        [SECRET_APP] = { "app",
                { "username", "password", "host", "port", "dbname", "uri", "jdbc-uri", "DATABASE_URL", "REDIS_URL" } },
};

const char *pillar_secret_value(const Json *secret, const char *key) {
        return json_string(json_get(json_get(secret, "data"), key), NULL);
}

bool pillar_secrets_get(Runtime *runtime, const char *namespace_, const char *name, Arena *arena,
        const Json *ret_secrets[SECRET_COUNT], Error *err) {
        for (int i = 0; i < SECRET_COUNT; i++) {
                const char *full = arena_printf(arena, "%s-%s", name, pillar_secret_rows[i].suffix);
                if (!secrets_get(runtime->secrets, namespace_, full, arena, &ret_secrets[i], err))
                        return error_wrap(err, "reading Secret %s", full);
        }
        return true;
}

static bool is_complete(const Json *secret, const SecretRow *row) {
        for (const char *const *key = row->keys; *key; key++) {
                const char *value = pillar_secret_value(secret, *key);
                if (!value || !*value)
                        return false;
        }
        return true;
}

static const char *find_odd(const Json *const *secrets, const char *name, Arena *arena) {
        int odd = -1;

        for (int i = 0; i < SECRET_COUNT && odd < 0; i++)
                if (secrets[i] && !is_complete(secrets[i], &pillar_secret_rows[i]))
                        odd = i;
        if (odd < 0 && secrets[SECRET_APP] && secrets[SECRET_POSTGRES] &&
                !text_same_secret(pillar_secret_value(secrets[SECRET_APP], "password"),
                        pillar_secret_value(secrets[SECRET_POSTGRES], "app-password")))
                odd = SECRET_APP;
        return odd < 0 ? "" : arena_printf(arena, "%s-%s", name, pillar_secret_rows[odd].suffix);
}

bool pillar_secrets_read(Runtime *runtime, const char *namespace_, const char *name, Arena *arena,
        PillarSecrets *ret_secrets, Error *err) {
        const Json *secrets[SECRET_COUNT] = { 0 };
        CLEANUP(text_done) Text missing = { 0 };

        if (!pillar_secrets_get(runtime, namespace_, name, arena, secrets, err))
                return false;
        for (int i = 0; i < SECRET_COUNT; i++)
                if (!secrets[i])
                        text_printf(&missing, "%s%s-%s", missing.size ? ", " : "", name, pillar_secret_rows[i].suffix);
        *ret_secrets = (PillarSecrets){
                .missing = arena_string(arena, text_string(&missing)),
                .odd = find_odd(secrets, name, arena),
                .redis_password = pillar_secret_value(secrets[SECRET_REDIS], "password"),
                .sentinel_password = pillar_secret_value(secrets[SECRET_REDIS], "sentinel-password"),
                .rest_password = pillar_secret_value(secrets[SECRET_POSTGRES], "rest-password"),
                .ca = pillar_secret_value(secrets[SECRET_TLS], "ca.crt"),
        };
        return true;
}
