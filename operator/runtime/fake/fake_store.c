/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs on objects in memory. Law: a write that changes nothing keeps the resourceVersion, as the real one does. */
#include "operator/runtime/fake/fake_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"

static void object_free(FakeObject *object) {
        json_free(object->json);
        free(object->path);
        free(object);
}

void fake_store_done(FakeStore *store) {
        FakeObject *object;
        size_t at = 0;

        while ((object = hashmap_next(&store->objects, &at)))
                object_free(object);
        hashmap_done(&store->objects);
        for (size_t i = 0; i < store->change_count; i++) {
                free(store->changes[i].path);
                json_free(store->changes[i].json);
        }
        free(store->changes);
}

FakeObject *fake_store_find(FakeStore *store, const char *path) {
        return hashmap_get(&store->objects, path);
}

static Json *metadata_of(Json *json) {
        Json *metadata = json_get(json, "metadata");

        return metadata ? metadata : json_put_object(json, "metadata");
}

static void note_change(FakeStore *store, const char *type, const char *path, const Json *json) {
        store->changes = alloc_grow(store->changes, (store->change_count + 1) * sizeof(*store->changes));
        store->changes[store->change_count++] =
                (FakeChange){ .type = type, .path = alloc_string(path), .json = json_copy(json) };
}

/* A new version for an object that changed. */
static void stamp(FakeStore *store, const char *type, FakeObject *object) {
        char version[24];

        (void)snprintf(version, sizeof(version), "%lld", (long long)++store->version + 1000);
        json_put_string(metadata_of(object->json), "resourceVersion", version);
        note_change(store, type, object->path, object->json);
}

static FakeObject *add(FakeStore *store, const char *path, Json *taken) {
        FakeObject *object = alloc_zero(sizeof(*object));
        char uid[40];

        object->path = alloc_string(path);
        object->json = taken;
        (void)snprintf(uid, sizeof(uid), "uid-%lld", (long long)store->version + 1);
        if (!json_find(taken, "/metadata/uid"))
                json_put_string(metadata_of(taken), "uid", uid);
        json_put_int(metadata_of(taken), "generation", 1);
        (void)hashmap_put(&store->objects, object->path, object);
        stamp(store, "ADDED", object);
        return object;
}

void fake_store_make(FakeStore *store, const char *path, Json *taken) {
        (void)add(store, path, taken);
}

void fake_store_remove(FakeStore *store, const char *path) {
        FakeObject *object = hashmap_remove(&store->objects, path);

        if (!object)
                return;
        stamp(store, "DELETED", object);
        object_free(object);
}

/* fieldsV1 of what an apply names: every scalar and list is a leaf. */
static Json *fields_of(const Json *json) {
        Json *fields = json_new_object();
        char name[256];

        if (json_type(json) == JSON_OBJECT)
                for (const Json *member = json_first(json); member; member = json_next(member)) {
                        (void)snprintf(name, sizeof(name), "f:%s", json_key(member));
                        json_put(fields, name, fields_of(member));
                }
        return fields;
}

static Json *applied_fields(const Json *body) {
        static const char *const identity[] = { "f:name", "f:namespace", "f:uid", "f:resourceVersion" };
        Json *fields = fields_of(body), *metadata = json_get(fields, "f:metadata");

        json_remove(fields, "f:apiVersion");
        json_remove(fields, "f:kind");
        for (size_t i = 0; metadata && i < ARRAY_LEN(identity); i++)
                json_remove(metadata, identity[i]);
        if (metadata && json_size(metadata) == 0)
                json_remove(fields, "f:metadata");
        return fields;
}

static Json *manager_entry(Json *json, const char *manager, const char *subresource) {
        Json *metadata = metadata_of(json), *list = json_get(metadata, "managedFields"), *entry;

        if (!list)
                list = json_put_array(metadata, "managedFields");
        for (entry = json_first(list); entry; entry = json_next(entry))
                if (text_equal(json_find_string(entry, "/manager", ""), manager))
                        return entry;
        entry = json_add_object(list);
        json_put_string(entry, "manager", manager);
        json_put_string(entry, "operation", "Apply");
        json_put_string(entry, "subresource", subresource);
        return entry;
}

/* What is touched by `patch` is no longer among `fields`. */
static void lose(Json *fields, const Json *patch) {
        char name[256];

        for (const Json *member = json_first(patch); member; member = json_next(member)) {
                Json *field;

                (void)snprintf(name, sizeof(name), "f:%s", json_key(member));
                field = json_get(fields, name);
                if (!field)
                        continue;
                if (json_type(member) == JSON_OBJECT && json_size(field) > 0)
                        lose(field, member);
                else
                        json_remove(fields, name);
        }
}

void fake_store_edit(FakeStore *store, const char *path, const Json *patch) {
        FakeObject *object = fake_store_find(store, path);
        Json *entry = object ? json_first(json_find(object->json, "/metadata/managedFields")) : NULL;

        if (!object)
                return;
        for (; entry; entry = json_next(entry))
                lose(json_get(entry, "fieldsV1"), patch);
        json_merge(object->json, patch);
        if (json_get(patch, "spec"))
                json_put_int(metadata_of(object->json), "generation",
                        json_find_int(object->json, "/metadata/generation", 0) + 1);
        stamp(store, "MODIFIED", object);
}

Json *fake_store_status(int code, const char *reason, const char *message, const char *name) {
        Json *status = json_new_object();

        json_put_string(status, "kind", "Status");
        json_put_string(status, "apiVersion", "v1");
        json_put_string(status, "status", code < 300 ? "Success" : "Failure");
        json_put_string(status, "reason", reason);
        json_put_string(status, "message", message);
        json_put_int(status, "code", code);
        if (name)
                json_put_string(json_put_object(status, "details"), "name", name);
        return status;
}

static FakeReply refuse(int code, const char *reason, const char *name) {
        return (FakeReply){ code, fake_store_status(code, reason, reason, name) };
}

static FakeReply show(int code, const FakeObject *object) {
        return (FakeReply){ code, json_copy(object->json) };
}

static const char *name_in(const char *path) {
        return strrchr(path, '/') + 1;
}

/* Puts `taken` in the place of what the object was, with a new version if it differs. */
static void settle(FakeStore *store, FakeObject *object, Json *taken) {
        bool spec_same = json_equal(json_get(object->json, "spec"), json_get(taken, "spec"));
        bool same = json_equal(object->json, taken);

        json_free(object->json);
        object->json = taken;
        if (same)
                return;
        if (!spec_same)
                json_put_int(metadata_of(taken), "generation", json_find_int(taken, "/metadata/generation", 0) + 1);
        stamp(store, "MODIFIED", object);
}

static void query_value(const char *query, const char *name, char *ret_value, size_t size) {
        const char *at = strstr(query ? query : "", name);

        *ret_value = '\0';
        if (at)
                (void)snprintf(ret_value, size, "%.*s", (int)strcspn(at + strlen(name), "&"), at + strlen(name));
}

static FakeReply apply(FakeStore *store, const FakeRequest *request) {
        FakeObject *object = fake_store_find(store, request->path);
        const char *uid = json_find_string(request->body, "/metadata/uid", NULL);
        char manager[128];
        Json *next;

        if (!object && request->subresource)
                return refuse(404, "NotFound", name_in(request->path));
        if (uid && (!object || strcmp(uid, json_find_string(object->json, "/metadata/uid", "")) != 0))
                return refuse(409, "Conflict", name_in(request->path));
        query_value(request->query, "fieldManager=", manager, sizeof(manager));
        next = object ? json_copy(object->json) : json_new_object();
        if (request->subresource) {
                json_put(next, "status", json_copy(json_get(request->body, "status")));
        } else {
                json_merge(next, request->body);
        }
        json_put(manager_entry(next, manager, request->subresource), "fieldsV1", applied_fields(request->body));
        if (!object)
                return show(201, add(store, request->path, next));
        settle(store, object, next);
        return show(200, object);
}

static FakeReply merge(FakeStore *store, const FakeRequest *request) {
        FakeObject *object = fake_store_find(store, request->path);
        const char *version = json_find_string(request->body, "/metadata/resourceVersion", NULL);
        Json *next;

        if (!object)
                return refuse(404, "NotFound", name_in(request->path));
        if (version && strcmp(version, json_find_string(object->json, "/metadata/resourceVersion", "")) != 0)
                return refuse(409, "Conflict", name_in(request->path));
        next = json_copy(object->json);
        json_merge(next, request->body);
        settle(store, object, next);
        return show(200, object);
}

static FakeReply replace(FakeStore *store, const FakeRequest *request) {
        FakeObject *object = fake_store_find(store, request->path);

        if (!object)
                return refuse(404, "NotFound", name_in(request->path));
        if (strcmp(json_find_string(request->body, "/metadata/resourceVersion", ""),
                    json_find_string(object->json, "/metadata/resourceVersion", "")) != 0)
                return refuse(409, "Conflict", name_in(request->path));
        settle(store, object, json_copy(request->body));
        return show(200, object);
}

static FakeReply create(FakeStore *store, const FakeRequest *request) {
        CLEANUP(text_done) Text path = { 0 };
        const char *name = json_find_string(request->body, "/metadata/name", "");

        text_printf(&path, "%s/%s", request->path, name);
        if (fake_store_find(store, text_string(&path)))
                return refuse(409, "AlreadyExists", name);
        return show(201, add(store, text_string(&path), json_copy(request->body)));
}

static FakeReply delete (FakeStore *store, const FakeRequest *request) {
        FakeObject *object = fake_store_find(store, request->path);
        const char *uid = json_find_string(request->body, "/preconditions/uid", NULL);
        const char *version = json_find_string(request->body, "/preconditions/resourceVersion", NULL);

        if (!object)
                return refuse(404, "NotFound", name_in(request->path));
        if ((uid && strcmp(uid, json_find_string(object->json, "/metadata/uid", "")) != 0) ||
                (version && strcmp(version, json_find_string(object->json, "/metadata/resourceVersion", "")) != 0))
                return refuse(409, "Conflict", name_in(request->path));
        if (json_size(json_find(object->json, "/metadata/finalizers")) > 0) {
                json_put_string(metadata_of(object->json), "deletionTimestamp", "2026-01-02T03:04:05Z");
                stamp(store, "MODIFIED", object);
                return show(200, object);
        }
        fake_store_remove(store, request->path);
        return (FakeReply){ 200, fake_store_status(200, "", "", name_in(request->path)) };
}

FakeReply fake_store_handle(FakeStore *store, const FakeRequest *request) {
        FakeObject *object;

        if (strcmp(request->method, "POST") == 0)
                return create(store, request);
        if (strcmp(request->method, "PUT") == 0)
                return replace(store, request);
        if (strcmp(request->method, "DELETE") == 0)
                return delete (store, request);
        if (strcmp(request->method, "PATCH") == 0)
                return strstr(request->content_type, "apply-patch") ? apply(store, request) : merge(store, request);
        object = fake_store_find(store, request->path);
        return object ? show(200, object) : refuse(404, "NotFound", name_in(request->path));
}
