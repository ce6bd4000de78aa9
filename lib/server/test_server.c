/* SPDX-License-Identifier: Apache-2.0 */
/* What the running server answers, to curl and to bare sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/json.h"
#include "lib/server/bench.h"

static void assert_page(const Bench *bench, const char *arguments, const char *expected) {
        CLEANUP(text_done) Text page = { 0 };

        assert_int_equal(bench_curl(bench, arguments, &page), 0);
        assert_string_equal(text_string(&page), expected);
}

static void test_health_and_metrics_are_served(void **state) {
        CLEANUP(text_done) Text page = { 0 };
        Bench bench;

        (void)state;
        bench_start(&bench, (ServerOptions){ 0 });
        assert_page(&bench, "%s/healthz -w '=%{http_code}'", "ok=200");
        assert_page(&bench, "'%s/readyz?verbose'", "[+]ping ok\nreadyz check passed\n");
        assert_int_equal(bench_curl(&bench, "%s/metrics -w '=%{content_type}'", &page), 0);
        assert_non_null(strstr(text_string(&page),
                "madbase_http_requests_total{method=\"GET\",route=\"/healthz*\",code=\"200\"} 1\n"));
        assert_non_null(strstr(text_string(&page), "madbase_http_connections 1\n"));
        assert_non_null(strstr(text_string(&page), "=text/plain; version=0.0.4; charset=utf-8"));
        bench_stop(&bench);
}

static void test_requests_reach_their_handler_whole(void **state) {
        Bench bench;

        (void)state;
        bench_start(&bench, (ServerOptions){ .pool_threads = 2 });
        assert_page(&bench, "'%s/echo/a%20b?c=%20d' -H 'Authorization: Bearer t'", "GET /echo/a b?c=%20d Bearer t 0:");
        assert_page(&bench, "%s/echo/ -d hello", "POST /echo/? - 5:hello");
        assert_page(&bench, "%s/pool/x -d hello", "POST /pool/x? - 5:hello");
        assert_page(&bench, "%s/echo/ -d ''", "POST /echo/? - 0:");
        bench_stop(&bench);
}

static void test_connections_are_kept_and_ended_as_asked(void **state) {
        CLEANUP(text_done) Text page = { 0 };
        Bench bench;
        int fd;

        (void)state;
        bench_start(&bench, (ServerOptions){ 0 });
        assert_page(&bench,
                "%s/healthz %s/healthz %s/nowhere -o /dev/null -o /dev/null -o /dev/null -w '%{num_connects}'", "100");
        fd = bench_dial(&bench);
        for (int i = 0; i < 50; i++)
                assert_int_equal(bench_ask(fd, "GET", "/healthz", "", &page), 200);
        (void)close(fd);
        free(bench_answer(&bench, "GET /healthz HTTP/1.0\r\n\r\n"));
        free(bench_answer(&bench, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        bench_stop(&bench);
}

static void test_unknown_paths_and_methods_get_a_problem(void **state) {
        CLEANUP(cleanup_free) char *put = NULL;
        CLEANUP(cleanup_free) char *lost = NULL;
        Bench bench;

        (void)state;
        bench_start(&bench, (ServerOptions){ 0 });
        lost = bench_answer(&bench, "GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_memory_equal(lost, "HTTP/1.1 404 Not Found\r\n", 24);
        assert_non_null(strstr(lost, "Content-Type: application/problem+json\r\n"));
        assert_non_null(strstr(lost, "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"detail\":"));
        put = bench_answer(
                &bench, "PUT /echo/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
        assert_memory_equal(put, "HTTP/1.1 405 Method Not Allowed\r\n", 33);
        assert_non_null(strstr(put, "Allow: GET, HEAD, POST\r\n"));
        bench_stop(&bench);
}

static void test_head_and_204_have_no_body(void **state) {
        CLEANUP(cleanup_free) char *head = NULL;
        CLEANUP(cleanup_free) char *nothing = NULL;
        Bench bench;

        (void)state;
        bench_start(&bench, (ServerOptions){ 0 });
        head = bench_answer(&bench, "HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_non_null(strstr(head, "Content-Length: 2\r\n"));
        assert_string_equal(strstr(head, "\r\n\r\n"), "\r\n\r\n");
        nothing = bench_answer(&bench, "GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_memory_equal(nothing, "HTTP/1.1 204 No Content\r\n", 25);
        assert_null(strstr(nothing, "Content-Length"));
        assert_non_null(strstr(nothing, "X-Extra: yes\r\n"));
        bench_stop(&bench);
}

static void test_bodies_are_taken_up_to_the_cap_and_refused_beyond(void **state) {
        static char body[SERVER_MAXIMUM_BODY + 1];
        CLEANUP(text_done) Text page = { 0 };
        Bench bench;
        int fd;

        (void)state;
        bench_start(&bench, (ServerOptions){ 0 });
        memset(body, 'x', SERVER_MAXIMUM_BODY);
        fd = bench_dial(&bench);
        assert_int_equal(bench_ask(fd, "POST", "/echo/", body, &page), 200);
        assert_int_equal(page.size, strlen("POST /echo/? - 262144:") + SERVER_MAXIMUM_BODY);
        (void)close(fd);
        /* curl sends all of it, and reads the answer all the same. */
        assert_int_equal(
                bench_curl(&bench, "%s/echo/ -H Expect: -w '=%{http_code}' --data-binary @/proc/self/exe", &page), 0);
        assert_non_null(strstr(text_string(&page), "\"status\":413"));
        assert_non_null(strstr(text_string(&page), "=413"));
        bench_stop(&bench);
}

static void test_chunked_bodies_and_upgrades_are_refused_and_end_the_connection(void **state) {
        static const struct {
                const char *bytes, *status;
        } cases[] = {
                { "POST /echo/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                        "411" },
                { "POST /echo/ HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: "
                  "chunked\r\n\r\n0\r\n\r\nGET "
                  "/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
                        "400" },
                { "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                  "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
                        "501" },
                { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505" }, { "\x16\x03\x01\x02", "400" }, /* TLS */
        };
        Bench bench;

        (void)state;
        bench_start(&bench, (ServerOptions){ 0 });
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(cleanup_free) char *heard = bench_answer(&bench, cases[i].bytes);

                assert_memory_equal(heard + 9, cases[i].status, 3);
                assert_int_equal(bench_count(heard, "\r\nDate: "), 1);
                assert_non_null(strstr(heard, "Connection: close\r\n"));
        }
        bench_stop(&bench);
}

static void test_curl_gets_http1_or_a_clear_refusal(void **state) {
        CLEANUP(text_done) Text page = { 0 };
        Bench bench;

        (void)state;
        bench_start(&bench, (ServerOptions){ 0 });
        assert_page(&bench, "--http2 %s/healthz -o /dev/null -w '%{http_code}'", "501");
        assert_int_not_equal(bench_curl(&bench, "--http2-prior-knowledge %s/healthz", &page), 0);
        assert_page(&bench, "-H 'Transfer-Encoding: chunked' -d x %s/echo/ -o /dev/null -w '%{http_code}'", "411");
        assert_int_not_equal(bench_curl(&bench, "-k $(echo %s | sed s/http/https/)/healthz", &page), 0);
        bench_stop(&bench);
}

static void test_an_expected_continue_is_given(void **state) {
        CLEANUP(cleanup_free) char *heard = NULL;
        char bytes[32] = "";
        Bench bench;
        int fd;

        (void)state;
        bench_start(&bench, (ServerOptions){ 0 });
        fd = bench_dial(&bench);
        bench_say(fd, "POST /echo/ HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"
                      "Connection: close\r\n\r\n");
        assert_int_equal(recv(fd, bytes, 25, MSG_WAITALL), 25);
        assert_string_equal(bytes, "HTTP/1.1 100 Continue\r\n\r\n");
        bench_say(fd, "hi");
        heard = bench_hear_all(fd);
        assert_non_null(strstr(heard, "POST /echo/? - 2:hi"));
        (void)close(fd);
        bench_stop(&bench);
}

static void test_pipelined_requests_are_answered_in_order(void **state) {
        CLEANUP(cleanup_free) char *heard = NULL;
        Bench bench;

        (void)state;
        bench_start(&bench, (ServerOptions){ .pool_threads = 2 });
        heard = bench_answer(&bench,
                "POST /pool/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nonePOST /echo/2 HTTP/1.1\r\n"
                "Host: x\r\nContent-Length: 3\r\n\r\ntwoGET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
                "POST /pool/4 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
                "GET /echo/5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /echo/6 HTTP/1.1\r\n");
        assert_int_equal(bench_count(heard, "\r\nDate: "), 5);
        assert_true(strstr(heard, "/pool/1? - 3:one") < strstr(heard, "/echo/2? - 3:two"));
        assert_true(strstr(heard, "/echo/2? - 3:two") < strstr(heard, "\"status\":404"));
        assert_true(strstr(heard, "\"status\":404") < strstr(heard, "/pool/4? - 0:"));
        assert_true(strstr(heard, "/pool/4? - 0:") < strstr(heard, "/echo/5? - 0:"));
        assert_null(strstr(heard, "/echo/6"));
        bench_stop(&bench);
}

static void test_requests_may_come_in_any_cut(void **state) {
        static const char request[] =
                "\r\nPOST /echo/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
        CLEANUP(cleanup_free) char *heard = NULL;
        Bench bench;
        int fd;

        (void)state;
        bench_start(&bench, (ServerOptions){ 0 });
        fd = bench_dial(&bench);
        for (const char *at = request; *at; at++)
                bench_say(fd, (char[]){ *at, '\0' });
        heard = bench_hear_all(fd);
        assert_non_null(strstr(heard, "\r\n\r\nPOST /echo/a? - 5:hello"));
        (void)close(fd);
        bench_stop(&bench);
}

static void test_heads_over_the_cap_are_refused(void **state) {
        CLEANUP(text_done) Text endless = { 0 };
        CLEANUP(cleanup_free) char *heard = NULL;
        Bench bench;

        (void)state;
        bench_start(&bench, (ServerOptions){ 0 });
        text_append(&endless, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
        for (int i = 0; i < SERVER_MAXIMUM_HEAD / 16; i++)
                text_append(&endless, "0123456789abcdef");
        heard = bench_answer(&bench, text_string(&endless));
        assert_memory_equal(heard, "HTTP/1.1 431 ", 13);
        bench_stop(&bench);
}

static void test_a_taken_port_and_a_wrong_address_say_so(void **state) {
        static const ServerRoute none[] = { { 0 } };
        Server *second = NULL;
        Error err = { 0 };
        Bench bench;

        (void)state;
        bench_start(&bench, (ServerOptions){ 0 });
        assert_false(server_start(
                &(ServerOptions){ .address = "127.0.0.1", .port = server_port(bench.server), .routes = none }, &second,
                &err));
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
        assert_non_null(strstr(err.text, "Address already in use"));
        assert_false(server_start(&(ServerOptions){ .address = "here", .routes = none }, &second, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        assert_false(server_start(&(ServerOptions){ .port = 70000, .routes = none }, &second, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        bench_stop(&bench);
}

static void test_all_addresses_take_ipv4_too(void **state) {
        static const ServerRoute none[] = { { 0 } };
        Bench bench = { 0 };
        Error err = { 0 };

        (void)state;
        assert_true(server_start(&(ServerOptions){ .routes = none }, &bench.server, &err));
        assert_page(&bench, "%s/ -o /dev/null -w '%{http_code}'", "404");
        server_stop(bench.server, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_health_and_metrics_are_served),
                cmocka_unit_test(test_requests_reach_their_handler_whole),
                cmocka_unit_test(test_connections_are_kept_and_ended_as_asked),
                cmocka_unit_test(test_unknown_paths_and_methods_get_a_problem),
                cmocka_unit_test(test_head_and_204_have_no_body),
                cmocka_unit_test(test_bodies_are_taken_up_to_the_cap_and_refused_beyond),
                cmocka_unit_test(test_chunked_bodies_and_upgrades_are_refused_and_end_the_connection),
                cmocka_unit_test(test_curl_gets_http1_or_a_clear_refusal),
                cmocka_unit_test(test_an_expected_continue_is_given),
                cmocka_unit_test(test_pipelined_requests_are_answered_in_order),
                cmocka_unit_test(test_requests_may_come_in_any_cut),
                cmocka_unit_test(test_heads_over_the_cap_are_refused),
                cmocka_unit_test(test_a_taken_port_and_a_wrong_address_say_so),
                cmocka_unit_test(test_all_addresses_take_ipv4_too),
        };

        json_start();
        return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
