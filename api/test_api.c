/* SPDX-License-Identifier: Apache-2.0 */
/* The pure parts of the API: scale requests, the description of a MadCluster, settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/api.h"
#include "api/settings.h"

static void expect_refusal(const char *body, const char *sentence) {
        ScaleRequest request = { 0 };
        Error err = { 0 };

        assert_false(api_parse_scale(body, strlen(body), &request, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        assert_string_equal(err.text, sentence);
}

static void test_takes_an_odd_count(void **state) {
        static const char body[] = "{\"target_db_count\":3,\"min_ha_nodes\":true}";
        ScaleRequest request = { 0 };

        (void)state;
        assert_true(api_parse_scale(body, strlen(body), &request, NULL));
        assert_int_equal(request.target_db_count, 3);
        assert_true(request.min_ha_nodes);
}

static void test_refuses_other_counts_with_a_sentence(void **state) {
        (void)state;
        expect_refusal("{\"target_db_count\":4}",
                "target_db_count is 4; it must be 1, 3 or 5, because a quorum needs an odd count");
        expect_refusal("{\"target_db_count\":\"three\"}",
                "target_db_count is \"three\"; it must be 1, 3 or 5, because a quorum needs an odd count");
        expect_refusal("{}", "target_db_count is missing; it must be 1, 3 or 5, because a quorum needs an odd count");
        expect_refusal("{\"target_db_count\":7}",
                "target_db_count is 7; it must be 1, 3 or 5, because a quorum needs an odd count");
}

static void test_min_ha_nodes_refuses_less_than_three(void **state) {
        (void)state;
        expect_refusal("{\"target_db_count\":1,\"min_ha_nodes\":true}",
                "target_db_count is 1; with min_ha_nodes it must be 3 or 5");
}

static void test_refuses_what_it_does_not_know(void **state) {
        (void)state;
        expect_refusal("{\"target_db_count\":3,\"force\":true}",
                "force is not a field of this request; there are target_db_count and min_ha_nodes");
        expect_refusal(
                "[3]", "the body must be a JSON object such as {\"target_db_count\": 3, \"min_ha_nodes\": true}");
        expect_refusal("", "the body must be a JSON object such as {\"target_db_count\": 3, \"min_ha_nodes\": true}");
}

static void test_describes_a_cluster_that_has_no_status_yet(void **state) {
        static const char text[] = "{\"metadata\":{\"name\":\"prod\",\"namespace\":\"shop\",\"generation\":1},"
                                   "\"spec\":{\"state\":{\"members\":3}}}";
        CLEANUP(json_cleanup) Json *cluster = NULL;
        CLEANUP(json_cleanup) Json *answer = NULL;

        (void)state;
        assert_true(json_parse(text, strlen(text), &cluster, NULL));
        answer = api_describe(cluster);
        assert_string_equal(json_find_string(answer, "/name", ""), "prod");
        assert_int_equal(json_find_int(answer, "/db_count", 0), 3);
        assert_false(json_find_bool(answer, "/current", true));
        assert_int_equal(json_size(json_get(answer, "waitingFor")), 0);
}

static const char *environment_without_cluster(const char *name) {
        (void)name;
        return NULL;
}

static const char *environment_with_odd_port(const char *name) {
        if (!strcmp(name, "PORT"))
                return "http";
        return !strcmp(name, "MADBASE_CLUSTER") ? "prod" : !strcmp(name, "KUBERNETES_SERVICE_HOST") ? "fd00::1" : NULL;
}

static void test_settings_say_what_is_missing_or_odd(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        ApiSettings settings = { 0 };
        Error err = { 0 };

        (void)state;
        assert_false(api_settings_parse(environment_without_cluster, &arena, &settings, &err));
        assert_string_equal(err.text, "MADBASE_CLUSTER is not set; it must name the MadCluster");
        assert_false(api_settings_parse(environment_with_odd_port, &arena, &settings, &err));
        assert_string_equal(err.text, "PORT is \"http\"; it must be a number from 0 to 65535");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_takes_an_odd_count),
                cmocka_unit_test(test_refuses_other_counts_with_a_sentence),
                cmocka_unit_test(test_min_ha_nodes_refuses_less_than_three),
                cmocka_unit_test(test_refuses_what_it_does_not_know),
                cmocka_unit_test(test_describes_a_cluster_that_has_no_status_yet),
                cmocka_unit_test(test_settings_say_what_is_missing_or_odd),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
