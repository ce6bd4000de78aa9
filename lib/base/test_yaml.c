/* SPDX-License-Identifier: Apache-2.0 */
/* YAML into JSON: scalars, structure, anchors, caps, and where errors are said to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/base/yaml.h"

static void assert_yaml(const char *yaml, const char *wanted) {
        CLEANUP(json_cleanup) Json *json = NULL;
        CLEANUP(cleanup_free) char *text = NULL;
        Error err = { 0 };

        if (!yaml_parse(yaml, strlen(yaml), &json, &err))
                fail_msg("%s: %s", yaml, err.text);
        text = json_print(json);
        assert_string_equal(text, wanted);
}

static void assert_refused(const char *yaml, ErrorCode code, const char *wanted) {
        Json *json = NULL;
        Error err = { 0 };

        if (yaml_parse(yaml, strlen(yaml), &json, &err))
                fail_msg("taken: %s", yaml);
        assert_null(json);
        assert_int_equal(err.code, code);
        if (!strstr(err.text, wanted))
                fail_msg("%s: got %s, not %s", yaml, err.text, wanted);
}

static void test_reads_scalars_as_the_core_schema_says(void **state) {
        static const struct {
                const char *yaml, *json;
        } cases[] = {
                { "~", "null" },
                { "null", "null" },
                { "a:", "{\"a\":null}" },
                { "true", "true" },
                { "False", "false" },
                { "tRue", "\"tRue\"" },
                { "yes", "\"yes\"" },
                { "on", "\"on\"" },
                { "Off", "\"Off\"" },
                { "0", "0" },
                { "-12", "-12" },
                { "+12", "12" },
                { "0o17", "15" },
                { "0xFf", "255" },
                { "9007199254740992", "9007199254740992" },
                { "1.5", "1.5" },
                { ".5", "0.5" },
                { "1.", "1" },
                { "-1e3", "-1000" },
                { "1e", "\"1e\"" },
                { ".", "\".\"" },
                { "1.2.3", "\"1.2.3\"" },
                { "12:30:45", "\"12:30:45\"" },
                { "1_000", "\"1_000\"" },
                { "16MB", "\"16MB\"" },
                { "'5'", "\"5\"" },
                { "\"null\"", "\"null\"" },
                { "\"a\\tb\"", "\"a\\tb\"" },
                { "|\n a\n b\n", "\"a\\nb\\n\"" },
                { ">-\n a\n b\n", "\"a b\"" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                assert_yaml(cases[i].yaml, cases[i].json);
}

static void test_reads_a_manifest(void **state) {
        (void)state;
        assert_yaml("# a service\n"
                    "apiVersion: v1\n"
                    "metadata: { name: \"x\", labels: {} }\n"
                    "spec:\n"
                    "  ports:\n"
                    "  - name: sql\n"
                    "    port: 5432\n"
                    "  - { name: rest, port: 8008 }\n"
                    "  1: one\n"
                    "  true: yes\n",
                "{\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"x\",\"labels\":{}},\"spec\":{\"ports\":"
                "[{\"name\":\"sql\",\"port\":5432},{\"name\":\"rest\",\"port\":8008}],\"1\":\"one\",\"true\":\"yes\"}"
                "}");
}

static void test_copies_behind_anchors(void **state) {
        (void)state;
        assert_yaml("a: &x { b: [1] }\nc: *x\nd: [*x, &x 2, *x]\n",
                "{\"a\":{\"b\":[1]},\"c\":{\"b\":[1]},\"d\":[{\"b\":[1]},2,2]}");
        assert_refused("a: *x\n", ERROR_PROTOCOL, "line 1, column 4: ");
        assert_refused("&x [ *x ]", ERROR_PROTOCOL, "names no anchor");
        /* Anchors do not reach into the next document. */
        {
                static const char two[] = "&x 1\n---\n*x\n";
                Json *json = NULL;

                assert_false(yaml_parse_all(two, strlen(two), &json, NULL));
        }
}

static void test_stops_at_a_billion_laughs(void **state) {
        CLEANUP(text_done) Text text = { 0 };

        (void)state;
        text_append(&text, "a0: &a0 [lol,lol,lol,lol,lol,lol,lol,lol,lol,lol]\n");
        for (int i = 1; i < 10; i++) {
                text_printf(&text, "a%d: &a%d [", i, i);
                for (int k = 0; k < 10; k++)
                        text_printf(&text, "%s*a%d", k ? "," : "", i - 1);
                text_append(&text, "]\n");
        }
        assert_refused(text_string(&text), ERROR_TOO_LARGE, "too many values");
}

static void test_refuses_what_json_cannot_say(void **state) {
        (void)state;
        assert_refused("", ERROR_PROTOCOL, "no document");
        assert_refused("# nothing\n", ERROR_PROTOCOL, "no document");
        assert_refused("a: 1\nb: !!str 2\n", ERROR_PROTOCOL, "line 2, column 4: tags");
        assert_refused("!x [1]", ERROR_PROTOCOL, "tags");
        assert_refused("a: 1\nb: 2\na: 3\n", ERROR_PROTOCOL, "line 3, column 1: a key stands twice");
        assert_refused("[a]: 1\n", ERROR_PROTOCOL, "a key must be");
        assert_refused("<<: { a: 1 }\n", ERROR_PROTOCOL, "merge keys");
        assert_refused("a: .inf", ERROR_PROTOCOL, "a number");
        assert_refused("a: -.INF", ERROR_PROTOCOL, "a number");
        assert_refused("a: .NaN", ERROR_PROTOCOL, "a number");
        assert_refused("a: 1e999", ERROR_PROTOCOL, "a number");
        assert_refused("mode: 0644", ERROR_PROTOCOL, "line 1, column 7: a number");
        assert_refused("a: 9007199254740993", ERROR_PROTOCOL, "a number");
        assert_refused("a: 0xffffffffffffffffff", ERROR_PROTOCOL, "a number");
        assert_refused("a: \"x\\0y\"", ERROR_PROTOCOL, "NUL");
        assert_refused("\"x\\0y\": 1", ERROR_PROTOCOL, "NUL");
        assert_refused("a: [1", ERROR_PROTOCOL, "line ");
        assert_refused("a: \xFF", ERROR_PROTOCOL, "byte ");
        assert_refused("a: b: c", ERROR_PROTOCOL, "line 1");
}

static void test_keeps_to_its_maximums(void **state) {
        CLEANUP(text_done) Text text = { 0 };

        (void)state;
        for (int i = 0; i < JSON_MAXIMUM_DEPTH + 1; i++)
                text_append(&text, "[");
        for (int i = 0; i < JSON_MAXIMUM_DEPTH + 1; i++)
                text_append(&text, "]");
        assert_refused(text_string(&text), ERROR_PROTOCOL, "too deep");
        text_clear(&text);
        while (text.size <= YAML_MAXIMUM_BYTES)
                text_append(&text, "- 12345678901234\n");
        assert_refused(text_string(&text), ERROR_TOO_LARGE, "bytes");
        text_clear(&text);
        for (int i = 0; i < YAML_MAXIMUM_NODES; i++)
                text_append(&text, "- 1\n");
        assert_refused(text_string(&text), ERROR_TOO_LARGE, "too many values");
        /* As many keys as fit are read in linear time. */
        text_clear(&text);
        for (int i = 0; i < YAML_MAXIMUM_NODES - 1 && text.size < YAML_MAXIMUM_BYTES - 20; i++)
                text_printf(&text, "k%d:\n", i);
        {
                CLEANUP(json_cleanup) Json *json = NULL;

                assert_true(yaml_parse(text.data, text.size, &json, NULL));
                assert_int_equal(json_size(json), YAML_MAXIMUM_NODES - 1);
        }
}

static void test_reads_all_documents(void **state) {
        static const char text[] = "a: 1\n---\n[2]\n---\n...\n";
        static const char broken[] = "a: 1\n---\n[2\n";
        CLEANUP(json_cleanup) Json *json = NULL;
        CLEANUP(json_cleanup) Json *none = NULL;
        CLEANUP(cleanup_free) char *printed = NULL;

        (void)state;
        assert_true(yaml_parse_all(text, strlen(text), &json, NULL));
        printed = json_print(json);
        assert_string_equal(printed, "[{\"a\":1},[2],null]");
        assert_true(yaml_parse_all("", 0, &none, NULL));
        assert_int_equal(json_size(none), 0);
        assert_false(yaml_parse_all(broken, strlen(broken), &json, NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads_scalars_as_the_core_schema_says),
                cmocka_unit_test(test_reads_a_manifest),
                cmocka_unit_test(test_copies_behind_anchors),
                cmocka_unit_test(test_stops_at_a_billion_laughs),
                cmocka_unit_test(test_refuses_what_json_cannot_say),
                cmocka_unit_test(test_keeps_to_its_maximums),
                cmocka_unit_test(test_reads_all_documents),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
