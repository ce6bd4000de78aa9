/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and compares the golden files of golden.h. Linked into tests only. */
#include "operator/controllers/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/yaml.h"

enum { FILE_MAXIMUM = 4 * 1024 * 1024, INDENT = 2 };

static bool read_file(const char *path, Text *text) {
        CLEANUP(cleanup_file) FILE *file = fopen(path, "re");
        char part[4096];
        size_t size;

        if (!file)
                return false;
        text->maximum = FILE_MAXIMUM;
        while ((size = fread(part, 1, sizeof(part), file)) > 0)
                text_append_bytes(text, part, size);
        return !text->failed;
}

Json *golden_case(Arena *arena, const char *name) {
        CLEANUP(text_done) Text text = { 0 };
        const char *path = arena_printf(arena, "testdata/%s.yaml", name);
        Error err = { 0 };
        Json *json = NULL;

        if (!read_file(path, &text))
                fail_msg("%s cannot be read", path);
        if (!yaml_parse(text_string(&text), text.size, &json, &err))
                fail_msg("%s: %s", path, err.text);
        return json_adopt(arena, json);
}

static void fill_in(Json *object, size_t index, Arena *arena) {
        Json *metadata = json_get(object, "metadata");

        if (!json_get(metadata, "uid"))
                json_put_string(metadata, "uid", arena_printf(arena, "uid-%zu", index));
        if (!json_get(metadata, "resourceVersion"))
                json_put_string(metadata, "resourceVersion", "1");
}

static void unref(void *object) {
        object_unref(object);
}

const Object *const *golden_objects(Arena *arena, const Json *golden, const Kind *kind) {
        const Json *all = json_get(golden, "objects");
        const Object **objects = arena_alloc(arena, (json_size(all) + 1) * sizeof(*objects));
        size_t count = 0, index = 0;

        for (Json *json = json_first(all); json; json = json_next(json), index++) {
                Object *object = NULL;
                Error err = { 0 };

                if (strcmp(json_find_string(json, "/kind", ""), kind->kind) != 0)
                        continue;
                fill_in(json, index, arena);
                if (!object_project(kind, json, &object, &err))
                        fail_msg("object %zu of the case: %s", index, err.text);
                arena_adopt(arena, object, unref);
                objects[count++] = object;
        }
        return objects;
}

/* One member a line, so that a difference in a golden file is a difference of lines. */
static void print(const Json *json, int depth, Text *text) {
        bool object = json_type(json) == JSON_OBJECT;

        if ((!object && json_type(json) != JSON_ARRAY) || json_size(json) == 0) {
                json_append(json, text);
                return;
        }
        text_append(text, object ? "{\n" : "[\n");
        for (const Json *child = json_first(json); child; child = json_next(child)) {
                text_printf(text, "%*s", (depth + 1) * INDENT, "");
                if (object)
                        text_printf(text, "\"%s\": ", json_key(child));
                print(child, depth + 1, text);
                text_append(text, json_next(child) ? ",\n" : "\n");
        }
        text_printf(text, "%*s%s", depth * INDENT, "", object ? "}" : "]");
}

static void write_file(const char *path, const Text *text) {
        CLEANUP(cleanup_file) FILE *file = fopen(path, "we");

        if (!file || fwrite(text->data, 1, text->size, file) != text->size)
                fail_msg("%s cannot be written", path);
}

static void compare_lines(const char *path, const char *have, const char *want) {
        for (int line = 1; *have || *want; line++) {
                size_t a = strcspn(have, "\n"), b = strcspn(want, "\n");

                if (a != b || strncmp(have, want, a) != 0)
                        fail_msg("%s line %d is\n  %.*s\nbut the plan says\n  %.*s\n(UPDATE_GOLDEN=1 writes it anew)",
                                path, line, (int)b, want, (int)a, have);
                have += a + (have[a] == '\n');
                want += b + (want[b] == '\n');
        }
}

void golden_expect(const char *name, const Json *plan) {
        CLEANUP(text_done) Text have = { 0 }, want = { 0 }, path = { 0 };
        const char *update = getenv("UPDATE_GOLDEN");

        text_printf(&path, "testdata/%s.plan.json", name);
        print(plan, 0, &have);
        text_append(&have, "\n");
        if (update && strcmp(update, "1") == 0)
                write_file(text_string(&path), &have);
        if (!read_file(text_string(&path), &want))
                fail_msg("%s cannot be read; UPDATE_GOLDEN=1 makes it", text_string(&path));
        compare_lines(text_string(&path), text_string(&have), text_string(&want));
}
