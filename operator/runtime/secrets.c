/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets read by name, kept for a moment. Law: what nobody asks for is not kept, and what was kept is wiped. */
#include "operator/runtime/secrets.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/base/hashmap.h"
#include "lib/kube/base64.h"

/* Answers that nobody asked for this long are dropped. */
enum { KEEP_MS = 2 * SECRETS_REFRESH_MS };

static const Kind kind_secret = { "", "v1", "Secret", "secrets", false, NULL };

typedef struct Entry {
        char *key;
        char *text; /* the secret as JSON; NULL: there is none */
        int64_t read_ms, asked_ms;
} Entry;

struct Secrets {
        Client *client;
        pthread_mutex_t lock;
        Hashmap entries;
        uint64_t forgotten; /* grows with each secrets_forget: what was read before it is not kept */
};

Secrets *secrets_new(Client *client) {
        Secrets *secrets = alloc_zero(sizeof(*secrets));

        secrets->client = client;
        pthread_mutex_init(&secrets->lock, NULL);
        return secrets;
}

static void wipe(char *text) {
        if (text)
                explicit_bzero(text, strlen(text));
        free(text);
}

static void entry_free(Entry *entry) {
        wipe(entry->text);
        free(entry->key);
        free(entry);
}

void secrets_free(Secrets *secrets) {
        Entry *entry;
        size_t at = 0;

        if (!secrets)
                return;
        while ((entry = hashmap_next(&secrets->entries, &at)))
                entry_free(entry);
        hashmap_done(&secrets->entries);
        pthread_mutex_destroy(&secrets->lock);
        free(secrets);
}

static void drop_unasked(Secrets *secrets, int64_t now) {
        Entry *entry;
        size_t at = 0;

        while ((entry = hashmap_next(&secrets->entries, &at))) {
                if (now - entry->asked_ms < KEEP_MS)
                        continue;
                (void)hashmap_remove(&secrets->entries, entry->key);
                entry_free(entry);
        }
}

static Json *parse(const char *text) {
        Json *json = NULL;

        return text && json_parse(text, strlen(text), &json, NULL) ? json : NULL;
}

/* Whether there is an answer young enough; *ret_secret is then it, NULL for "there is none". */
static bool recall(Secrets *secrets, const char *key, Json **ret_secret, uint64_t *ret_forgotten) {
        int64_t now = clock_now_ms();
        Entry *entry;
        bool young;

        pthread_mutex_lock(&secrets->lock);
        drop_unasked(secrets, now);
        *ret_forgotten = secrets->forgotten;
        entry = hashmap_get(&secrets->entries, key);
        young = entry && now - entry->read_ms < SECRETS_REFRESH_MS;
        if (young) {
                entry->asked_ms = now;
                *ret_secret = parse(entry->text);
        }
        pthread_mutex_unlock(&secrets->lock);
        return young;
}

static void remember(Secrets *secrets, const char *key, uint64_t forgotten, const Json *secret) {
        Entry *entry;

        pthread_mutex_lock(&secrets->lock);
        if (forgotten != secrets->forgotten) {
                pthread_mutex_unlock(&secrets->lock);
                return;
        }
        entry = hashmap_get(&secrets->entries, key);
        if (!entry) {
                entry = alloc_zero(sizeof(*entry));
                entry->key = alloc_string(key);
                (void)hashmap_put(&secrets->entries, entry->key, entry);
        }
        wipe(entry->text);
        entry->text = secret ? json_print(secret) : NULL;
        entry->read_ms = entry->asked_ms = clock_now_ms();
        pthread_mutex_unlock(&secrets->lock);
}

/* What is kept of a Secret. Values that are not text (a NUL byte inside) are left out. */
static Json *project(const Json *live) {
        static const char *const names[] = { "name", "uid", "resourceVersion" };
        Json *secret = json_new_object(), *metadata = json_put_object(secret, "metadata");
        Json *data = json_put_object(secret, "data");

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                json_put_string(metadata, names[i], json_string(json_get(json_get(live, "metadata"), names[i]), NULL));
        if (json_find(live, "/metadata/labels"))
                json_put(metadata, "labels", json_copy(json_find(live, "/metadata/labels")));
        for (const Json *value = json_first(json_get(live, "data")); value; value = json_next(value)) {
                CLEANUP(text_done) Text bytes = { 0 };

                if (base64_decode(json_string(value, ""), &bytes, NULL) && strlen(text_string(&bytes)) == bytes.size)
                        json_put_string(data, json_key(value), text_string(&bytes));
                if (bytes.data)
                        explicit_bzero(bytes.data, bytes.size);
        }
        return secret;
}

bool secrets_get(
        Secrets *secrets, const char *namespace_, const char *name, Arena *arena, const Json **ret_secret, Error *err) {
        const char *key = arena_printf(arena, "%s/%s", namespace_, name);
        CLEANUP(json_cleanup) Json *live = NULL;
        Json *secret = NULL;
        uint64_t forgotten = 0;

        if (!recall(secrets, key, &secret, &forgotten)) {
                if (!client_get(secrets->client, &kind_secret, namespace_, name, &live, err))
                        return false;
                secret = live ? project(live) : NULL;
                remember(secrets, key, forgotten, secret);
        }
        *ret_secret = secret ? json_adopt(arena, secret) : NULL;
        return true;
}

void secrets_forget(Secrets *secrets, const char *namespace_, const char *name) {
        CLEANUP(text_done) Text key = { 0 };
        Entry *entry;

        text_printf(&key, "%s/%s", namespace_, name);
        pthread_mutex_lock(&secrets->lock);
        secrets->forgotten++;
        entry = hashmap_remove(&secrets->entries, text_string(&key));
        if (entry)
                entry_free(entry);
        pthread_mutex_unlock(&secrets->lock);
}
