/* SPDX-License-Identifier: Apache-2.0 */
/* JSON trees: parsing, printing, reading, building, merging. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/json.h"

static Json *parsed(const char *text) {
        Json *json = NULL;
        Error err = { 0 };

        if (!json_parse(text, strlen(text), &json, &err))
                fail_msg("%s: %s", text, err.text);
        return json;
}

static void assert_prints(const Json *json, const char *wanted) {
        CLEANUP(cleanup_free) char *text = json_print(json);

        assert_string_equal(text, wanted);
}

static void test_prints_what_it_parsed(void **state) {
        static const char *const texts[] = { "{}", "[]", "null", "true", "0", "-1.5", "\"\"",
                "{\"a\":[1,2,{\"b\":null}],\"c\":{\"d\":\"e\"}}", "[9007199254740991,-9007199254740991,0.1,1e+300]",
                "\"q\\\" b\\\\ n\\n t\\t \\u0001 \xC3\xBC \xF0\x9F\x90\x98\"", "{\"\":{\"\":[]}}" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                CLEANUP(json_cleanup) Json *json = parsed(texts[i]);

                assert_prints(json, texts[i]);
        }
}

static void test_parses_without_a_nul_byte_behind(void **state) {
        static const char *const texts[] = { "{\"a\":12}", "123", "\"x\"", "true", " [1 ] " };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                size_t size = strlen(texts[i]);
                /* Exactly as large as the text: reading past it is seen. */
                char *bytes = alloc_zero(size);
                Json *json = NULL;

                memcpy(bytes, texts[i], size);
                assert_true(json_parse(bytes, size, &json, NULL));
                json_free(json);
                free(bytes);
        }
}

static void test_refuses_what_is_not_one_document(void **state) {
        static const char *const wrong[] = { "", " ", "{", "}", "[1,]", "{\"a\"}", "{\"a\":}", "tru", "\"a", "\"a\\",
                "[1] 2", "{} {}", "{a:1}", "\"\\ud800\"", "\"\\u0000\"", "{\"a\\u0000b\":1}", "[1}", "nul" };
        Json *json = NULL;
        Error err = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
                err.code = ERROR_NONE;
                if (json_parse(wrong[i], strlen(wrong[i]), &json, &err))
                        fail_msg("taken: %s", wrong[i]);
                assert_int_equal(err.code, ERROR_PROTOCOL);
        }
        assert_false(json_parse("[1]\0", 4, &json, &err));
        assert_false(json_parse("\"a\0b\"", 5, &json, &err));
        assert_null(json);
        /* An escaped backslash before "u0000" is no NUL byte. */
        json = parsed("\"\\\\u0000\"");
        assert_string_equal(json_string(json, ""), "\\u0000");
        json_free(json);
}

static void test_keeps_to_its_maximums(void **state) {
        enum { SIZE = JSON_MAXIMUM_BYTES + 1 };
        CLEANUP(cleanup_free) char *bytes = alloc_zero(SIZE);
        Json *json = NULL;
        Error err = { 0 };

        (void)state;
        memset(bytes, ' ', SIZE);
        assert_false(json_parse(bytes, SIZE, &json, &err));
        assert_int_equal(err.code, ERROR_TOO_LARGE);
        memset(bytes, '[', 101);
        memset(bytes + 101, ']', 101);
        assert_false(json_parse(bytes, 202, &json, &err));
        assert_int_equal(err.code, ERROR_PROTOCOL);
        assert_true(json_parse(bytes + 1, 200, &json, &err));
        json_free(json);
}

static void test_reads_with_fallbacks(void **state) {
        CLEANUP(json_cleanup)
        Json *json = parsed("{\"Name\":\"x\",\"n\":5,\"f\":1.5,\"b\":true,\"z\":null,\"l\":[1,2]}");

        (void)state;
        assert_string_equal(json_string(json_get(json, "Name"), "-"), "x");
        /* Names are compared with their case. */
        assert_null(json_get(json, "name"));
        assert_string_equal(json_string(json_get(json, "n"), "-"), "-");
        assert_int_equal(json_int(json_get(json, "n"), 0), 5);
        assert_int_equal(json_int(json_get(json, "f"), 7), 7);
        assert_true(json_number(json_get(json, "f"), 0) == 1.5);
        assert_int_equal(json_int(json_get(json, "Name"), 7), 7);
        assert_true(json_bool(json_get(json, "b"), false));
        assert_true(json_bool(json_get(json, "z"), true));
        assert_int_equal(json_type(json_get(json, "z")), JSON_NULL);
        assert_int_equal(json_type(NULL), JSON_NULL);
        assert_int_equal(json_size(json), 6);
        assert_int_equal(json_size(json_get(json, "n")), 0);
        assert_int_equal(json_int(json_at(json_get(json, "l"), 1), 0), 2);
        assert_null(json_at(json_get(json, "l"), 2));
        assert_null(json_at(json, 0));
        assert_null(json_get(NULL, "a"));
        assert_string_equal(json_key(json_first(json)), "Name");
        assert_null(json_key(json_first(json_get(json, "l"))));
}

static void test_builds_and_replaces(void **state) {
        CLEANUP(json_cleanup) Json *json = json_new_object();
        Json *list, *taken;

        (void)state;
        json_put_string(json, "s", "x");
        json_put_int(json, "i", 1234567890123);
        json_put_bool(json, "b", true);
        json_put_null(json, "z");
        json_put_string(json_put_object(json, "o"), "k", "v");
        list = json_put_array(json, "l");
        json_add_string(list, "one");
        json_put_int(json_add_object(list), "two", 2);
        json_add(list, json_new_number(0.5));
        assert_prints(json, "{\"s\":\"x\",\"i\":1234567890123,\"b\":true,\"z\":null,\"o\":{\"k\":\"v\"},"
                            "\"l\":[\"one\",{\"two\":2},0.5]}");
        /* Putting again keeps the place; NULL removes. */
        json_put_int(json, "s", -1);
        json_put_string(json, "b", NULL);
        json_put(json, "z", NULL);
        json_remove(json, "never there");
        taken = json_detach(json, json_get(json, "o"));
        assert_null(json_key(taken));
        json_replace(list, json_at(list, 0), taken);
        assert_prints(json, "{\"s\":-1,\"i\":1234567890123,\"l\":[{\"k\":\"v\"},{\"two\":2},0.5]}");
        json_add(list, json_detach(json, json_get(json, "s")));
        assert_null(json_key(json_at(list, 3)));
        json_put(json, "copy", json_copy(list));
        assert_true(json_equal(json_get(json, "copy"), list));
        assert_null(json_copy(NULL));
}

static void test_replaces_first_middle_last_and_only_members(void **state) {
        CLEANUP(json_cleanup) Json *json = parsed("[1,2,3]");
        CLEANUP(json_cleanup) Json *only = parsed("{\"a\":1}");

        (void)state;
        json_replace(json, json_at(json, 0), json_new_string("a"));
        json_replace(json, json_at(json, 1), json_new_string("b"));
        json_replace(json, json_at(json, 2), json_new_string("c"));
        json_add_string(json, "d");
        assert_prints(json, "[\"a\",\"b\",\"c\",\"d\"]");
        json_replace(only, json_first(only), json_new_null());
        json_put_int(only, "b", 2);
        assert_prints(only, "{\"a\":null,\"b\":2}");
}

static void test_compares_content_not_order_of_names(void **state) {
        static const struct {
                const char *a, *b;
                bool same;
        } cases[] = {
                { "{\"a\":1,\"b\":[true]}", "{\"b\":[true],\"a\":1}", true },
                { "{\"a\":1,\"b\":2,\"c\":3}", "{\"c\":3,\"a\":1,\"b\":2}", true },
                { "{\"a\":1}", "{\"a\":2}", false },
                { "{\"a\":1}", "{\"A\":1}", false },
                { "{\"a\":1}", "{\"a\":1,\"b\":1}", false },
                { "[1,2]", "[2,1]", false },
                { "[1]", "[1,1]", false },
                { "\"1\"", "1", false },
                { "true", "false", false },
                { "null", "null", true },
                { "[]", "{}", false },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(json_cleanup) Json *a = parsed(cases[i].a);
                CLEANUP(json_cleanup) Json *b = parsed(cases[i].b);

                assert_int_equal(json_equal(a, b), cases[i].same);
                assert_int_equal(json_equal(b, a), cases[i].same);
        }
        assert_true(json_equal(NULL, NULL));
}

/* The cases of appendix A of RFC 7386 whose target and patch are objects. */
static void test_merges_as_rfc_7386_says(void **state) {
        static const struct {
                const char *target, *patch, *wanted;
        } cases[] = {
                { "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
                { "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
                { "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
                { "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
                { "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
                { "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
                { "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}" },
                { "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
                { "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}" },
                { "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(json_cleanup) Json *target = parsed(cases[i].target);
                CLEANUP(json_cleanup) Json *patch = parsed(cases[i].patch);

                json_merge(target, patch);
                assert_prints(target, cases[i].wanted);
        }
}

static void test_prints_only_valid_json(void **state) {
        CLEANUP(json_cleanup) Json *json = json_new_array();

        (void)state;
        json_add_string(json, "cut \xE2\x82 here \xFF");
        json_add(json, json_new_number(__builtin_nan("")));
        assert_prints(json, "[\"cut \xEF\xBF\xBD\xEF\xBF\xBD here \xEF\xBF\xBD\",null]");
}

static void test_an_arena_frees_what_it_adopts(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Json *json = json_adopt(&arena, parsed("{\"a\":[1]}"));

        (void)state;
        assert_int_equal(json_find_int(json, "/a[0]", 0), 1);
        assert_null(json_adopt(&arena, NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_prints_what_it_parsed),
                cmocka_unit_test(test_parses_without_a_nul_byte_behind),
                cmocka_unit_test(test_refuses_what_is_not_one_document),
                cmocka_unit_test(test_keeps_to_its_maximums),
                cmocka_unit_test(test_reads_with_fallbacks),
                cmocka_unit_test(test_builds_and_replaces),
                cmocka_unit_test(test_replaces_first_middle_last_and_only_members),
                cmocka_unit_test(test_compares_content_not_order_of_names),
                cmocka_unit_test(test_merges_as_rfc_7386_says),
                cmocka_unit_test(test_prints_only_valid_json),
                cmocka_unit_test(test_an_arena_frees_what_it_adopts),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
