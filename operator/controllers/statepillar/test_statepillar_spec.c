/* SPDX-License-Identifier: Apache-2.0 */
/* The table that a StatePillar's spec is read by says what the CRD's schema says: same fields, same words, same
 * defaults; and what follows from plan and resources. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/yaml.h"
#include "operator/controllers/statepillar/statepillar.h"

#define CRD "../../../crds/madbase.io_statepillars.yaml"

static Json *read_yaml(Arena *arena, const char *path) {
        CLEANUP(cleanup_file) FILE *file = fopen(path, "re");
        CLEANUP(text_done) Text text = { 0 };
        char part[4096];
        size_t size;
        Json *json = NULL;
        Error err = { 0 };

        assert_non_null(file);
        while ((size = fread(part, 1, sizeof(part), file)) > 0)
                text_append_bytes(&text, part, size);
        if (!yaml_parse(text_string(&text), text.size, &json, &err))
                fail_msg("%s: %s", path, err.text);
        return json_adopt(arena, json);
}

/* The schema of "/spec/storage/size". */
static const Json *schema_of(const Json *schema, const char *path) {
        char step[64];

        while (schema && *path) {
                size_t size = strcspn(path + 1, "/");
                (void)snprintf(step, sizeof(step), "%.*s", (int)size, path + 1);
                schema = json_get(json_get(schema, "properties"), step);
                path += size + 1;
        }
        return schema;
}

static void check_choices(const Field *field, const Json *schema) {
        const Json *words = json_get(schema, "enum");
        size_t count = 0;

        for (; field->choices[count]; count++) {
                bool found = false;
                for (const Json *word = json_first(words); word; word = json_next(word))
                        found = found || text_equal(json_string(word, ""), field->choices[count]);
                if (!found)
                        fail_msg("%s: the schema does not know %s", field->path, field->choices[count]);
        }
        assert_int_equal(json_size(words), count);
        assert_string_equal(json_find_string(schema, "/default", ""), field->choices[field->fallback]);
}

static void test_reads_what_the_schema_has(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        const Json *crd = read_yaml(&arena, CRD);
        const Json *schema = json_find(crd, "/spec/versions[0]/schema/openAPIV3Schema");

        (void)state;
        for (const Field *field = pillar_fields; field->path; field++) {
                const Json *part = schema_of(schema, field->path);
                if (!part)
                        fail_msg("%s is not in the schema", field->path);
                if (field->type == FIELD_CHOICE)
                        check_choices(field, part);
                if (field->type == FIELD_INT)
                        assert_int_equal(json_find_int(part, "/default", -1), field->fallback);
                if (field->type == FIELD_BOOL)
                        assert_int_equal(json_find_bool(part, "/default", true), field->fallback);
        }
}

static PillarSpec parse(Arena *arena, const char *text) {
        PillarSpec spec = { 0 };
        Json *json = NULL;
        Error err = { 0 };

        if (!yaml_parse(text, strlen(text), &json, &err) ||
                !pillar_spec_parse(json_adopt(arena, json), arena, &spec, &err))
                fail_msg("%s", err.text);
        return spec;
}

static void test_a_plan_is_shared_out_and_never_exceeded(void **state) {
        static const struct {
                const char *text;
                int64_t cpu, gib;
        } plans[] = { { "{ plan: CX21, storage: { size: 1Gi } }", 3000, 8 },
                { "{ plan: CX31, storage: { size: 1Gi } }", 4000, 16 },
                { "{ plan: CX41, storage: { size: 1Gi } }", 8000, 32 } };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(plans); i++) {
                CLEANUP(arena_done) Arena arena = { 0 };
                PillarSpec spec = parse(&arena, plans[i].text);
                assert_true(spec.postgres.cpu_request + spec.redis.cpu_request + spec.sentinel.cpu_request +
                                    spec.entry.cpu_request <=
                            plans[i].cpu);
                assert_true(spec.postgres.memory_limit + spec.redis.memory_limit + spec.sentinel.memory_limit +
                                    spec.entry.memory_limit <=
                            plans[i].gib << 30);
        }
}

static void test_resources_win_over_the_plan(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        PillarSpec spec = parse(&arena,
                "{ plan: CX21, storage: { size: 1Gi }, resources: { postgres: { limits: { cpu: 1, memory: 2Gi } },"
                " redis: { requests: { memory: 4Gi } } } }");

        (void)state;
        assert_int_equal(spec.postgres.cpu_limit, 1000);
        assert_int_equal(spec.postgres.cpu_request, 1000);
        assert_int_equal(spec.postgres.memory_request, 2LL << 30);
        assert_int_equal(spec.redis.memory_request, 4LL << 30);
        assert_int_equal(spec.redis.memory_limit, 4LL << 30);
        assert_int_equal(spec.connections, 100);
}

static void test_only_odd_counts_are_valid(void **state) {
        (void)state;
        for (int64_t count = -1; count < 8; count++)
                assert_int_equal(pillar_members_valid(count), count == 1 || count == 3 || count == 5);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads_what_the_schema_has),
                cmocka_unit_test(test_a_plan_is_shared_out_and_never_exceeded),
                cmocka_unit_test(test_resources_win_over_the_plan),
                cmocka_unit_test(test_only_odd_counts_are_valid),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
