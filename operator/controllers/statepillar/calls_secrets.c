/* SPDX-License-Identifier: Apache-2.0 */
/* Makes lost Secrets and deletes all of them. What another Secret still holds is taken from there, so that a loss
 * changes as little as it can: the app's password stands in NAME-postgres and NAME-app, that of Redis in
 * NAME-redis-auth and in the URL of NAME-app, and a new certificate is signed by the authority that is there. */
#include <stdio.h>
#include <string.h>

#include "lib/base/random.h"
#include "lib/remote/redis.h"
#include "lib/remote/x509.h"
#include "operator/controllers/kinds.h"
#include "operator/controllers/statepillar/secrets_internal.h"

typedef struct Making {
        Runtime *runtime;
        Arena *arena;
        const Object *about;
        const Json *labels;
        const Json *present[SECRET_COUNT];
        Json *data[SECRET_COUNT]; /* new ones; NULL: not made */
} Making;

static const char *draw(Making *making) {
        char *text = arena_alloc(making->arena, PILLAR_PASSWORD_LENGTH + 1);

        random_password(text, PILLAR_PASSWORD_LENGTH);
        return text;
}

/* The value that is there already, or that this pass has made. */
static const char *value(const Making *making, PillarSecret secret, const char *key) {
        if (making->present[secret])
                return pillar_secret_value(making->present[secret], key);
        return json_string(json_get(making->data[secret], key), NULL);
}

static Json *begin(Making *making, PillarSecret secret) {
        if (making->present[secret])
                return NULL;
        making->data[secret] = json_adopt(making->arena, json_new_object());
        return making->data[secret];
}

static void make_passwords(Making *making) {
        const char *app = pillar_secret_value(making->present[SECRET_APP], "password");
        const char *url = pillar_secret_value(making->present[SECRET_APP], "REDIS_URL");
        RedisTarget target = { 0 };
        Error err = { 0 };
        Json *postgres = begin(making, SECRET_POSTGRES);
        Json *redis = begin(making, SECRET_REDIS);

        for (const char *const *key = pillar_secret_rows[SECRET_POSTGRES].keys; postgres && *key; key++)
                json_put_string(postgres, *key, app && strcmp(*key, "app-password") == 0 ? app : draw(making));
        if (!redis)
                return;
        if (url && !redis_parse_url(url, making->arena, &target, &err))
                target.password = NULL;
        json_put_string(redis, "password", target.password ? target.password : draw(making));
        json_put_string(redis, "sentinel-password", draw(making));
}

static const char *const *certificate_names(Making *making) {
        const char *name = making->about->name, *ns = making->about->namespace_;
        const char **names = arena_alloc(making->arena, 32 * sizeof(*names));
        size_t count = 0;

        for (int i = 0; i < PILLAR_MEMBERS_MAXIMUM; i++) {
                names[count++] = arena_printf(making->arena, "%s-pg-%d", name, i);
                names[count++] = arena_printf(making->arena, "%s-pg-%d.%s", name, i, ns);
                names[count++] = arena_printf(making->arena, "%s-pg-%d.%s.svc", name, i, ns);
        }
        names[count++] = arena_printf(making->arena, "*.%s-etcd-hl.%s.svc", name, ns);
        names[count++] = "localhost";
        return names;
}

static bool make_certificates(Making *making, Error *err) {
        Json *ca = begin(making, SECRET_CA);
        Json *tls = begin(making, SECRET_TLS);
        CLEANUP(cleanup_free) char *cert = NULL;
        CLEANUP(cleanup_free) char *key = NULL;
        CLEANUP(cleanup_free) char *leaf = NULL;
        CLEANUP(cleanup_free) char *leaf_key = NULL;

        if (ca) {
                if (!x509_new_ca(arena_printf(making->arena, "MadBase %s", making->about->name), PILLAR_CA_DAYS, &cert,
                            &key, err))
                        return false;
                json_put_string(ca, "ca.crt", cert);
                json_put_string(ca, "ca.key", key);
        }
        if (!tls)
                return true;
        const char *ca_cert = value(making, SECRET_CA, "ca.crt"), *ca_key = value(making, SECRET_CA, "ca.key");
        if (!ca_cert || !ca_key)
                return error_set(err, ERROR_INVALID, "Secret %s-ca lacks ca.crt or ca.key", making->about->name);
        if (!x509_new_leaf(ca_cert, ca_key, arena_printf(making->arena, "%s members", making->about->name),
                    certificate_names(making), PILLAR_LEAF_DAYS, &leaf, &leaf_key, err))
                return false;
        json_put_string(tls, "ca.crt", ca_cert);
        json_put_string(tls, "tls.crt", leaf);
        json_put_string(tls, "tls.key", leaf_key);
        return true;
}

static bool make_app(Making *making, Error *err) {
        Json *app = begin(making, SECRET_APP);
        const char *name = making->about->name, *ns = making->about->namespace_;
        const char *password = value(making, SECRET_POSTGRES, "app-password");
        const char *redis = value(making, SECRET_REDIS, "password");

        if (!app)
                return true;
        if (!password || !redis)
                return error_set(
                        err, ERROR_INVALID, "Secret %s-postgres or %s-redis-auth lacks a password", name, name);
        const char *host = arena_printf(making->arena, "%s-rw.%s.svc", name, ns);
        const char *uri = arena_printf(making->arena, "postgresql://app:%s@%s:5432/app", password, host);
        json_put_string(app, "username", "app");
        json_put_string(app, "password", password);
        json_put_string(app, "host", host);
        json_put_string(app, "port", "5432");
        json_put_string(app, "dbname", "app");
        json_put_string(app, "uri", uri);
        json_put_string(app, "DATABASE_URL", uri);
        json_put_string(app, "jdbc-uri",
                arena_printf(making->arena, "jdbc:postgresql://%s:5432/app?user=app&password=%s", host, password));
        json_put_string(app, "REDIS_URL",
                arena_printf(making->arena, "redis://default:%s@%s-redis.%s.svc:6379/0", redis, name, ns));
        return true;
}

static bool store(Making *making, PillarSecret secret, Error *err) {
        const char *full = arena_printf(making->arena, "%s-%s", making->about->name, pillar_secret_rows[secret].suffix);
        Json *object = json_adopt(making->arena, json_new_object());
        CLEANUP(json_cleanup) Json *reply = NULL;

        json_put_string(object, "apiVersion", "v1");
        json_put_string(object, "kind", "Secret");
        Json *metadata = json_put_object(object, "metadata");
        json_put_string(metadata, "name", full);
        json_put_string(metadata, "namespace", making->about->namespace_);
        json_put(metadata, "labels", json_copy(making->labels));
        json_put_string(object, "type", "Opaque");
        json_put(object, "stringData", json_copy(making->data[secret]));
        bool made = client_create(making->runtime->client, &kind_secret, object, &reply, err);
        secrets_forget(making->runtime->secrets, making->about->namespace_, full);
        if (!made)
                return error_wrap(err, "making Secret %s", full);
        return true;
}

bool call_secrets(Runtime *runtime, const Object *about, const Json *args, Error *err) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Making making = { .runtime = runtime, .arena = &arena, .about = about, .labels = json_get(args, "labels") };

        /* A stale answer must not lead to a second password. */
        for (int i = 0; i < SECRET_COUNT; i++)
                secrets_forget(runtime->secrets, about->namespace_,
                        arena_printf(&arena, "%s-%s", about->name, pillar_secret_rows[i].suffix));
        if (!pillar_secrets_get(runtime, about->namespace_, about->name, &arena, making.present, err))
                return false;
        make_passwords(&making);
        if (!make_certificates(&making, err) || !make_app(&making, err))
                return false;
        for (int i = 0; i < SECRET_COUNT; i++)
                if (making.data[i] && !store(&making, (PillarSecret)i, err))
                        return false;
        return true;
}

/* Deletes one object of this name if it carries the pillar's label, and exactly that one. */
static bool delete_ours(Runtime *runtime, const Object *about, const Kind *kind, const char *name, Error *err) {
        CLEANUP(json_cleanup) Json *live = NULL;
        bool deleted = false;

        if (!client_get(runtime->client, kind, about->namespace_, name, &live, err))
                return error_wrap(err, "reading %s %s", kind->kind, name);
        if (!live || !text_equal(json_find_string(live, "/metadata/labels/madbase.io~1cluster", ""), about->name))
                return true;
        DeleteOptions options = { .uid = json_find_string(live, "/metadata/uid", NULL), .grace_seconds = -1 };
        if (!client_delete(runtime->client, kind, about->namespace_, name, &options, &deleted, err))
                return error_wrap(err, "deleting %s %s", kind->kind, name);
        return true;
}

bool call_delete_records(Runtime *runtime, const Object *about, const Json *args, Error *err) {
        /* What Patroni makes for its scope in ConfigMaps mode, and the addresses that outlive the pillar. */
        static const char *const records[] = { "config", "leader", "failover", "sync", "failsafe", "addresses" };
        CLEANUP(arena_done) Arena arena = { 0 };

        (void)args;
        for (size_t i = 0; i < ARRAY_LEN(records); i++)
                if (!delete_ours(runtime, about, &kind_configmap,
                            arena_printf(&arena, "%s-%s", about->name, records[i]), err))
                        return false;
        for (int i = 0; i < SECRET_COUNT; i++) {
                const char *full = arena_printf(&arena, "%s-%s", about->name, pillar_secret_rows[i].suffix);
                if (!delete_ours(runtime, about, &kind_secret, full, err))
                        return false;
                secrets_forget(runtime->secrets, about->namespace_, full);
        }
        return true;
}
