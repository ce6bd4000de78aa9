/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a JSON tree into a struct by a table. Law: a message says which field, what was given and what is allowed, in
 * one sentence that a person who wrote the YAML understands. */
#include "lib/base/fields.h"

#include <string.h>

enum { GIVEN_BYTES = 80, THOUSAND = 1000 };

typedef struct Target {
        void *base;
        Arena *arena;
} Target;

static const Json *find(const Field *field, const Json *json) {
        const Json *found = json_find(json, field->path);

        return json_type(found) == JSON_NULL ? NULL : found;
}

static bool is_bounded(const Field *field) {
        return field->minimum != 0 || field->maximum != 0;
}

static void expect_choice(const Field *field, Text *expected) {
        text_append(expected, "one of ");
        for (const char *const *choice = field->choices; *choice; choice++) {
                if (choice != field->choices)
                        text_append(expected, choice[1] ? ", " : " or ");
                text_append(expected, *choice);
        }
}

static void expect(const Field *field, Text *expected) {
        switch (field->type) {
        case FIELD_STRING:
                text_append(expected, "a string");
                break;
        case FIELD_INT:
                text_append(expected, "a whole number");
                if (is_bounded(field) && field->maximum == INT64_MAX)
                        text_printf(expected, " of at least %lld", (long long)field->minimum);
                else if (is_bounded(field))
                        text_printf(
                                expected, " from %lld to %lld", (long long)field->minimum, (long long)field->maximum);
                break;
        case FIELD_BOOL:
                text_append(expected, "true or false");
                break;
        case FIELD_CHOICE:
                expect_choice(field, expected);
                break;
        case FIELD_QUANTITY:
                text_append(expected, "a quantity such as \"10Gi\"");
                break;
        case FIELD_MILLI:
                text_append(expected, "a quantity such as \"500m\"");
                break;
        case FIELD_TREE:
        case FIELD_PRESENT:
                text_append(expected, "given");
                break;
        }
}

/* "/spec/a~1b" as "spec.a/b". */
static void append_name(const char *path, Text *name) {
        for (const char *at = *path == '/' ? path + 1 : path; *at; at++) {
                if (*at == '~' && (at[1] == '0' || at[1] == '1'))
                        text_append(name, *++at == '1' ? "/" : "~");
                else
                        text_append_bytes(name, *at == '/' ? "." : at, 1);
        }
}

/* What was given, as JSON, cut when it is long. */
static void append_given(const Json *json, Text *text) {
        CLEANUP(text_done) Text given = { 0 };
        size_t size;

        json_append(json, &given);
        size = text_cut(text_string(&given), GIVEN_BYTES);
        text_append_bytes(text, text_string(&given), size);
        if (size < given.size)
                text_append(text, "...");
}

static bool refuse(const Field *field, const Json *json, Error *err) {
        CLEANUP(text_done) Text text = { 0 };

        append_name(field->path, &text);
        text_append(&text, " is ");
        if (json)
                append_given(json, &text);
        else
                text_append(&text, "missing");
        text_append(&text, ", it must be ");
        expect(field, &text);
        return error_set(err, ERROR_INVALID, "%s", text_string(&text));
}

static bool read_int(const Field *field, const Json *json, int64_t *ret_value) {
        int64_t value = json_int(json, INT64_MIN);

        if (value == INT64_MIN || (is_bounded(field) && (value < field->minimum || value > field->maximum)))
                return false;
        *ret_value = value;
        return true;
}

static bool read_choice(const Field *field, const Json *json, int *ret_index) {
        const char *word = json_string(json, NULL);

        for (int i = 0; word && field->choices[i]; i++) {
                if (strcmp(word, field->choices[i]) == 0) {
                        *ret_index = i;
                        return true;
                }
        }
        return false;
}

/* Quantities come as strings and as numbers. */
static bool read_quantity(const Json *json, int64_t *ret_thousandths) {
        CLEANUP(text_done) Text number = { 0 };
        const char *word = json_string(json, NULL);
        int64_t value;

        if (json_type(json) == JSON_NUMBER) {
                json_append(json, &number);
                word = text_string(&number);
        }
        if (!word || !fields_parse_quantity(word, &value, NULL) || value < 0)
                return false;
        *ret_thousandths = value;
        return true;
}

static bool read_field(const Field *field, const Json *json, const Target *target) {
        void *place = (char *)target->base + field->offset;
        int64_t thousandths;

        switch (field->type) {
        case FIELD_STRING:
                *(const char **)place = arena_string(target->arena, json_string(json, NULL));
                return json_type(json) == JSON_STRING;
        case FIELD_INT:
                return read_int(field, json, place);
        case FIELD_BOOL:
                *(bool *)place = json_bool(json, false);
                return json_type(json) == JSON_BOOL;
        case FIELD_CHOICE:
                return read_choice(field, json, place);
        case FIELD_QUANTITY:
        case FIELD_MILLI:
                if (!read_quantity(json, &thousandths))
                        return false;
                *(int64_t *)place = field->type == FIELD_MILLI ? thousandths
                                                               : thousandths / THOUSAND + (thousandths % THOUSAND != 0);
                return true;
        case FIELD_TREE:
                *(const Json **)place = json;
                return true;
        case FIELD_PRESENT:
                *(bool *)place = true;
                return true;
        }
        return false;
}

static void write_fallback(const Field *field, const Target *target) {
        void *place = (char *)target->base + field->offset;

        switch (field->type) {
        case FIELD_STRING:
                *(const char **)place = field->fallback_string;
                break;
        case FIELD_INT:
        case FIELD_QUANTITY:
        case FIELD_MILLI:
                *(int64_t *)place = field->fallback;
                break;
        case FIELD_BOOL:
                *(bool *)place = field->fallback != 0;
                break;
        case FIELD_CHOICE:
                *(int *)place = (int)field->fallback;
                break;
        case FIELD_TREE:
                *(const Json **)place = NULL;
                break;
        case FIELD_PRESENT:
                *(bool *)place = false;
                break;
        }
}

bool fields_parse(const Field *fields, const Json *json, Arena *arena, void *target, Error *err) {
        const Target into = { .base = target, .arena = arena };

        for (const Field *field = fields; field->path; field++) {
                const Json *found = find(field, json);

                if (!found && field->required)
                        return refuse(field, NULL, err);
                if (!found)
                        write_fallback(field, &into);
                else if (!read_field(field, found, &into))
                        return refuse(field, found, err);
        }
        return true;
}
