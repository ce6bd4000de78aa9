/* SPDX-License-Identifier: Apache-2.0 */
/* JSON trees on cJSON: parsing, reading and building.
 * Law: names are compared byte by byte, and a node has exactly one owner. */
#include "lib/base/json.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <string.h>

#include "lib/base/alloc.h"

static void *allocate(size_t size) {
        return alloc_grow(NULL, size);
}

void json_start(void) {
        cJSON_Hooks hooks = { .malloc_fn = allocate, .free_fn = free };

        cJSON_InitHooks(&hooks);
}

/* The end of the string that begins behind the quote `at`; NULL when it is cut short or holds a NUL byte. */
static const char *string_end(const char *at, const char *end) {
        while (at < end && *at && *at != '"') {
                if (end - at > 5 && memcmp(at, "\\u0000", 6) == 0)
                        return NULL;
                at += *at == '\\' && end - at > 1 ? 2 : 1;
        }
        return at < end && *at ? at : NULL;
}

/* What cJSON lets pass and this code base must not: deep nesting and NUL bytes. */
static bool check_shape(const char *bytes, size_t size, Error *err) {
        const char *end = bytes + size;
        int depth = 0;

        for (const char *at = bytes; at < end; at++) {
                if (*at == '"') {
                        const char *quote = string_end(at + 1, end);

                        if (!quote)
                                return error_set(err, ERROR_PROTOCOL,
                                        "the JSON string at byte %td is cut short or holds a NUL byte", at - bytes);
                        at = quote;
                } else if (*at == '{' || *at == '[') {
                        if (++depth > JSON_MAXIMUM_DEPTH)
                                return error_set(err, ERROR_PROTOCOL, "the JSON is nested more than %d deep",
                                        JSON_MAXIMUM_DEPTH);
                } else if (*at == '}' || *at == ']') {
                        depth--;
                } else if (*at == '\0') {
                        return error_set(err, ERROR_PROTOCOL, "the JSON holds a NUL byte at byte %td", at - bytes);
                }
        }
        return true;
}

bool json_parse(const char *bytes, size_t size, Json **ret_json, Error *err) {
        const char *at = bytes;
        Json *json;

        if (size == 0)
                return error_set(err, ERROR_PROTOCOL, "the JSON is empty");
        if (size > JSON_MAXIMUM_BYTES)
                return error_set(
                        err, ERROR_TOO_LARGE, "the JSON has %zu bytes, at most %d are taken", size, JSON_MAXIMUM_BYTES);
        if (!check_shape(bytes, size, err))
                return false;
        json = cJSON_ParseWithLengthOpts(bytes, size, &at, false);
        if (!json)
                return error_set(err, ERROR_PROTOCOL, "the JSON makes no sense at byte %td", at - bytes);
        for (; at < bytes + size; at++) {
                if (!strchr(" \t\r\n", *at)) {
                        json_free(json);
                        return error_set(
                                err, ERROR_PROTOCOL, "something stands behind the JSON at byte %td", at - bytes);
                }
        }
        *ret_json = json;
        return true;
}

void json_free(Json *json) {
        cJSON_Delete(json);
}

void json_cleanup(Json **json) {
        cJSON_Delete(*json);
}

static void free_adopted(void *json) {
        cJSON_Delete(json);
}

Json *json_adopt(Arena *arena, Json *json) {
        arena_adopt(arena, json, free_adopted);
        return json;
}

/* A node that has just lost its parent, or never needs a name, keeps none. */
static void drop_key(Json *json) {
        free(json->string);
        json->string = NULL;
}

Json *json_copy(const Json *json) {
        Json *copy;

        if (!json)
                return NULL;
        copy = cJSON_Duplicate(json, true);
        assert(copy);
        drop_key(copy);
        return copy;
}

static bool same_members(const Json *a, const Json *b) {
        const Json *other = b->child;
        bool objects = cJSON_IsObject(a);

        for (const Json *child = a->child; child; child = child->next) {
                const Json *twin = other;

                /* Most often both have one order; else the name is looked up. */
                if (objects && (!twin || strcmp(twin->string, child->string) != 0))
                        twin = json_get(b, child->string);
                if (!twin || !json_equal(child, twin))
                        return false;
                if (other)
                        other = other->next;
        }
        return true;
}

bool json_equal(const Json *a, const Json *b) {
        if (!a || !b)
                return a == b;
        if (json_type(a) != json_type(b))
                return false;
        switch (json_type(a)) {
        case JSON_NULL:
                return true;
        case JSON_BOOL:
                return cJSON_IsTrue(a) == cJSON_IsTrue(b);
        case JSON_NUMBER:
                return a->valuedouble == b->valuedouble;
        case JSON_STRING:
                return strcmp(a->valuestring, b->valuestring) == 0;
        case JSON_ARRAY:
        case JSON_OBJECT:
                return json_size(a) == json_size(b) && same_members(a, b);
        }
        return false;
}

JsonType json_type(const Json *json) {
        if (cJSON_IsObject(json))
                return JSON_OBJECT;
        if (cJSON_IsString(json))
                return JSON_STRING;
        if (cJSON_IsArray(json))
                return JSON_ARRAY;
        if (cJSON_IsNumber(json))
                return JSON_NUMBER;
        if (cJSON_IsBool(json))
                return JSON_BOOL;
        return JSON_NULL;
}

Json *json_get(const Json *object, const char *key) {
        if (!cJSON_IsObject(object))
                return NULL;
        for (Json *child = object->child; child; child = child->next)
                if (strcmp(child->string, key) == 0)
                        return child;
        return NULL;
}

Json *json_at(const Json *array, size_t index) {
        if (!cJSON_IsArray(array))
                return NULL;
        for (Json *child = array->child; child; child = child->next)
                if (index-- == 0)
                        return child;
        return NULL;
}

size_t json_size(const Json *array_or_object) {
        size_t size = 0;

        for (const Json *child = json_first(array_or_object); child; child = child->next)
                size++;
        return size;
}

Json *json_first(const Json *parent) {
        return parent ? parent->child : NULL;
}

Json *json_next(const Json *child) {
        return child ? child->next : NULL;
}

const char *json_key(const Json *child) {
        return child ? child->string : NULL;
}

const char *json_string(const Json *json, const char *fallback) {
        return cJSON_IsString(json) ? json->valuestring : fallback;
}

int64_t json_int(const Json *json, int64_t fallback) {
        double number;

        if (!cJSON_IsNumber(json))
                return fallback;
        number = json->valuedouble;
        if (!(number >= (double)INT64_MIN && number < (double)INT64_MAX) || number != (double)(int64_t)number)
                return fallback;
        return (int64_t)number;
}

double json_number(const Json *json, double fallback) {
        return cJSON_IsNumber(json) ? json->valuedouble : fallback;
}

bool json_bool(const Json *json, bool fallback) {
        return cJSON_IsBool(json) ? cJSON_IsTrue(json) != 0 : fallback;
}
