/* SPDX-License-Identifier: Apache-2.0 */
/* Projection of an API object into one block of memory: texts are gathered behind each other first, then copied with
 * the struct that points at them. Nothing of the JSON tree is kept. */
#include "lib/kube/object.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/base/alloc.h"

static const size_t NOWHERE = SIZE_MAX;

/* Where each text lies in `bytes`, until the final place is known. */
typedef struct Draft {
        Text bytes;
        size_t key, name, namespace_, uid, resource_version;
        size_t owner_kind, owner_name, owner_uid, intent;
        size_t *values;
        size_t value_count;
} Draft;

static void draft_done(Draft *draft) {
        text_done(&draft->bytes);
        free(draft->values);
}

static size_t keep(Draft *draft, const char *string) {
        if (!string)
                return NOWHERE;
        size_t at = draft->bytes.size;
        text_append_bytes(&draft->bytes, string, strlen(string) + 1);
        return at;
}

static size_t keep_value(Draft *draft, const Json *json) {
        if (!json || json_type(json) == JSON_NULL)
                return NOWHERE;
        if (json_type(json) == JSON_STRING)
                return keep(draft, json_string(json, ""));
        size_t at = draft->bytes.size;
        json_append(json, &draft->bytes);
        text_append_bytes(&draft->bytes, "", 1);
        return at;
}

static size_t path_count(const Kind *kind) {
        size_t count = 0;
        while (kind->paths && kind->paths[count])
                count++;
        return count;
}

static bool check_kind(const Kind *kind, const Json *json, Error *err) {
        const char *name = json_string(json_get(json, "kind"), kind->kind);
        const char *api_version = json_string(json_get(json, "apiVersion"), NULL);
        if (!text_equal(name, kind->kind))
                return error_set(err, ERROR_INVALID, "expected kind %s, got %s", kind->kind, name);
        if (!api_version)
                return true;
        size_t group = strlen(kind->group);
        bool same = group ? !strncmp(api_version, kind->group, group) && api_version[group] == '/' &&
                                    !strcmp(api_version + group + 1, kind->version)
                          : !strcmp(api_version, kind->version);
        if (!same)
                return error_set(err, ERROR_INVALID, "expected %s of %s%s%s, got apiVersion %s", kind->kind,
                        kind->group, group ? "/" : "", kind->version, api_version);
        return true;
}

static const Json *controlling_owner(const Json *metadata) {
        for (const Json *owner = json_first(json_get(metadata, "ownerReferences")); owner; owner = json_next(owner))
                if (json_bool(json_get(owner, "controller"), false))
                        return owner;
        return NULL;
}

static uint64_t hash_owned_fields(const Json *metadata) {
        for (const Json *entry = json_first(json_get(metadata, "managedFields")); entry; entry = json_next(entry)) {
                if (!text_equal(json_string(json_get(entry, "manager"), NULL), OBJECT_FIELD_MANAGER) ||
                        !text_equal(json_string(json_get(entry, "operation"), NULL), "Apply") ||
                        *json_string(json_get(entry, "subresource"), ""))
                        continue;
                CLEANUP(text_done) Text fields = { 0 };
                json_append(json_get(entry, "fieldsV1"), &fields);
                uint64_t hash = text_hash(text_string(&fields), fields.size);
                return hash ? hash : 1;
        }
        return 0;
}

/* Objects are compared by owner and key everywhere, so what stands in for them must not be empty. */
static bool keep_identity(Draft *draft, const Kind *kind, const Json *metadata, Error *err) {
        const char *name = json_string(json_get(metadata, "name"), "");
        const char *uid = json_string(json_get(metadata, "uid"), "");
        const char *version = json_string(json_get(metadata, "resourceVersion"), "");
        const char *namespace_ = json_string(json_get(metadata, "namespace"), "");
        if (!*name || !*uid || !*version)
                return error_set(err, ERROR_INVALID, "%s \"%s\" has no %s", kind->kind, name,
                        !*name  ? "name"
                        : !*uid ? "uid"
                                : "resourceVersion");
        draft->key = draft->bytes.size;
        if (*namespace_) {
                text_append(&draft->bytes, namespace_);
                text_append(&draft->bytes, "/");
        }
        draft->name = keep(draft, name);
        draft->namespace_ = *namespace_ ? keep(draft, namespace_) : NOWHERE;
        draft->uid = keep(draft, uid);
        draft->resource_version = keep(draft, version);
        return true;
}

static void keep_rest(Draft *draft, const Kind *kind, const Json *json, const Json *metadata) {
        const Json *owner = controlling_owner(metadata);
        draft->owner_kind = keep(draft, json_string(json_get(owner, "kind"), NULL));
        draft->owner_name = keep(draft, json_string(json_get(owner, "name"), NULL));
        draft->owner_uid = keep(draft, json_string(json_get(owner, "uid"), NULL));
        draft->intent = keep(draft, json_string(json_get(json_get(metadata, "annotations"), OBJECT_INTENT), NULL));
        draft->value_count = path_count(kind);
        draft->values = alloc_zero(draft->value_count * sizeof *draft->values);
        for (size_t i = 0; i < draft->value_count; i++)
                draft->values[i] = keep_value(draft, json_find(json, kind->paths[i]));
}

static Object *build(const Draft *draft, const Kind *kind) {
        size_t values_size = draft->value_count * sizeof(char *);
        Object *object = alloc_zero(sizeof *object + values_size + draft->bytes.size);
        const char **values = (const char **)(object + 1);
        char *bytes = (char *)values + values_size;
        assert(draft->bytes.data);
        memcpy(bytes, draft->bytes.data, draft->bytes.size);
        const struct {
                size_t at;
                const char **target;
        } places[] = { { draft->key, &object->key }, { draft->name, &object->name },
                { draft->namespace_, &object->namespace_ }, { draft->uid, &object->uid },
                { draft->resource_version, &object->resource_version }, { draft->owner_kind, &object->owner_kind },
                { draft->owner_name, &object->owner_name }, { draft->owner_uid, &object->owner_uid },
                { draft->intent, &object->intent } };
        for (size_t i = 0; i < ARRAY_LEN(places); i++)
                *places[i].target = places[i].at == NOWHERE ? NULL : bytes + places[i].at;
        for (size_t i = 0; i < draft->value_count; i++)
                values[i] = draft->values[i] == NOWHERE ? NULL : bytes + draft->values[i];
        if (!object->namespace_)
                object->namespace_ = "";
        object->kind = kind;
        object->values = values;
        object->value_count = draft->value_count;
        atomic_init(&object->references, 1);
        return object;
}

bool object_project(const Kind *kind, const Json *json, Object **ret_object, Error *err) {
        CLEANUP(draft_done) Draft draft = { 0 };
        const Json *metadata = json_get(json, "metadata");
        if (!check_kind(kind, json, err) || !keep_identity(&draft, kind, metadata, err))
                return false;
        keep_rest(&draft, kind, json, metadata);
        if (draft.bytes.failed)
                return error_set(err, ERROR_TOO_LARGE, "%s is larger than %d bytes", kind->kind, TEXT_MAXIMUM);
        Object *object = build(&draft, kind);
        object->generation = json_int(json_get(metadata, "generation"), 0);
        object->deleting = json_type(json_get(metadata, "deletionTimestamp")) == JSON_STRING;
        object->owned_fields = hash_owned_fields(metadata);
        *ret_object = object;
        return true;
}

Object *object_ref(const Object *object) {
        /* Readers hold const objects; the count is the one thing in them that changes. */
        Object *counted = (Object *)(uintptr_t)object;
        if (counted)
                atomic_fetch_add_explicit(&counted->references, 1, memory_order_relaxed);
        return counted;
}

void object_unref(Object *object) {
        if (object && atomic_fetch_sub_explicit(&object->references, 1, memory_order_acq_rel) == 1)
                free(object);
}

void object_cleanup(Object **object) {
        object_unref(*object);
}

void object_release(void *object) {
        object_unref(object);
}

const char *object_value(const Object *object, size_t path) {
        assert(path < object->value_count);
        return object->values[path] ? object->values[path] : "";
}

int64_t object_value_int(const Object *object, size_t path, int64_t fallback) {
        int64_t value = fallback;
        return text_to_int(object_value(object, path), INT64_MIN, INT64_MAX, &value) ? value : fallback;
}

bool object_value_bool(const Object *object, size_t path) {
        return !strcmp(object_value(object, path), "true");
}

/* As text_equal, but nothing is not the empty text. */
static bool same(const char *a, const char *b) {
        return a && b ? !strcmp(a, b) : a == b;
}

bool object_same(const Object *a, const Object *b) {
        bool equal = a->kind == b->kind && a->generation == b->generation && a->deleting == b->deleting &&
                     a->owned_fields == b->owned_fields && a->value_count == b->value_count && same(a->key, b->key) &&
                     same(a->uid, b->uid) && same(a->owner_kind, b->owner_kind) && same(a->owner_name, b->owner_name) &&
                     same(a->owner_uid, b->owner_uid) && same(a->intent, b->intent);
        for (size_t i = 0; equal && i < a->value_count; i++)
                equal = same(a->values[i], b->values[i]);
        return equal;
}

const char *object_key(const Object *object) {
        return object->key;
}

/* KEP-5504: decimal digits without leading zeros, at most 2^128-1. */
static bool is_version(const char *text) {
        size_t length = strspn(text, "0123456789");
        return length > 0 && length <= 39 && !text[length] && (text[0] != '0' || length == 1);
}

VersionOrder version_compare(const char *a, const char *b) {
        if (text_equal(a, b))
                return VERSION_SAME;
        if (!a || !b || !is_version(a) || !is_version(b))
                return VERSION_UNKNOWN;
        size_t a_length = strlen(a), b_length = strlen(b);
        if (a_length != b_length)
                return a_length > b_length ? VERSION_NEWER : VERSION_OLDER;
        return strcmp(a, b) > 0 ? VERSION_NEWER : VERSION_OLDER;
}
