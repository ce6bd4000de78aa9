/* SPDX-License-Identifier: Apache-2.0 */
/* What the cache keeps of a Kubernetes object: identity, a few values named by the kind's table of paths, and what is
 * needed to see whether our fields are still ours. One allocation, immutable, reference-counted: safe to read from
 * every thread while a reference is held. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/json.h"

/* A type of object, as a constant table in the program. `paths` (NULL-terminated, may be NULL) are json_find paths;
 * an enum beside the table names their indexes. A path to a scalar keeps its text, a path to a tree its compact JSON.
 */
typedef struct Kind {
        const char *group; /* "" for the core group */
        const char *version;
        const char *kind;
        const char *plural;
        bool cluster_scoped;
        const char *const *paths;
} Kind;

typedef struct Object {
        const Kind *kind;
        const char *namespace_; /* "" when cluster-scoped */
        const char *name;
        const char *uid;
        const char *resource_version;
        int64_t generation;
        bool deleting;          /* deletionTimestamp is set */
        const char *owner_kind; /* of the controlling owner reference; NULL without one */
        const char *owner_name;
        const char *owner_uid;
        const char *intent;    /* annotation madbase.io/intent: hash of what we applied; NULL without it */
        uint64_t owned_fields; /* hash of the managedFields entry of our field manager; 0 without one */
        size_t value_count;
        const char *const *values; /* one per path of the kind; NULL where there is nothing */
        /* private; what the pointers show lies behind the struct, in the same allocation */
        const char *key;
        _Atomic uint32_t references;
} Object;

/* The field manager whose managedFields entry `owned_fields` is the hash of: the one of server-side apply to the main
 * resource. Only what it owns is hashed, not when: another manager that changes one of our fields changes the hash.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/ */
#define OBJECT_FIELD_MANAGER "madbase-operator"
#define OBJECT_INTENT        "madbase.io/intent"

/* A new object with one reference. INVALID when apiVersion or kind is there and not the kind's (items of lists carry
 * none), or when name, uid or resourceVersion is missing. `kind` must outlive the object. */
bool object_project(const Kind *kind, const Json *json, Object **ret_object, Error *err) MUST_USE;
Object *object_ref(const Object *object);
/* Accepts NULL. */
void object_unref(Object *object);
/* For CLEANUP(object_cleanup) and, with a void pointer, arena_adopt. */
void object_cleanup(Object **object);
void object_release(void *object);
/* The value of a path, "" where there is nothing; the integer and boolean forms with a fallback. */
const char *object_value(const Object *object, size_t path);
int64_t object_value_int(const Object *object, size_t path, int64_t fallback);
bool object_value_bool(const Object *object, size_t path);
/* Whether everything but the resourceVersion is the same: such a change wakes nobody. */
bool object_same(const Object *a, const Object *b);
/* "namespace/name", or "name" for cluster-scoped objects; object_key is in the object's own storage. */
const char *object_key(const Object *object);

/* Compares resourceVersions as the decimal numbers that KEP-5504 says they are, without converting them: NEWER when `a`
 * is newer than `b`. Anything that is not such a number is UNKNOWN, unless both are the same text. */
typedef enum VersionOrder { VERSION_OLDER = -1, VERSION_SAME = 0, VERSION_NEWER = 1, VERSION_UNKNOWN = 2 } VersionOrder;
VersionOrder version_compare(const char *a, const char *b);
