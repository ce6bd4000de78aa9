/* SPDX-License-Identifier: Apache-2.0 */
/* What a call works out before it talks to anybody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "operator/controllers/statepillar/calls.h"

static Json *parse(const char *text) {
        Json *json = NULL;
        Error err = { 0 };

        if (!json_parse(text, strlen(text), &json, &err))
                fail_msg("%s", err.text);
        return json;
}

static void expect(const char *current, const char *wanted, const char *patch) {
        CLEANUP(json_cleanup) Json *has = parse(current);
        CLEANUP(json_cleanup) Json *wants = parse(wanted);
        CLEANUP(json_cleanup) Json *difference = call_patroni_difference(has, wants);
        CLEANUP(json_cleanup) Json *expected = parse(patch);

        assert_true(json_equal(difference, expected));
        /* Patched once, nothing is left to patch. */
        json_merge(has, difference);
        CLEANUP(json_cleanup) Json *rest = call_patroni_difference(has, wants);
        assert_int_equal(json_size(rest), 0);
}

static void test_equal_settings_need_no_patch(void **state) {
        (void)state;
        expect("{\"ttl\":20,\"postgresql\":{\"parameters\":{\"a\":1}}}",
                "{\"ttl\":20,\"postgresql\":{\"parameters\":{\"a\":1}}}", "{}");
}

static void test_only_what_differs_is_patched(void **state) {
        (void)state;
        expect("{\"ttl\":30,\"loop_wait\":2,\"pause\":true,\"postgresql\":{\"parameters\":{\"a\":1,\"b\":2}}}",
                "{\"ttl\":20,\"loop_wait\":2,\"postgresql\":{\"parameters\":{\"a\":1,\"b\":\"3\"}}}",
                "{\"ttl\":20,\"postgresql\":{\"parameters\":{\"b\":\"3\"}}}");
}

static void test_a_parameter_that_is_no_longer_wanted_goes(void **state) {
        (void)state;
        expect("{\"postgresql\":{\"parameters\":{\"a\":1,\"b\":2}}}", "{\"postgresql\":{\"parameters\":{\"a\":1}}}",
                "{\"postgresql\":{\"parameters\":{\"b\":null}}}");
}

static void test_settings_beside_the_parameters_follow_too(void **state) {
        (void)state;
        expect("{\"postgresql\":{\"use_slots\":false,\"parameters\":{\"a\":1}}}",
                "{\"postgresql\":{\"use_slots\":true,\"parameters\":{\"a\":1}}}",
                "{\"postgresql\":{\"use_slots\":true}}");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_equal_settings_need_no_patch),
                cmocka_unit_test(test_only_what_differs_is_patched),
                cmocka_unit_test(test_settings_beside_the_parameters_follow_too),
                cmocka_unit_test(test_a_parameter_that_is_no_longer_wanted_goes),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
