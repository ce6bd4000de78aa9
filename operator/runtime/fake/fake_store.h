/* SPDX-License-Identifier: Apache-2.0 */
/* The objects of the fake API server and what requests do to them. Not locked: fake_api.c does that. */
#pragma once

#include "lib/base/hashmap.h"
#include "lib/kube/object.h"

typedef struct FakeObject {
        char *path;
        Json *json;
} FakeObject;

typedef struct FakeChange {
        const char *type; /* "ADDED", "MODIFIED", "DELETED" */
        char *path;
        Json *json;
} FakeChange;

typedef struct FakeStore {
        Hashmap objects; /* FakeObject by path */
        FakeChange *changes;
        size_t change_count;
        int64_t version;
} FakeStore;

typedef struct FakeRequest {
        const char *method;
        char *path;              /* without query; of the object itself, without subresource */
        const char *subresource; /* NULL or "status" */
        const char *query;
        const char *content_type;
        Json *body;
} FakeRequest;

typedef struct FakeReply {
        int status;
        Json *json; /* owned by whoever gets the reply */
} FakeReply;

void fake_store_done(FakeStore *store);
FakeObject *fake_store_find(FakeStore *store, const char *path);
void fake_store_make(FakeStore *store, const char *path, Json *taken);
void fake_store_edit(FakeStore *store, const char *path, const Json *patch);
void fake_store_remove(FakeStore *store, const char *path);
FakeReply fake_store_handle(FakeStore *store, const FakeRequest *request);
/* A Status object. `name` may be NULL. */
Json *fake_store_status(int code, const char *reason, const char *message, const char *name);
