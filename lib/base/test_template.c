/* SPDX-License-Identifier: Apache-2.0 */
/* Templates: every kind of hole, what is absent, and the two ways to get the holes wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/base/template.h"

static void template_cleanup(Template **template) {
        template_free(*template);
}

static Json *parsed(const char *text) {
        Json *json = NULL;

        assert_true(json_parse(text, strlen(text), &json, NULL));
        return json;
}

/* Renders and compares; with `wanted` NULL the rendering must fail with BUG and a text that holds `complaint`. */
static void assert_renders(const char *yaml, const Hole *holes, const char *wanted, const char *complaint) {
        CLEANUP(template_cleanup) Template *template = NULL;
        CLEANUP(arena_done) Arena arena = { 0 };
        CLEANUP(cleanup_free) char *text = NULL;
        Json *json = NULL;
        Error err = { 0 };
        bool rendered;

        assert_true(template_new("service", yaml, &template, &err));
        rendered = template_render(template, &arena, holes, &json, &err);
        if (!wanted) {
                assert_false(rendered);
                assert_null(json);
                assert_int_equal(err.code, ERROR_BUG);
                assert_string_equal(err.text, complaint);
                return;
        }
        if (!rendered)
                fail_msg("%s", err.text);
        text = json_print(json);
        assert_string_equal(text, wanted);
}

static void test_fills_whole_scalars_with_any_value(void **state) {
        (void)state;
        assert_renders("metadata: { name: \"${name}\", labels: \"${labels}\" }\n"
                       "spec:\n"
                       "  paused: ${paused}\n"
                       "  ports: [ { name: sql, port: \"${port}\" }, \"${more}\" ]\n",
                (const Hole[]){ hole_string("name", "a: b\n- c"), hole_tree("labels", parsed("{\"x\":\"${name}\"}")),
                        hole_bool("paused", true), hole_int("port", 5432), hole_tree("more", parsed("[1]")), HOLE_END },
                "{\"metadata\":{\"name\":\"a: b\\n- c\",\"labels\":{\"x\":\"${name}\"}},\"spec\":{\"paused\":true,"
                "\"ports\":[{\"name\":\"sql\",\"port\":5432},[1]]}}",
                NULL);
}

static void test_fills_strings_from_parts(void **state) {
        (void)state;
        assert_renders("a: ${name}-pg-${index}\nb: $${name} $ $$ ${name}$${\nc: $${\n",
                (const Hole[]){ hole_string("name", "prod"), hole_int("index", -2), HOLE_END },
                "{\"a\":\"prod-pg--2\",\"b\":\"${name} $ $$ prod${\",\"c\":\"${\"}", NULL);
}

static void test_absent_values_drop_their_place(void **state) {
        (void)state;
        assert_renders("a: ${gone}\nb: [ 1, \"${gone}\", 2 ]\nc: x-${gone}-${here}\nd: { e: \"${gone}\" }\n",
                (const Hole[]){ hole_string("gone", NULL), hole_string("here", "h"), HOLE_END },
                "{\"b\":[1,2],\"d\":{}}", NULL);
        assert_renders(
                "a: ${x}\nb: ${y}\n", (const Hole[]){ hole_tree("x", NULL), hole_absent("y"), HOLE_END }, "{}", NULL);
}

static void test_a_tree_may_stand_in_several_places(void **state) {
        (void)state;
        assert_renders("a: ${t}\nb: [ \"${t}\", \"${t}\" ]\n",
                (const Hole[]){ hole_tree("t", parsed("{\"k\":[1]}")), HOLE_END },
                "{\"a\":{\"k\":[1]},\"b\":[{\"k\":[1]},{\"k\":[1]}]}", NULL);
}

static void test_the_whole_may_be_a_hole(void **state) {
        (void)state;
        assert_renders("${all}", (const Hole[]){ hole_tree("all", parsed("[1]")), HOLE_END }, "[1]", NULL);
        assert_renders("${all}", (const Hole[]){ hole_absent("all"), HOLE_END }, NULL,
                "template service: the value of the whole is absent");
}

static void test_holes_and_values_must_match(void **state) {
        (void)state;
        assert_renders("a: ${x}\nb: ${y}\n", (const Hole[]){ hole_tree("x", parsed("{}")), HOLE_END }, NULL,
                "template service: the hole \"y\" has no value");
        assert_renders("a: ${x}\n", (const Hole[]){ hole_int("x", 1), hole_tree("yy", parsed("{}")), HOLE_END }, NULL,
                "template service: the value \"yy\" has no hole");
        assert_renders("a: ${x}\n", (const Hole[]){ hole_int("x", 1), hole_int("x", 2), HOLE_END }, NULL,
                "template service: the value \"x\" has no hole");
        assert_renders("a: 1\nb: x-${x}\n", (const Hole[]){ hole_tree("x", parsed("{}")), HOLE_END }, NULL,
                "template service: the hole \"x\" stands inside a text, where only strings and numbers fit");
}

static void test_a_template_renders_again_and_again(void **state) {
        CLEANUP(template_cleanup) Template *template = NULL;
        CLEANUP(arena_done) Arena arena = { 0 };

        (void)state;
        assert_true(template_new("t", "a: ${x}", &template, NULL));
        for (int i = 0; i < 3; i++) {
                Json *json = NULL;

                assert_true(
                        template_render(template, &arena, (const Hole[]){ hole_int("x", i), HOLE_END }, &json, NULL));
                assert_int_equal(json_find_int(json, "/a", -1), i);
        }
}

static void assert_refused(const char *yaml, const char *wanted) {
        Template *template = NULL;
        Error err = { 0 };

        assert_false(template_new("service", yaml, &template, &err));
        assert_int_equal(err.code, ERROR_PROTOCOL);
        if (!strstr(err.text, wanted))
                fail_msg("got %s, not %s", err.text, wanted);
}

static void test_refuses_broken_templates(void **state) {
        (void)state;
        assert_refused("a: [", "template service: line ");
        assert_refused("a: x ${y", "\"${y\" is no hole");
        assert_refused("a: \"${}\"", "is no hole");
        assert_refused("a: [ \"${x:-1}\" ]", "\"${x:-1}\" is no hole");
        assert_refused("\"${x}\": 1", "the key \"${x}\" holds a hole");
        template_free(NULL);
}

static void test_fills_texts(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        char *text = NULL;
        Error err = { 0 };

        (void)state;
        assert_true(template_text("conf", "port ${port}\nsh: $${HOME} $HOME ${name}\n", &arena,
                (const Hole[]){ hole_int("port", 6379), hole_string("name", "r"), HOLE_END }, &text, &err));
        assert_string_equal(text, "port 6379\nsh: ${HOME} $HOME r\n");
        assert_true(template_text("conf", "", &arena, (const Hole[]){ HOLE_END }, &text, &err));
        assert_string_equal(text, "");
        assert_false(template_text("conf", "${x}", &arena, (const Hole[]){ hole_absent("x"), HOLE_END }, &text, &err));
        assert_int_equal(err.code, ERROR_BUG);
        assert_false(template_text(
                "conf", "${x}", &arena, (const Hole[]){ hole_tree("x", parsed("[1]")), HOLE_END }, &text, &err));
        assert_int_equal(err.code, ERROR_BUG);
        assert_false(template_text("conf", "x", &arena, (const Hole[]){ hole_int("x", 1), HOLE_END }, &text, &err));
        assert_string_equal(err.text, "template conf: the value \"x\" has no hole");
        assert_false(template_text("conf", "${HOME:-x}", &arena, (const Hole[]){ HOLE_END }, &text, &err));
        assert_int_equal(err.code, ERROR_PROTOCOL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fills_whole_scalars_with_any_value),
                cmocka_unit_test(test_fills_strings_from_parts),
                cmocka_unit_test(test_absent_values_drop_their_place),
                cmocka_unit_test(test_a_tree_may_stand_in_several_places),
                cmocka_unit_test(test_the_whole_may_be_a_hole),
                cmocka_unit_test(test_holes_and_values_must_match),
                cmocka_unit_test(test_a_template_renders_again_and_again),
                cmocka_unit_test(test_refuses_broken_templates),
                cmocka_unit_test(test_fills_texts),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
