/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges with a scripted server: what is sent, how ends are told apart, gate, cap, pool and stop. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/kube/http_internal.h"
#include "lib/kube/scripted_server.h"

enum { MAXIMUM_REPLIES = 8 };

typedef struct Scene {
        Text texts[MAXIMUM_REPLIES];
        const char *replies[MAXIMUM_REPLIES];
        size_t count;
        ScriptedServer *server;
        KubeConfig config;
        Metrics *metrics;
        Http *http;
} Scene;

static int setup(void **state) {
        static Scene scene;
        scene = (Scene){ .config = { .token = "secret" }, .metrics = metrics_new() };
        *state = &scene;
        return 0;
}

static int teardown(void **state) {
        Scene *scene = *state;
        http_free(scene->http);
        scripted_server_free(scene->server);
        metrics_free(scene->metrics);
        for (size_t i = 0; i < MAXIMUM_REPLIES; i++)
                text_done(&scene->texts[i]);
        return 0;
}

static void say(Scene *scene, int status, const char *headers, const char *body) {
        scene->replies[scene->count] = scripted_reply(&scene->texts[scene->count], status, headers, body);
        scene->count++;
}

static void say_word(Scene *scene, const char *word) {
        scene->replies[scene->count++] = word;
}

static void start(Scene *scene) {
        Error err = { 0 };
        scene->server = scripted_server_new(scene->replies, scene->count);
        if (!scene->config.server)
                scene->config.server = scripted_server_url(scene->server);
        if (!http_new(&scene->config, scene->metrics, &scene->http, &err))
                fail_msg("%s", err.text);
}

static int status_of(Scene *scene, const HttpRequest *request, Error *err) {
        CLEANUP(http_response_done) HttpResponse response = { 0 };
        return http_exchange(scene->http, request, &response, err) ? response.status : 0;
}

static const HttpRequest GET = { .method = "GET", .path = "/api/v1/pods?limit=5" };

static void test_sends_method_path_token_and_body(void **state) {
        Scene *scene = *state;
        CLEANUP(http_response_done) HttpResponse response = { 0 };
        say(scene, 201, "", "{\"a\":1}");
        start(scene);
        const HttpRequest request = { .method = "PATCH",
                .path = "/x?fieldManager=y",
                .body = "{}",
                .body_size = 2,
                .content_type = "application/apply-patch+yaml" };
        assert_true(http_exchange(scene->http, &request, &response, NULL));
        assert_int_equal(response.status, 201);
        assert_string_equal(text_string(&response.body), "{\"a\":1}");
        CLEANUP(cleanup_free) char *log = scripted_server_log(scene->server);
        assert_string_equal(log, "PATCH /x?fieldManager=y [Bearer secret] [application/apply-patch+yaml] {}\n");
}

static void test_passes_on_the_authorization_of_a_caller(void **state) {
        Scene *scene = *state;
        say(scene, 401, "", "");
        start(scene);
        const HttpRequest request = { .method = "GET", .path = "/x", .authorization = "Bearer theirs" };
        assert_int_equal(status_of(scene, &request, NULL), 401);
        CLEANUP(cleanup_free) char *log = scripted_server_log(scene->server);
        assert_string_equal(log, "GET /x [Bearer theirs]\n");
}

static void test_any_status_is_a_reply(void **state) {
        Scene *scene = *state;
        say(scene, 500, "", "oops");
        start(scene);
        assert_int_equal(status_of(scene, &GET, NULL), 500);
}

static void test_connection_and_handle_are_used_again(void **state) {
        Scene *scene = *state;
        say(scene, 200, "", "{}");
        start(scene);
        for (int i = 0; i < 5; i++)
                assert_int_equal(status_of(scene, &GET, NULL), 200);
        assert_int_equal(scripted_server_connections(scene->server), 1);
}

static void test_trimming_closes_what_is_idle_and_the_next_request_connects_again(void **state) {
        Scene *scene = *state;
        say(scene, 200, "", "{}");
        start(scene);
        http_trim(scene->http);
        assert_int_equal(status_of(scene, &GET, NULL), 200);
        http_trim(scene->http);
        assert_int_equal(status_of(scene, &GET, NULL), 200);
        assert_int_equal(scripted_server_connections(scene->server), 2);
}

static void test_requests_are_counted_by_code_method_and_host(void **state) {
        Scene *scene = *state;
        say(scene, 404, "", "");
        say_word(scene, "close");
        start(scene);
        const char *host = strstr(scene->config.server, "//") + 2;
        assert_int_equal(status_of(scene, &GET, NULL), 404);
        assert_int_equal(status_of(scene, &GET, NULL), 0);
        Metric *total = metrics_counter(scene->metrics, "rest_client_requests_total", "", NULL);
        assert_int_equal(metric_value(total, (const char *const[]){ "404", "GET", host }), 1);
        assert_int_equal(metric_value(total, (const char *const[]){ "<error>", "GET", host }), 1);
        Metric *durations =
                metrics_histogram(scene->metrics, "rest_client_request_duration_seconds", "", NULL, NULL, 0);
        assert_int_equal(metric_value(durations, (const char *const[]){ "GET", host }), 2);
}

static void test_refused_connection_is_unavailable(void **state) {
        Scene *scene = *state;
        Error err = { 0 };
        scene->config.server = "http://127.0.0.1:1";
        say(scene, 200, "", "");
        start(scene);
        assert_int_equal(status_of(scene, &GET, &err), 0);
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
        assert_non_null(strstr(err.text, "GET 127.0.0.1:1: "));
}

static void test_cut_reply_is_unavailable(void **state) {
        Scene *scene = *state;
        Error err = { 0 };
        say_word(scene, "cut HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"kind\"");
        start(scene);
        assert_int_equal(status_of(scene, &GET, &err), 0);
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
}

static void test_silent_server_is_a_timeout(void **state) {
        Scene *scene = *state;
        Error err = { 0 };
        say_word(scene, "hang");
        start(scene);
        const HttpRequest request = { .method = "GET", .path = "/x", .timeout_ms = 100 };
        assert_int_equal(status_of(scene, &request, &err), 0);
        assert_int_equal(err.code, ERROR_TIMEOUT);
}

static bool take(void *context, const char *bytes, size_t size, Error *err) {
        text_append_bytes(context, bytes, size);
        return size < 1000 || error_set(err, ERROR_PROTOCOL, "that is too much");
}

static void test_good_bodies_are_handed_over_and_bad_ones_collected(void **state) {
        Scene *scene = *state;
        CLEANUP(text_done) Text taken = { 0 };
        CLEANUP(http_response_done) HttpResponse good = { 0 };
        CLEANUP(http_response_done) HttpResponse bad = { 0 };
        say(scene, 200, "", "items");
        say(scene, 403, "", "forbidden");
        start(scene);
        const HttpRequest request = { .method = "GET", .path = "/x", .on_bytes = take, .context = &taken };
        assert_true(http_exchange(scene->http, &request, &good, NULL));
        assert_string_equal(text_string(&taken), "items");
        assert_int_equal(good.body.size, 0);
        assert_true(http_exchange(scene->http, &request, &bad, NULL));
        assert_string_equal(text_string(&taken), "items");
        assert_string_equal(text_string(&bad.body), "forbidden");
}

static void test_receiver_can_end_an_exchange(void **state) {
        Scene *scene = *state;
        CLEANUP(text_done) Text taken = { 0 };
        char body[2001] = "";
        Error err = { 0 };
        memset(body, 'x', sizeof body - 1);
        say(scene, 200, "", body);
        start(scene);
        const HttpRequest request = { .method = "GET", .path = "/x", .on_bytes = take, .context = &taken };
        assert_int_equal(status_of(scene, &request, &err), 0);
        assert_int_equal(err.code, ERROR_PROTOCOL);
        assert_string_equal(err.text, "that is too much");
}

static void test_error_bodies_are_capped(void **state) {
        Scene *scene = *state;
        Error err = { 0 };
        CLEANUP(text_done) Text body = { 0 };
        while (body.size <= HTTP_MAXIMUM_ERROR_BODY)
                text_append(&body, "0123456789012345678901234567890123456789");
        say(scene, 500, "", text_string(&body));
        start(scene);
        assert_int_equal(status_of(scene, &GET, &err), 0);
        assert_int_equal(err.code, ERROR_TOO_LARGE);
}

static void test_redirects_are_not_followed(void **state) {
        Scene *scene = *state;
        say(scene, 302, "Location: http://127.0.0.1:1/\r\n", "");
        start(scene);
        assert_int_equal(status_of(scene, &GET, NULL), 302);
}

/* A token file whose content the test changes between the requests. */
static void test_unauthorized_is_retried_once_with_a_fresh_token(void **state) {
        Scene *scene = *state;
        char file[] = "/tmp/madbase-token-XXXXXX";
        CLEANUP(cleanup_close) int fd = mkstemp(file);
        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, "old", 3, 0), 3);
        say(scene, 401, "", "");
        say(scene, 200, "", "");
        say(scene, 401, "", "");
        scene->config = (KubeConfig){ .token_file = file };
        start(scene);
        assert_int_equal(pwrite(fd, "new", 3, 0), 3);
        assert_int_equal(status_of(scene, &GET, NULL), 200);
        assert_int_equal(status_of(scene, &GET, NULL), 401);
        (void)unlink(file);
        CLEANUP(cleanup_free) char *log = scripted_server_log(scene->server);
        assert_string_equal(log, "GET /api/v1/pods?limit=5 [Bearer old]\nGET /api/v1/pods?limit=5 [Bearer new]\n"
                                 "GET /api/v1/pods?limit=5 [Bearer new]\n");
}

static void test_retry_after_holds_back_everybody(void **state) {
        Scene *scene = *state;
        say(scene, 429, "Retry-After: 1\r\n", "");
        say(scene, 200, "", "");
        start(scene);
        int64_t started = clock_now_ms();
        assert_int_equal(status_of(scene, &GET, NULL), 429);
        assert_true(http_gate_ms(scene->http, clock_now_ms()) > 500);
        assert_int_equal(status_of(scene, &GET, NULL), 200);
        assert_in_range(clock_now_ms() - started, 1000, 5000);
}

static void test_ungated_requests_pass_a_closed_gate(void **state) {
        Scene *scene = *state;
        say(scene, 200, "", "");
        start(scene);
        http_close_gate(scene->http, clock_now_ms() + INT64_C(3600) * 1000);
        const HttpRequest lease = { .method = "PUT", .path = "/lease", .ungated = true };
        assert_int_equal(status_of(scene, &lease, NULL), 200);
}

static void test_waiting_beyond_the_timeout_is_throttled_at_once(void **state) {
        Scene *scene = *state;
        Error err = { 0 };
        say(scene, 200, "", "");
        start(scene);
        http_close_gate(scene->http, clock_now_ms() + INT64_C(60) * 1000);
        assert_int_equal(status_of(scene, &GET, &err), 0);
        assert_int_equal(err.code, ERROR_THROTTLED);
        assert_in_range(err.retry_after_ms, 50 * 1000, 60 * 1000);
        assert_int_equal(scripted_server_requests(scene->server), 0);
}

static void test_disruption_budgets_do_not_close_the_gate(void **state) {
        Scene *scene = *state;
        say(scene, 429, "Retry-After: 10\r\n", "");
        start(scene);
        const HttpRequest evict = {
                .method = "POST", .path = "/api/v1/namespaces/x/pods/y/eviction", .body = "{}", .body_size = 2
        };
        assert_int_equal(status_of(scene, &evict, NULL), 429);
        assert_int_equal(http_gate_ms(scene->http, clock_now_ms()), 0);
}

typedef struct Caller {
        Scene *scene;
        pthread_t thread;
        Error err;
} Caller;

static void *call(void *context) {
        Caller *caller = context;
        (void)status_of(caller->scene, &GET, &caller->err);
        return NULL;
}

static void test_stop_ends_what_is_under_way_and_what_comes(void **state) {
        enum { CALLERS = 4 };
        Scene *scene = *state;
        Caller callers[CALLERS] = { 0 };
        Error err = { 0 };
        say_word(scene, "hang");
        start(scene);
        for (int i = 0; i < CALLERS; i++) {
                callers[i].scene = scene;
                assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
        }
        scripted_server_await(scene->server, CALLERS);
        int64_t started = clock_now_ms();
        http_stop(scene->http);
        for (int i = 0; i < CALLERS; i++) {
                assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
                assert_int_equal(callers[i].err.code, ERROR_STOPPED);
        }
        assert_in_range(clock_now_ms() - started, 0, 500);
        assert_int_equal(status_of(scene, &GET, &err), 0);
        assert_int_equal(err.code, ERROR_STOPPED);
}

static void test_no_more_than_the_cap_are_under_way(void **state) {
        enum { CALLERS = HTTP_MAXIMUM_IN_FLIGHT + 3 };
        Scene *scene = *state;
        Caller callers[CALLERS] = { 0 };
        say_word(scene, "hang");
        start(scene);
        for (int i = 0; i < CALLERS; i++) {
                callers[i].scene = scene;
                assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
        }
        scripted_server_await(scene->server, HTTP_MAXIMUM_IN_FLIGHT);
        const HttpRequest more = { .method = "GET", .path = "/x", .timeout_ms = 100 };
        Error err = { 0 };
        assert_int_equal(status_of(scene, &more, &err), 0);
        assert_int_equal(err.code, ERROR_TIMEOUT);
        assert_int_equal(scripted_server_requests(scene->server), HTTP_MAXIMUM_IN_FLIGHT);
        http_stop(scene->http);
        for (int i = 0; i < CALLERS; i++)
                assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
}

static void test_addresses_for_another_server_name(void **state) {
        static const struct {
                const char *server, *name, *base, *connect, *host;
        } cases[] = {
                { "https://10.0.0.1:6443", NULL, "https://10.0.0.1:6443", NULL, "10.0.0.1:6443" },
                { "https://10.0.0.1:6443", "api", "https://api:6443", "::10.0.0.1:6443", "10.0.0.1:6443" },
                { "https://host/path", "api", "https://api/path", "::host:443", "host" },
                { "https://[fd00::1]", "api", "https://api", "::[fd00::1]:443", "[fd00::1]" },
                { "https://[fd00::1]:8443", "api", "https://api:8443", "::[fd00::1]:8443", "[fd00::1]:8443" },
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const KubeConfig config = { .server = cases[i].server, .tls_server_name = cases[i].name };
                Http *http = NULL;
                assert_true(http_new(&config, NULL, &http, NULL));
                assert_string_equal(http->base, cases[i].base);
                assert_string_equal(http->host, cases[i].host);
                assert_string_equal(http->connect ? http->connect : "", cases[i].connect ? cases[i].connect : "");
                http_free(http);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_sends_method_path_token_and_body, setup, teardown),
                cmocka_unit_test_setup_teardown(test_passes_on_the_authorization_of_a_caller, setup, teardown),
                cmocka_unit_test_setup_teardown(test_any_status_is_a_reply, setup, teardown),
                cmocka_unit_test_setup_teardown(test_connection_and_handle_are_used_again, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_trimming_closes_what_is_idle_and_the_next_request_connects_again, setup, teardown),
                cmocka_unit_test_setup_teardown(test_requests_are_counted_by_code_method_and_host, setup, teardown),
                cmocka_unit_test_setup_teardown(test_refused_connection_is_unavailable, setup, teardown),
                cmocka_unit_test_setup_teardown(test_cut_reply_is_unavailable, setup, teardown),
                cmocka_unit_test_setup_teardown(test_silent_server_is_a_timeout, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_good_bodies_are_handed_over_and_bad_ones_collected, setup, teardown),
                cmocka_unit_test_setup_teardown(test_receiver_can_end_an_exchange, setup, teardown),
                cmocka_unit_test_setup_teardown(test_error_bodies_are_capped, setup, teardown),
                cmocka_unit_test_setup_teardown(test_redirects_are_not_followed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unauthorized_is_retried_once_with_a_fresh_token, setup, teardown),
                cmocka_unit_test_setup_teardown(test_retry_after_holds_back_everybody, setup, teardown),
                cmocka_unit_test_setup_teardown(test_ungated_requests_pass_a_closed_gate, setup, teardown),
                cmocka_unit_test_setup_teardown(test_waiting_beyond_the_timeout_is_throttled_at_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_disruption_budgets_do_not_close_the_gate, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stop_ends_what_is_under_way_and_what_comes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_more_than_the_cap_are_under_way, setup, teardown),
                cmocka_unit_test(test_addresses_for_another_server_name),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
