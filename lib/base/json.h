/* SPDX-License-Identifier: Apache-2.0 */
/* JSON trees: the only caller of cJSON. Look-ups are case-sensitive. A tree has one owner, who calls json_free on its
 * root (or lets an arena adopt it); nodes returned by look-ups belong to the tree. Integers beyond 2^53 do not survive:
 * they travel as strings. Trees are not locked: one thread at a time, or read-only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

typedef struct cJSON Json;

typedef enum JsonType { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } JsonType;

enum { JSON_MAXIMUM_BYTES = 8 * 1024 * 1024, JSON_MAXIMUM_DEPTH = 100 };

/* Points cJSON at the aborting allocator. Call once at program start, before any thread. */
void json_start(void);
/* One whole document of at most JSON_MAXIMUM_BYTES bytes, nested at most JSON_MAXIMUM_DEPTH deep; anything behind it
 * but white space is an error, and so is a NUL byte, also as \u0000: strings end there in C (PROTOCOL, TOO_LARGE). The
 * caller frees the tree. */
bool json_parse(const char *bytes, size_t size, Json **ret_json, Error *err) MUST_USE;
void json_free(Json *json);
/* For CLEANUP(json_cleanup) and arena_adopt. */
void json_cleanup(Json **json);
Json *json_adopt(Arena *arena, Json *json);
/* Compact text; the caller frees it. json_append writes behind what `text` holds. */
char *json_print(const Json *json);
void json_append(const Json *json, Text *text);
/* `value` as a JSON string with its quotes. What is not UTF-8 becomes U+FFFD. */
void json_append_string(const char *value, Text *text);
Json *json_copy(const Json *json);
/* Same content, the order of object keys aside. */
bool json_equal(const Json *a, const Json *b);

/* Reading. All accept NULL and give "nothing there". */
JsonType json_type(const Json *json);
Json *json_get(const Json *object, const char *key);
Json *json_at(const Json *array, size_t index);
size_t json_size(const Json *array_or_object);
/* First child and next sibling, for both arrays and objects: `for (c = json_first(a); c; c = json_next(c))`. */
Json *json_first(const Json *parent);
Json *json_next(const Json *child);
/* Name of a member of an object; NULL for anything else. */
const char *json_key(const Json *child);
/* Path look-up: "/spec/replicas", "/status/conditions[type=Ready]/status" (member of an array by the value of a key),
 * "/status/containerStatuses[*]/state/waiting/reason" (first member of the array where the rest is found), "/a[0]/b".
 * The value in brackets may hold '/' but not ']'; it is compared with strings, whole numbers, "true" and "false".
 * "~1" and "~0" in a step stand for '/' and '~' (RFC 6901); keys with dots need no escape. */
Json *json_find(const Json *json, const char *path);
/* The value, or the fallback where the node is missing or of another type. Strings belong to the tree. */
const char *json_string(const Json *json, const char *fallback);
int64_t json_int(const Json *json, int64_t fallback); /* only whole numbers */
double json_number(const Json *json, double fallback);
bool json_bool(const Json *json, bool fallback);
/* json_find and the above in one. */
const char *json_find_string(const Json *json, const char *path, const char *fallback);
int64_t json_find_int(const Json *json, const char *path, int64_t fallback);
bool json_find_bool(const Json *json, const char *path, bool fallback);

/* Building. Putting replaces a member of that name. Taken trees belong to the parent afterwards. */
Json *json_new_object(void);
Json *json_new_array(void);
Json *json_new_string(const char *value);
Json *json_new_int(int64_t value);
Json *json_new_number(double value);
Json *json_new_bool(bool value);
Json *json_new_null(void);
/* A NULL `taken` removes the member. */
void json_put(Json *object, const char *key, Json *taken);
/* For a name that is surely not there yet: no look-up. */
void json_put_new(Json *object, const char *key, Json *taken);
/* A NULL value removes the member. */
void json_put_string(Json *object, const char *key, const char *value);
void json_put_int(Json *object, const char *key, int64_t value);
void json_put_bool(Json *object, const char *key, bool value);
void json_put_null(Json *object, const char *key);
/* The new child. */
Json *json_put_object(Json *object, const char *key);
Json *json_put_array(Json *object, const char *key);
void json_add(Json *array, Json *taken);
void json_add_string(Json *array, const char *value);
Json *json_add_object(Json *array);
void json_remove(Json *object, const char *key);
/* Takes a child out of its parent; the caller owns it. */
Json *json_detach(Json *parent, Json *child);
/* Puts `taken` in the place of `old` (a child of `parent`), keeping its key; frees `old`. */
void json_replace(Json *parent, Json *old, Json *taken);
/* RFC 7386: `patch` merged into `target`, which is changed; null removes. Both are objects. */
void json_merge(Json *target, const Json *patch);
