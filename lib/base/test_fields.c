/* SPDX-License-Identifier: Apache-2.0 */
/* Field tables: values, fallbacks, the sentences of refusal; Kubernetes quantities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/base/fields.h"

typedef enum Dcs { DCS_KUBERNETES, DCS_ETCD } Dcs;

typedef struct Spec {
        const char *plan, *class_name;
        int64_t members, idle, size, cpu;
        bool paused, has_redis;
        int dcs;
        const Json *parameters;
} Spec;

static const char *const dcs_words[] = { "Kubernetes", "Etcd", "None", NULL };

static const Field fields[] = {
        { "/spec/plan", FIELD_STRING, offsetof(Spec, plan), .fallback_string = "CX21" },
        { "/spec/storage/className", FIELD_STRING, offsetof(Spec, class_name) },
        { "/spec/members", FIELD_INT, offsetof(Spec, members), .required = true, .minimum = 1, .maximum = 5 },
        { "/spec/idle", FIELD_INT, offsetof(Spec, idle), .minimum = 10, .maximum = INT64_MAX, .fallback = 60 },
        { "/spec/storage/size", FIELD_QUANTITY, offsetof(Spec, size), .fallback = 1024 },
        { "/spec/cpu", FIELD_MILLI, offsetof(Spec, cpu), .fallback = 100 },
        { "/spec/paused", FIELD_BOOL, offsetof(Spec, paused), .fallback = true },
        { "/spec/dcs", FIELD_CHOICE, offsetof(Spec, dcs), .fallback = DCS_ETCD, .choices = dcs_words },
        { "/spec/redis", FIELD_PRESENT, offsetof(Spec, has_redis) },
        { "/spec/a~1b", FIELD_TREE, offsetof(Spec, parameters) },
        { 0 },
};

static const Field needy_fields[] = {
        { "/spec/parameters", FIELD_TREE, offsetof(Spec, parameters), .required = true },
        { 0 },
};

static const Field free_fields[] = {
        { "/spec/members", FIELD_INT, offsetof(Spec, members) },
        { 0 },
};

static bool parse(const Field *table, const char *text, Arena *arena, Spec *spec, Error *err) {
        Json *json = NULL;

        assert_true(json_parse(text, strlen(text), &json, err));
        return fields_parse(table, json_adopt(arena, json), arena, spec, err);
}

static void test_reads_every_type(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Spec spec;
        Error err = { 0 };

        (void)state;
        memset(&spec, 0xAA, sizeof(spec));
        assert_true(parse(fields,
                "{\"spec\":{\"plan\":\"CX31\",\"members\":3,\"idle\":10,\"storage\":{\"size\":\"20Gi\","
                "\"className\":\"fast\"},\"cpu\":1.5,\"paused\":false,\"dcs\":\"Kubernetes\",\"redis\":{},"
                "\"a/b\":{\"k\":1}}}",
                &arena, &spec, &err));
        assert_string_equal(spec.plan, "CX31");
        assert_string_equal(spec.class_name, "fast");
        assert_int_equal(spec.members, 3);
        assert_int_equal(spec.idle, 10);
        assert_int_equal(spec.size, INT64_C(20) << 30);
        assert_int_equal(spec.cpu, 1500);
        assert_false(spec.paused);
        assert_int_equal(spec.dcs, DCS_KUBERNETES);
        assert_true(spec.has_redis);
        assert_int_equal(json_find_int(spec.parameters, "/k", 0), 1);
}

static void test_fills_in_fallbacks(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Spec spec;
        Error err = { 0 };

        (void)state;
        memset(&spec, 0xAA, sizeof(spec));
        assert_true(parse(fields, "{\"spec\":{\"members\":1,\"plan\":null,\"redis\":null}}", &arena, &spec, &err));
        assert_string_equal(spec.plan, "CX21");
        assert_null(spec.class_name);
        assert_int_equal(spec.idle, 60);
        assert_int_equal(spec.size, 1024);
        assert_int_equal(spec.cpu, 100);
        assert_true(spec.paused);
        assert_int_equal(spec.dcs, DCS_ETCD);
        assert_false(spec.has_redis);
        assert_null(spec.parameters);
}

static void test_says_what_is_wrong_in_one_sentence(void **state) {
        static const struct {
                const Field *fields;
                const char *json, *sentence;
        } cases[] = {
                { fields, "{\"spec\":{\"members\":\"four\"}}",
                        "spec.members is \"four\", it must be a whole number from 1 to 5" },
                { fields, "{\"spec\":{\"members\":6}}", "spec.members is 6, it must be a whole number from 1 to 5" },
                { fields, "{\"spec\":{\"members\":0}}", "spec.members is 0, it must be a whole number from 1 to 5" },
                { fields, "{\"spec\":{\"members\":1.5}}",
                        "spec.members is 1.5, it must be a whole number from 1 to 5" },
                { fields, "{}", "spec.members is missing, it must be a whole number from 1 to 5" },
                { fields, "{\"spec\":{\"members\":null}}",
                        "spec.members is missing, it must be a whole number from 1 to 5" },
                { fields, "{\"spec\":{\"members\":1,\"idle\":5}}",
                        "spec.idle is 5, it must be a whole number of at least 10" },
                { free_fields, "{\"spec\":{\"members\":[]}}", "spec.members is [], it must be a whole number" },
                { fields, "{\"spec\":{\"plan\":21}}", "spec.plan is 21, it must be a string" },
                { fields, "{\"spec\":{\"members\":1,\"paused\":\"yes\"}}",
                        "spec.paused is \"yes\", it must be true or false" },
                { fields, "{\"spec\":{\"members\":1,\"dcs\":\"etcd\"}}",
                        "spec.dcs is \"etcd\", it must be one of Kubernetes, Etcd or None" },
                { fields, "{\"spec\":{\"members\":1,\"dcs\":1}}",
                        "spec.dcs is 1, it must be one of Kubernetes, Etcd or None" },
                { fields, "{\"spec\":{\"members\":1,\"storage\":{\"size\":\"20GB\"}}}",
                        "spec.storage.size is \"20GB\", it must be a quantity such as \"10Gi\"" },
                { fields, "{\"spec\":{\"members\":1,\"cpu\":-1}}",
                        "spec.cpu is -1, it must be a quantity such as \"500m\"" },
                { fields, "{\"spec\":{\"members\":1,\"cpu\":{}}}",
                        "spec.cpu is {}, it must be a quantity such as \"500m\"" },
                { needy_fields, "{}", "spec.parameters is missing, it must be given" },
                { fields,
                        "{\"spec\":{\"plan\":[\"0123456789\",\"0123456789\",\"0123456789\",\"0123456789\","
                        "\"0123456789\",\"0123456789\",\"0123456789\"]}}",
                        "spec.plan is [\"0123456789\",\"0123456789\",\"0123456789\",\"0123456789\",\"0123456789\","
                        "\"0123456789\",\"..., it must be a string" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(arena_done) Arena arena = { 0 };
                Spec spec;
                Error err = { 0 };

                assert_false(parse(cases[i].fields, cases[i].json, &arena, &spec, &err));
                assert_int_equal(err.code, ERROR_INVALID);
                assert_string_equal(err.text, cases[i].sentence);
        }
}

static void test_reads_quantities(void **state) {
        static const struct {
                const char *text;
                int64_t thousandths;
        } cases[] = { { "0", 0 }, { "4", 4000 }, { "500m", 500 }, { "1.5", 1500 }, { ".5", 500 }, { "5.", 5000 },
                { "+1", 1000 }, { "-1.5", -1500 }, { "100n", 1 }, { "1u", 1 }, { "1500u", 2 }, { "0.0001", 1 },
                { "-0.0001", -1 }, { "0.0000000000001", 1 }, { "1k", 1000000 }, { "1M", 1000000000 },
                { "2e3", 2000000 }, { "2E3", 2000000 }, { "2e+3", 2000000 }, { "2e-3", 2 }, { "2e-9", 1 },
                { "1Ki", 1024000 }, { "1.5Gi", INT64_C(1610612736000) }, { "20Gi", INT64_C(21474836480000) },
                { "1Ti", INT64_C(1) << 40 }, { "8P", INT64_C(8000000000000000000) },
                { "9223372036854775.807", INT64_MAX }, { "000000000000000000000000000000000000000000000000001", 1000 },
                { "0E", 0 }, { "0e60", 0 }, { "1e-60", 1 }, { "100000000000000000000n", INT64_C(100000000000000) } };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                int64_t wanted = cases[i].thousandths;
                int64_t value = 0;
                Error err = { 0 };

                if (!fields_parse_quantity(cases[i].text, &value, &err))
                        fail_msg("%s", err.text);
                if (strcmp(cases[i].text, "1Ti") == 0)
                        wanted *= 1000;
                if (value != wanted)
                        fail_msg("%s is %lld", cases[i].text, (long long)value);
        }
}

static void test_refuses_what_is_no_quantity(void **state) {
        static const char *const wrong[] = { "", "-", ".", "Gi", "1g", "1GB", "1 Gi", "1Gi ", " 1", "1.2.3", "1e",
                "1e+-3", "1e5Gi", "1e61", "1e-61", "0x10", "--1", "1,5", "1E+", "9223372036854775.808", "1E", "10P",
                "1e60", "99999999999999999999999999999999999999999999999999e-60", "1Ei" };
        int64_t value = 42;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                Error err = { 0 };

                if (fields_parse_quantity(wrong[i], &value, &err))
                        fail_msg("taken: %s", wrong[i]);
                assert_int_equal(err.code, ERROR_INVALID);
        }
        assert_int_equal(value, 42);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads_every_type),
                cmocka_unit_test(test_fills_in_fallbacks),
                cmocka_unit_test(test_says_what_is_wrong_in_one_sentence),
                cmocka_unit_test(test_reads_quantities),
                cmocka_unit_test(test_refuses_what_is_no_quantity),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
