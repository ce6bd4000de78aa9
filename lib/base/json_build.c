/* SPDX-License-Identifier: Apache-2.0 */
/* Building and changing JSON trees. Law: what is put in belongs to the parent, and an object has each name once. */
#include <assert.h>
#include <cjson/cJSON.h>
#include <stdlib.h>

#include "lib/base/alloc.h"
#include "lib/base/json.h"

Json *json_new_object(void) {
        return cJSON_CreateObject();
}

Json *json_new_array(void) {
        return cJSON_CreateArray();
}

Json *json_new_string(const char *value) {
        return cJSON_CreateString(value);
}

Json *json_new_int(int64_t value) {
        return cJSON_CreateNumber((double)value);
}

Json *json_new_number(double value) {
        return cJSON_CreateNumber(value);
}

Json *json_new_bool(bool value) {
        return cJSON_CreateBool(value);
}

Json *json_new_null(void) {
        return cJSON_CreateNull();
}

/* Array members have no name, also those that were members of an object before. */
static void set_key(Json *json, const char *key) {
        char *copy = alloc_string(key);

        free(json->string);
        json->string = copy;
        json->type &= ~cJSON_StringIsConst;
}

static void append_child(Json *parent, Json *taken) {
        assert(taken && !taken->next);
        /* cJSON links the node at the end; names are set by our own rules before. */
        (void)cJSON_AddItemToArray(parent, taken);
}

void json_put(Json *object, const char *key, Json *taken) {
        Json *old = json_get(object, key);

        assert(cJSON_IsObject(object));
        if (!taken) {
                json_remove(object, key);
        } else if (old) {
                json_replace(object, old, taken);
        } else {
                json_put_new(object, key, taken);
        }
}

void json_put_new(Json *object, const char *key, Json *taken) {
        assert(cJSON_IsObject(object));
        set_key(taken, key);
        append_child(object, taken);
}

void json_put_string(Json *object, const char *key, const char *value) {
        json_put(object, key, value ? json_new_string(value) : NULL);
}

void json_put_int(Json *object, const char *key, int64_t value) {
        json_put(object, key, json_new_int(value));
}

void json_put_bool(Json *object, const char *key, bool value) {
        json_put(object, key, json_new_bool(value));
}

void json_put_null(Json *object, const char *key) {
        json_put(object, key, json_new_null());
}

Json *json_put_object(Json *object, const char *key) {
        Json *child = json_new_object();

        json_put(object, key, child);
        return child;
}

Json *json_put_array(Json *object, const char *key) {
        Json *child = json_new_array();

        json_put(object, key, child);
        return child;
}

void json_add(Json *array, Json *taken) {
        assert(cJSON_IsArray(array));
        set_key(taken, NULL);
        append_child(array, taken);
}

void json_add_string(Json *array, const char *value) {
        json_add(array, json_new_string(value));
}

Json *json_add_object(Json *array) {
        Json *child = json_new_object();

        json_add(array, child);
        return child;
}

void json_remove(Json *object, const char *key) {
        Json *old = json_get(object, key);

        if (old)
                json_free(json_detach(object, old));
}

Json *json_detach(Json *parent, Json *child) {
        Json *detached = cJSON_DetachItemViaPointer(parent, child);

        assert(detached);
        set_key(detached, NULL);
        return detached;
}

void json_replace(Json *parent, Json *old, Json *taken) {
        assert(taken && taken != old);
        set_key(taken, old->string);
        (void)cJSON_ReplaceItemViaPointer(parent, old, taken);
}

void json_merge(Json *target, const Json *patch) {
        assert(cJSON_IsObject(target) && cJSON_IsObject(patch));
        for (const Json *change = patch->child; change; change = change->next) {
                if (cJSON_IsNull(change)) {
                        json_remove(target, change->string);
                } else if (!cJSON_IsObject(change)) {
                        json_put(target, change->string, json_copy(change));
                } else {
                        Json *member = json_get(target, change->string);

                        if (!cJSON_IsObject(member))
                                member = json_put_object(target, change->string);
                        json_merge(member, change);
                }
        }
}
