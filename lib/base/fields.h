/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that read a JSON tree into a plain struct: key, type, place, bounds, fallback. Messages name the field, what
 * was given and what is allowed. The same rows are checked against the CRD schema by a test. */
#pragma once

#include <stddef.h>

#include "lib/base/json.h"

typedef enum FieldType {
        FIELD_STRING,   /* const char *, copied into the arena */
        FIELD_INT,      /* int64_t */
        FIELD_BOOL,     /* bool */
        FIELD_CHOICE,   /* int: index into `choices` */
        FIELD_QUANTITY, /* int64_t: Kubernetes quantity in its base unit (bytes), rounded up; not negative */
        FIELD_MILLI,    /* int64_t: Kubernetes quantity in thousandths (CPU), rounded up; not negative */
        FIELD_TREE,     /* const Json *, belongs to the tree that was read */
        FIELD_PRESENT   /* bool: whether the path holds anything but null */
} FieldType;

typedef struct Field {
        const char *path; /* as json_find: "/spec/members" */
        FieldType type;
        size_t offset; /* offsetof in the struct */
        bool required;
        int64_t minimum, maximum;    /* FIELD_INT; both 0: unbounded */
        int64_t fallback;            /* for int, bool, choice (index), quantity, milli */
        const char *fallback_string; /* FIELD_STRING; kept by reference, NULL: NULL */
        const char *const *choices;  /* FIELD_CHOICE: NULL-terminated */
} Field;

/* `fields` ends with a row whose path is NULL. A null in the tree counts as missing. False with ERROR_INVALID and a
 * sentence for the first row that does not fit; `target` is then filled in part and must not be used. */
bool fields_parse(const Field *fields, const Json *json, Arena *arena, void *target, Error *err) MUST_USE;

/* "500m", "1.5Gi", "2e3": value times 1000, what is smaller rounded away from zero, as the API server does.
 * ERROR_INVALID for anything else and for overflow (past 9.2e15).
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ */
bool fields_parse_quantity(const char *text, int64_t *ret_thousandths, Error *err) MUST_USE;
