/* SPDX-License-Identifier: Apache-2.0 */
/* The health endpoints' answers, as Kubernetes' components give them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/server/health.h"

typedef struct Bench {
        bool store_is_there;
        Metrics *metrics;
        Health *health;
} Bench;

static bool check_store(void *context, char *ret_sentence, size_t size) {
        const Bench *bench = context;

        (void)snprintf(ret_sentence, size, "the store does not answer");
        return bench->store_is_there;
}

static void assert_answer(Bench *bench, const char *path, const char *query, int status, const char *body) {
        ServerRequest request = { .method = "GET", .path = path, .query = query };
        ServerReply reply = { 0 };

        health_handle(bench->health, &request, &reply);
        assert_string_equal(text_string(&reply.body), body);
        assert_int_equal(reply.status ? reply.status : 200, status);
        text_done(&reply.body);
}

static int set_up(void **state) {
        static Bench bench;

        bench = (Bench){ .store_is_there = true, .metrics = metrics_new() };
        bench.health = health_new(bench.metrics);
        health_add_ready(bench.health, "store", check_store, &bench);
        *state = &bench;
        return 0;
}

static int tear_down(void **state) {
        Bench *bench = *state;

        health_free(bench->health);
        metrics_free(bench->metrics);
        return 0;
}

static void test_all_well_is_ok(void **state) {
        assert_answer(*state, "/healthz", "", 200, "ok");
        assert_answer(*state, "/livez", "", 200, "ok");
        assert_answer(*state, "/readyz", "", 200, "ok");
        assert_answer(*state, "/readyz/", "", 200, "ok");
}

static void test_verbose_lists_the_checks(void **state) {
        assert_answer(*state, "/readyz", "verbose", 200, "[+]ping ok\n[+]store ok\nreadyz check passed\n");
        assert_answer(*state, "/healthz", "verbose=1", 200, "[+]ping ok\nhealthz check passed\n");
}

static void test_a_failed_check_is_named_with_its_sentence(void **state) {
        Bench *bench = *state;

        bench->store_is_there = false;
        assert_answer(bench, "/readyz", "", 500,
                "[+]ping ok\n[-]store failed: the store does not answer\nreadyz check failed\n");
        assert_answer(bench, "/healthz", "", 200, "ok");
}

static void test_a_check_can_be_excluded(void **state) {
        Bench *bench = *state;

        bench->store_is_there = false;
        assert_answer(bench, "/readyz", "exclude=ping&exclude=store", 200, "ok");
        assert_answer(bench, "/readyz", "exclude=store&verbose", 200,
                "[+]ping ok\n[+]store excluded: ok\nreadyz check passed\n");
        assert_answer(bench, "/readyz", "exclude=other", 500,
                "[+]ping ok\n[-]store failed: the store does not answer\nreadyz check failed\n");
}

static void test_each_check_has_a_path(void **state) {
        Bench *bench = *state;

        assert_answer(bench, "/readyz/store", "", 200, "ok");
        bench->store_is_there = false;
        assert_answer(bench, "/readyz/store", "", 500, "internal server error: the store does not answer\n");
        assert_answer(bench, "/readyz/ping", "", 200, "ok");
        assert_answer(bench, "/readyz/other", "", 404, "404 page not found\n");
        assert_answer(bench, "/healthz/store", "", 404, "404 page not found\n");
}

static void test_other_paths_are_not_found(void **state) {
        Bench *bench = *state;
        ServerRequest request = { .method = "GET", .path = "/healthzz", .query = "" };
        ServerReply reply = { 0 };

        health_handle(bench->health, &request, &reply);
        assert_int_equal(reply.status, 404);
        text_done(&reply.body);
}

static void test_metrics_are_a_page_of_their_own(void **state) {
        Bench *bench = *state;
        ServerRequest request = { .method = "GET", .path = "/metrics", .query = "" };
        ServerReply reply = { 0 };

        metric_add(metrics_counter(bench->metrics, "things_total", "Things.", NULL), NULL, 3);
        health_handle(bench->health, &request, &reply);
        assert_non_null(strstr(text_string(&reply.body), "\nthings_total 3\n"));
        assert_string_equal(reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
        text_done(&reply.body);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_all_well_is_ok, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_verbose_lists_the_checks, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_a_failed_check_is_named_with_its_sentence, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_a_check_can_be_excluded, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_each_check_has_a_path, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_other_paths_are_not_found, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_metrics_are_a_page_of_their_own, set_up, tear_down),
        };

        return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
