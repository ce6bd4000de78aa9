/* SPDX-License-Identifier: Apache-2.0 */
/* The path language of json_find: a step is "/key" or one of "[0]", "[*]", "[key=value]".
 * Law: a path that makes no sense finds nothing. */
#include <string.h>

#include "lib/base/json.h"

enum { SELECTOR_BYTES = 256 };

/* Whether `key` is the step of `size` bytes, in which "~1" and "~0" stand for '/' and '~'. */
static bool is_step(const char *key, const char *step, size_t size) {
        const char *end = step + size;

        for (; step < end; step++, key++) {
                char wanted = *step;

                if (wanted == '~' && end - step > 1 && (step[1] == '0' || step[1] == '1'))
                        wanted = *++step == '1' ? '/' : '~';
                if (*key != wanted)
                        return false;
        }
        return *key == '\0';
}

static Json *find_member(const Json *object, const char *step, size_t size) {
        if (json_type(object) != JSON_OBJECT)
                return NULL;
        for (Json *child = json_first(object); child; child = json_next(child))
                if (is_step(json_key(child), step, size))
                        return child;
        return NULL;
}

static bool has_value(const Json *json, const char *wanted) {
        int64_t number;

        switch (json_type(json)) {
        case JSON_STRING:
                return strcmp(json_string(json, ""), wanted) == 0;
        case JSON_NUMBER:
                return text_to_int(wanted, INT64_MIN + 1, INT64_MAX, &number) && json_int(json, INT64_MIN) == number;
        case JSON_BOOL:
                return strcmp(json_bool(json, false) ? "true" : "false", wanted) == 0;
        default:
                return false;
        }
}

/* `selector` is "key=value" or an index. */
static Json *find_in_array(const Json *array, char *selector) {
        char *value = strchr(selector, '=');
        int64_t index;

        if (!value)
                return text_to_int(selector, 0, INT64_MAX, &index) ? json_at(array, (size_t)index) : NULL;
        *value++ = '\0';
        for (Json *child = json_first(array); child; child = json_next(child))
                if (has_value(json_get(child, selector), value))
                        return child;
        return NULL;
}

/* The first member of the array below which the rest of the path is found. */
static Json *find_in_any(const Json *array, const char *rest) {
        for (const Json *child = json_first(array); child; child = json_next(child)) {
                Json *found = json_find(child, rest);

                if (found)
                        return found;
        }
        return NULL;
}

Json *json_find(const Json *json, const char *path) {
        const Json *at = json;

        while (at && *path) {
                char selector[SELECTOR_BYTES];
                size_t size;

                if (*path == '/') {
                        size = strcspn(++path, "/[");
                        at = find_member(at, path, size);
                        path += size;
                        continue;
                }
                size = strcspn(path, "]");
                if (*path != '[' || path[size] != ']' || size > sizeof(selector) || json_type(at) != JSON_ARRAY)
                        return NULL;
                memcpy(selector, path + 1, size - 1);
                selector[size - 1] = '\0';
                path += size + 1;
                if (strcmp(selector, "*") == 0)
                        return find_in_any(at, path);
                at = find_in_array(at, selector);
        }
        /* What is found belongs to the caller's tree, which may be changed through any of its nodes. */
        return (Json *)(uintptr_t)at;
}

const char *json_find_string(const Json *json, const char *path, const char *fallback) {
        return json_string(json_find(json, path), fallback);
}

int64_t json_find_int(const Json *json, const char *path, int64_t fallback) {
        return json_int(json_find(json, path), fallback);
}

bool json_find_bool(const Json *json, const char *path, bool fallback) {
        return json_bool(json_find(json, path), fallback);
}
