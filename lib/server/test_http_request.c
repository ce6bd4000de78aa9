/* SPDX-License-Identifier: Apache-2.0 */
/* Request heads: the usual ones, and those that servers were broken by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/server/http_request.h"

#define HOST "Host: x\r\n"

/* 0 when the head is taken, else the status of the refusal. */
static int parse(const char *head, size_t size, Arena *arena, HttpRequest *ret_request) {
        HttpRefusal refusal = { 0 };
        size_t scanned = 0;

        assert_int_equal(http_request_find_end(head, size, &scanned), size);
        if (http_request_parse(head, size, arena, ret_request, &refusal))
                return 0;
        assert_true(strlen(refusal.sentence) > 0);
        return refusal.status;
}

static void test_a_usual_request_is_read(void **state) {
        static const char head[] =
                "POST /api/v1/cluster%2Fscale?dry=1&x=%20 HTTP/1.1\r\nhOST: a.example:80\r\n"
                "Content-Length:  12 \r\nAuthorization: Bearer a.b.c\r\nX-Other: \t spaced out\t\r\n\r\n";
        CLEANUP(arena_done) Arena arena = { 0 };
        HttpRequest request;

        (void)state;
        assert_int_equal(parse(head, sizeof(head) - 1, &arena, &request), 0);
        assert_string_equal(request.request.method, "POST");
        assert_string_equal(request.request.path, "/api/v1/cluster/scale");
        assert_string_equal(request.request.query, "dry=1&x=%20");
        assert_string_equal(request.request.authorization, "Bearer a.b.c");
        assert_int_equal(request.request.body_size, 12);
        assert_int_equal(request.head_size, sizeof(head) - 1);
        assert_true(request.keep_alive);
        assert_false(request.wants_continue);
        assert_false(request.head_only);
}

static void test_the_connection_goes_on_as_the_version_and_header_say(void **state) {
        static const struct {
                const char *head;
                bool keep_alive;
        } cases[] = {
                { "GET / HTTP/1.1\r\n" HOST "\r\n", true },
                { "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", false },
                { "GET / HTTP/1.1\r\n" HOST "Connection: TE, Close\r\n\r\n", false },
                { "GET / HTTP/1.1\r\n" HOST "Connection: TE\r\nConnection: close\r\n\r\n", false },
                { "GET / HTTP/1.1\r\n" HOST "Connection: closed\r\n\r\n", true },
                { "GET / HTTP/1.0\r\n\r\n", false },
                { "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(arena_done) Arena arena = { 0 };
                HttpRequest request;

                assert_int_equal(parse(cases[i].head, strlen(cases[i].head), &arena, &request), 0);
                assert_int_equal(request.keep_alive, cases[i].keep_alive);
        }
}

static void test_targets_become_path_and_query(void **state) {
        static const struct {
                const char *target, *path, *query;
        } cases[] = {
                { "/", "/", "" },
                { "/a?", "/a", "" },
                { "/a?b?c", "/a", "b?c" },
                { "/a%41%2e%2E/b+c", "/aA../b+c", "" },
                { "http://x:81/a?b", "/a", "b" },
                { "//a", "//a", "" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(arena_done) Arena arena = { 0 };
                const char *head = arena_printf(&arena, "GET %s HTTP/1.1\r\n" HOST "\r\n", cases[i].target);
                HttpRequest request;

                assert_int_equal(parse(head, strlen(head), &arena, &request), 0);
                assert_string_equal(request.request.path, cases[i].path);
                assert_string_equal(request.request.query, cases[i].query);
        }
}

static void test_a_head_request_is_a_get_without_body(void **state) {
        static const char head[] = "HEAD /healthz HTTP/1.1\r\n" HOST "\r\n";
        CLEANUP(arena_done) Arena arena = { 0 };
        HttpRequest request;

        (void)state;
        assert_int_equal(parse(head, sizeof(head) - 1, &arena, &request), 0);
        assert_string_equal(request.request.method, "GET");
        assert_true(request.head_only);
}

static void test_an_expectation_is_noted_where_a_body_comes(void **state) {
        static const char with[] = "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nExpect: 100-Continue\r\n\r\n";
        static const char without[] = "POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n\r\n";
        CLEANUP(arena_done) Arena arena = { 0 };
        HttpRequest request;

        (void)state;
        assert_int_equal(parse(with, sizeof(with) - 1, &arena, &request), 0);
        assert_true(request.wants_continue);
        assert_int_equal(parse(without, sizeof(without) - 1, &arena, &request), 0);
        assert_false(request.wants_continue);
}

static void test_what_two_servers_could_read_in_two_ways_is_refused(void **state) {
        static const struct {
                const char *head;
                int status;
        } cases[] = {
                { "GET / HTTP/1.1\r\n\r\n", 400 },                                        /* no Host */
                { "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400 },                           /* two */
                { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 411 }, /* no length */
                { "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", 411 },
                { "POST / HTTP/1.1\r\n" HOST "Transfer-encoding:\tchunked\r\nContent-Length: 3\r\n\r\n", 400 },
                { "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", 400 },
                { "POST / HTTP/1.1\r\n" HOST "Content-Length: 3, 3\r\n\r\n", 400 },
                { "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400 },
                { "POST / HTTP/1.1\r\n" HOST "Content-Length: +1\r\n\r\n", 400 },
                { "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x10\r\n\r\n", 400 },
                { "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400 },
                { "POST / HTTP/1.1\r\n" HOST "Content-Length: 262145\r\n\r\n", 413 },
                { "POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551617\r\n\r\n", 413 },
                { "POST / HTTP/1.1\r\n" HOST "Content-Length : 3\r\n\r\n", 400 }, /* blank before */
                { "GET / HTTP/1.1\r\n" HOST "X: a\r\n folded\r\n\r\n", 400 },
                { "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400 },
                { "GET / HTTP/1.1\r\n" HOST "X: a\nY: b\r\n\r\n", 400 }, /* bare LF */
                { "GET / HTTP/1.1\r\n" HOST "X: a\rY: b\r\n\r\n", 400 }, /* bare CR */
                { "GET / HTTP/1.1\n" HOST "\r\n", 400 },
                { "GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n", 400 },
                { "GET / HTTP/1.1\r\n" HOST ": no name\r\n\r\n", 400 },
                { "GET / HTTP/1.1\r\n" HOST "Na(me: x\r\n\r\n", 400 },
                { "GET / HTTP/1.1\r\n" HOST "Authorization: a\r\nAuthorization: b\r\n\r\n", 400 },
                { "GET  / HTTP/1.1\r\n" HOST "\r\n", 400 },
                { "GET / HTTP/1.1 \r\n" HOST "\r\n", 505 },
                { "GET /\r\n" HOST "\r\n", 400 },
                { "GET / FTP/1.1\r\n" HOST "\r\n", 400 },
                { "GET / HTTP/2.0\r\n" HOST "\r\n", 505 },
                { "PRI * HTTP/2.0\r\n\r\n", 505 },
                { " / HTTP/1.1\r\n" HOST "\r\n", 400 },
                { "G\"T / HTTP/1.1\r\n" HOST "\r\n", 400 },
                { "GETGETGETGETGETGET / HTTP/1.1\r\n" HOST "\r\n", 400 },
                { "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 400 },
                { "CONNECT x:443 HTTP/1.1\r\n" HOST "\r\n", 400 },
                { "GET x HTTP/1.1\r\n" HOST "\r\n", 400 },
                { "GET /a%zz HTTP/1.1\r\n" HOST "\r\n", 400 },
                { "GET /a% HTTP/1.1\r\n" HOST "\r\n", 400 },
                { "GET /a%4 HTTP/1.1\r\n" HOST "\r\n", 400 },
                { "GET /a%00 HTTP/1.1\r\n" HOST "\r\n", 400 },
                { "GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400 },
                { "GET / HTTP/1.1\r\n" HOST "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 501 },
                { "GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n\r\n", 501 },
                { "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nExpect: a-cookie\r\n\r\n", 417 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(arena_done) Arena arena = { 0 };
                HttpRequest request;
                int status = parse(cases[i].head, strlen(cases[i].head), &arena, &request);

                if (status != cases[i].status)
                        fail_msg("%d instead of %d for: %s", status, cases[i].status, cases[i].head);
        }
}

static void test_nul_bytes_are_refused(void **state) {
        static const char in_value[] = "GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n";
        static const char in_path[] = "GET /\0 HTTP/1.1\r\n" HOST "\r\n";
        CLEANUP(arena_done) Arena arena = { 0 };
        HttpRequest request;

        (void)state;
        assert_int_equal(parse(in_value, sizeof(in_value) - 1, &arena, &request), 400);
        assert_int_equal(parse(in_path, sizeof(in_path) - 1, &arena, &request), 400);
}

static void test_headers_are_counted(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        CLEANUP(text_done) Text head = { 0 };
        HttpRequest request;

        (void)state;
        text_append(&head, "GET / HTTP/1.1\r\n" HOST);
        for (int i = 1; i < SERVER_MAXIMUM_HEADERS; i++)
                text_append(&head, "a: b\r\n");
        text_append(&head, "\r\n");
        assert_int_equal(parse(head.data, head.size, &arena, &request), 0);
        head.size -= 2;
        text_append(&head, "a: b\r\n\r\n");
        assert_int_equal(parse(head.data, head.size, &arena, &request), 431);
}

static void test_the_end_is_found_however_the_bytes_are_cut(void **state) {
        static const char head[] = "\r\nGET / HTTP/1.1\r\n" HOST "\r\nPOST";
        const size_t end = sizeof(head) - 1 - 4;
        CLEANUP(arena_done) Arena arena = { 0 };
        HttpRequest request;
        size_t scanned = 0;

        (void)state;
        for (size_t size = 0; size < end; size++)
                assert_int_equal(http_request_find_end(head, size, &scanned), 0);
        assert_int_equal(http_request_find_end(head, end, &scanned), end);
        assert_int_equal(parse(head, end, &arena, &request), 0);
        scanned = 0;
        assert_int_equal(http_request_find_end(head, sizeof(head) - 1, &scanned), end);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_usual_request_is_read),
                cmocka_unit_test(test_the_connection_goes_on_as_the_version_and_header_say),
                cmocka_unit_test(test_targets_become_path_and_query),
                cmocka_unit_test(test_a_head_request_is_a_get_without_body),
                cmocka_unit_test(test_an_expectation_is_noted_where_a_body_comes),
                cmocka_unit_test(test_what_two_servers_could_read_in_two_ways_is_refused),
                cmocka_unit_test(test_nul_bytes_are_refused),
                cmocka_unit_test(test_headers_are_counted),
                cmocka_unit_test(test_the_end_is_found_however_the_bytes_are_cut),
        };

        return cmocka_run_group_tests_name("http_request", tests, NULL, NULL);
}
