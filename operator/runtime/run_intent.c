/* SPDX-License-Identifier: Apache-2.0 */
/* What we want of an object against what the server says we own of it. Law: pure; the order of keys never matters.
 * fieldsV1 (https://github.com/kubernetes-sigs/structured-merge-diff, fieldpath/serialize-pe.go): "f:NAME" is a member,
 * "k:{...}" the item of a keyed list, "v:VALUE" a member of a set, "." the thing itself; {} is a leaf, and a leaf owns
 * all that is below it (atomic lists and maps). */
#include <stdio.h>
#include <string.h>

#include "operator/runtime/run.h"

/* Spreads the bits of a hash, so that sums of hashes are as good as hashes (the finalizer of splitmix64). */
static uint64_t spread(uint64_t hash) {
        hash = (hash ^ (hash >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        hash = (hash ^ (hash >> 27)) * UINT64_C(0x94d049bb133111eb);
        return hash ^ (hash >> 31);
}

static uint64_t hash_number(const Json *json) {
        CLEANUP(text_done) Text text = { 0 };

        json_append(json, &text);
        return text_hash(text_string(&text), text.size);
}

/* The trees are our own manifests, so their depth is bounded by what is compiled in. */
static uint64_t hash_of(const Json *json) {
        static const char types[] = { [JSON_NULL] = '0',
                [JSON_BOOL] = 'b',
                [JSON_NUMBER] = 'n',
                [JSON_STRING] = 's',
                [JSON_ARRAY] = 'a',
                [JSON_OBJECT] = 'o' };
        JsonType type = json_type(json);
        uint64_t hash = text_hash(&types[type], 1), part;
        const char *string;

        switch (type) {
        case JSON_STRING:
                string = json_string(json, "");
                return text_hash_more(hash, string, strlen(string));
        case JSON_BOOL:
                return text_hash_more(hash, json_bool(json, false) ? "1" : "0", 1);
        case JSON_NUMBER:
                part = hash_number(json);
                return text_hash_more(hash, &part, sizeof(part));
        case JSON_ARRAY:
                for (const Json *item = json_first(json); item; item = json_next(item)) {
                        part = hash_of(item);
                        hash = text_hash_more(hash, &part, sizeof(part));
                }
                return hash;
        case JSON_OBJECT:
                for (const Json *item = json_first(json); item; item = json_next(item)) {
                        part = hash_of(item);
                        hash += spread(
                                text_hash_more(text_hash(json_key(item), strlen(json_key(item))), &part, sizeof(part)));
                }
                return hash;
        default:
                return hash;
        }
}

void run_intent_hash(const Json *intent, char ret_hash[17]) {
        (void)snprintf(ret_hash, 17, "%016llx", (unsigned long long)spread(hash_of(intent)));
}

/* The fields of the manager's apply entry for the object itself (not for a subresource). */
static const Json *applied_fields(const Json *live, const char *manager) {
        const Json *entry = json_first(json_find(live, "/metadata/managedFields"));

        for (; entry; entry = json_next(entry))
                if (text_equal(json_find_string(entry, "/manager", NULL), manager) &&
                        text_equal(json_find_string(entry, "/operation", NULL), "Apply") &&
                        *json_find_string(entry, "/subresource", "") == '\0')
                        return json_get(entry, "fieldsV1");
        return NULL;
}

/* How many keys of a "k:{...}" element `item` spells out alike; -1 when one differs. A key that the item leaves out was
 * filled in by the server (the protocol of a port). */
static int key_likeness(const char *element, const Json *item) {
        Json *keys = NULL;
        int alike = 0;

        if (strncmp(element, "k:", 2) != 0 || !json_parse(element + 2, strlen(element + 2), &keys, NULL))
                return -1;
        for (const Json *key = json_first(keys); key; key = json_next(key)) {
                const Json *value = json_get(item, json_key(key));

                if (value && !json_equal(value, key)) {
                        alike = -1;
                        break;
                }
                alike += value ? 1 : 0;
        }
        json_free(keys);
        return alike;
}

static const Json *owned_item(const Json *fields, const Json *item) {
        const Json *best = NULL;
        int best_likeness = 0;

        for (const Json *field = json_first(fields); field; field = json_next(field)) {
                int likeness = key_likeness(json_key(field), item);

                if (likeness > best_likeness) {
                        best = field;
                        best_likeness = likeness;
                }
        }
        return best;
}

static bool owns_value(const Json *fields, const Json *value) {
        for (const Json *field = json_first(fields); field; field = json_next(field)) {
                Json *owned = NULL;
                bool same;

                if (strncmp(json_key(field), "v:", 2) != 0 ||
                        !json_parse(json_key(field) + 2, strlen(json_key(field) + 2), &owned, NULL))
                        continue;
                same = json_equal(owned, value);
                json_free(owned);
                if (same)
                        return true;
        }
        return false;
}

static bool owns(const Json *intent, const Json *fields);

static bool owns_items(const Json *list, const Json *fields) {
        for (const Json *item = json_first(list); item; item = json_next(item)) {
                if (json_type(item) == JSON_OBJECT) {
                        const Json *owned = owned_item(fields, item);

                        if (!owned || !owns(item, owned))
                                return false;
                } else if (!owns_value(fields, item)) {
                        return false;
                }
        }
        return true;
}

static bool owns_members(const Json *object, const Json *fields) {
        for (const Json *member = json_first(object); member; member = json_next(member)) {
                char name[320];
                int length = snprintf(name, sizeof(name), "f:%s", json_key(member));

                if (length < 0 || (size_t)length >= sizeof(name) || !owns(member, json_get(fields, name)))
                        return false;
        }
        return true;
}

static bool owns(const Json *intent, const Json *fields) {
        JsonType type = json_type(intent);

        /* An empty keyed list has no field of its own: there is nothing in it to lose. */
        if (type == JSON_ARRAY && json_size(intent) == 0)
                return true;
        if (!fields)
                return false;
        if (json_size(fields) == 0)
                return true;
        if (type == JSON_ARRAY)
                return owns_items(intent, fields);
        if (type == JSON_OBJECT && json_size(intent) > 0)
                return owns_members(intent, fields);
        return json_get(fields, ".") != NULL;
}

/* What names the object belongs to nobody. */
static bool is_identity(const char *key) {
        static const char *const names[] = { "name", "namespace", "uid", "resourceVersion" };

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (strcmp(key, names[i]) == 0)
                        return true;
        return false;
}

static bool owns_metadata(const Json *metadata, const Json *fields) {
        for (const Json *member = json_first(metadata); member; member = json_next(member)) {
                char name[320];

                (void)snprintf(name, sizeof(name), "f:%s", json_key(member));
                if (!is_identity(json_key(member)) && !owns(member, json_get(fields, name)))
                        return false;
        }
        return true;
}

bool run_owns_all(const Json *intent, const Json *live, const char *manager) {
        const Json *fields = applied_fields(live, manager);

        if (!fields)
                return false;
        for (const Json *member = json_first(intent); member; member = json_next(member)) {
                const char *key = json_key(member);
                char name[320];

                if (strcmp(key, "apiVersion") == 0 || strcmp(key, "kind") == 0)
                        continue;
                (void)snprintf(name, sizeof(name), "f:%s", key);
                if (strcmp(key, "metadata") == 0) {
                        if (!owns_metadata(member, json_get(fields, "f:metadata")))
                                return false;
                } else if (!owns(member, json_get(fields, name))) {
                        return false;
                }
        }
        return true;
}
