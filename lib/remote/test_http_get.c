/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to a real HTTPS server, and to stubs whose replies are known to the byte. */
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/remote/fixture.h"
#include "lib/remote/http_get.h"
#include "lib/remote/x509.h"

static Fixture https;
static char *ca_cert, *ca_key;

static bool get(const HttpGetTarget *target, int *ret_status, Text *body, Error *err) {
        CLEANUP(http_get_cleanup) HttpGet *client = http_get_new();

        return http_get(client, target, ret_status, body, err);
}

/* What a stub with this reply makes of a GET. */
static bool get_from_stub(const char *reply, size_t size, size_t maximum, int *ret_status, Text *body, Error *err) {
        HttpGetTarget target = { .timeout_ms = 300, .maximum = maximum };
        char url[64];
        Stub stub;
        bool ok;

        fixture_stub_start(&stub, reply, size, true);
        (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/patroni", stub.port);
        target.url = url;
        ok = get(&target, ret_status, body, err);
        fixture_stub_stop(&stub);
        return ok;
}

static void test_every_status_is_an_answer(void **state) {
        static const char reply[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nno\n";
        CLEANUP(text_done) Text body = { 0 };
        Error err = { 0 };
        int status = 0;

        (void)state;
        text_append(&body, "what was there before");
        assert_true(get_from_stub(reply, sizeof(reply) - 1, 0, &status, &body, &err));
        assert_int_equal(status, 503);
        assert_string_equal(text_string(&body), "no\n");
}

static void test_a_reply_over_the_maximum_is_refused(void **state) {
        static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
        CLEANUP(text_done) Text body = { 0 };
        Error err = { 0 };
        int status = 0;

        (void)state;
        assert_true(get_from_stub(reply, sizeof(reply) - 1, 10, &status, &body, &err));
        assert_false(get_from_stub(reply, sizeof(reply) - 1, 9, &status, &body, &err));
        assert_int_equal(err.code, ERROR_TOO_LARGE);
        assert_string_equal(text_string(&body), "");
}

static void test_silence_costs_the_timeout_and_no_more(void **state) {
        CLEANUP(text_done) Text body = { 0 };
        int64_t started = clock_now_ms();
        Error err = { 0 };
        int status = 0;

        (void)state;
        assert_false(get_from_stub(NULL, 0, 0, &status, &body, &err));
        assert_int_equal(err.code, ERROR_TIMEOUT);
        assert_in_range(clock_now_ms() - started, 290, 3000);
}

static void test_half_a_reply_is_no_answer(void **state) {
        static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
        CLEANUP(text_done) Text body = { 0 };
        Error err = { 0 };
        int status = 0;

        (void)state;
        assert_false(get_from_stub(reply, sizeof(reply) - 1, 0, &status, &body, &err));
        assert_int_equal(err.code, ERROR_TIMEOUT);
        assert_int_equal(status, 0);
        assert_string_equal(text_string(&body), "");
}

static void test_what_is_not_http_is_no_answer(void **state) {
        static const char reply[] = "-ERR unknown command 'GET'\r\n";
        CLEANUP(text_done) Text body = { 0 };
        Error err = { 0 };
        int status = 0;

        (void)state;
        assert_false(get_from_stub(reply, sizeof(reply) - 1, 0, &status, &body, &err));
        assert_int_equal(err.code, ERROR_PROTOCOL);
}

static void test_nobody_listening_is_unavailable_and_other_schemes_are_invalid(void **state) {
        CLEANUP(text_done) Text body = { 0 };
        HttpGetTarget target = { .timeout_ms = 1000 };
        char url[64];
        Error err = { 0 };
        int status = 0;

        (void)state;
        (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", fixture_free_port());
        target.url = url;
        assert_false(get(&target, &status, &body, &err));
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
        target.url = "file:///etc/passwd";
        assert_false(get(&target, &status, &body, &err));
        assert_int_equal(err.code, ERROR_INVALID);
}

/* The request as the other side sees it. */
static void *echo_request(void *context) {
        int listener = *(int *)context;
        static char request[2048];
        size_t size = 0;
        int fd = accept(listener, NULL, NULL);
        char head[64];

        while (size < sizeof(request) - 1 && !strstr(request, "{\"leader\":\"a\"}")) {
                ssize_t got = recv(fd, request + size, sizeof(request) - 1 - size, 0);

                if (got <= 0)
                        break;
                size += (size_t)got;
        }
        (void)snprintf(head, sizeof(head), "HTTP/1.1 202 Accepted\r\nContent-Length: %zu\r\n\r\n", size);
        (void)send(fd, head, strlen(head), MSG_NOSIGNAL);
        (void)send(fd, request, size, MSG_NOSIGNAL);
        (void)close(fd);
        return NULL;
}

static void test_method_body_and_password_are_sent(void **state) {
        CLEANUP(text_done) Text body = { 0 };
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof(address);
        int listener = socket(AF_INET, SOCK_STREAM, 0), status = 0;
        HttpGetTarget target = { .method = "POST",
                .body = "{\"leader\":\"a\"}",
                .username = "patroni",
                .password = "pass word",
                .timeout_ms = 5000 };
        pthread_t thread;
        char url[64];
        Error err = { 0 };

        (void)state;
        assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
        assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
        assert_int_equal(listen(listener, 1), 0);
        assert_int_equal(pthread_create(&thread, NULL, echo_request, &listener), 0);
        (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/switchover", ntohs(address.sin_port));
        target.url = url;
        assert_true(get(&target, &status, &body, &err));
        (void)pthread_join(thread, NULL);
        (void)close(listener);
        assert_int_equal(status, 202);
        assert_non_null(strstr(text_string(&body), "POST /switchover HTTP/1.1\r\n"));
        assert_non_null(strstr(text_string(&body), "Authorization: Basic cGF0cm9uaTpwYXNzIHdvcmQ=\r\n"));
        assert_non_null(strstr(text_string(&body), "Content-Type: application/json\r\n"));
        assert_non_null(strstr(text_string(&body), "{\"leader\":\"a\"}"));
}

static void test_tls_is_verified_against_the_given_authority(void **state) {
        CLEANUP(http_get_cleanup) HttpGet *client = http_get_new();
        CLEANUP(text_done) Text body = { 0 };
        CLEANUP(cleanup_free) char *other_cert = NULL;
        CLEANUP(cleanup_free) char *other_key = NULL;
        HttpGetTarget target = { .ca_pem = ca_cert, .timeout_ms = 5000 };
        char url[64], by_address[64];
        Error err = { 0 };
        int status = 0;

        (void)state;
        (void)snprintf(url, sizeof(url), "https://localhost:%d/", https.port);
        (void)snprintf(by_address, sizeof(by_address), "https://127.0.0.1:%d/", https.port);
        target.url = url;
        if (!http_get(client, &target, &status, &body, &err))
                fail_msg("%s", err.text);
        assert_int_equal(status, 200);
        assert_true(x509_new_ca("other", 1, &other_cert, &other_key, &err));
        target.ca_pem = other_cert;
        assert_false(http_get(client, &target, &status, &body, &err));
        assert_int_equal(err.code, ERROR_UNAUTHORIZED);
        target.ca_pem = NULL; /* the system's */
        assert_false(http_get(client, &target, &status, &body, &err));
        assert_int_equal(err.code, ERROR_UNAUTHORIZED);
        target.ca_pem = "no PEM";
        assert_false(http_get(client, &target, &status, &body, &err));
        assert_int_equal(err.code, ERROR_UNAUTHORIZED);
        target.ca_pem = ca_cert;
        target.url = by_address; /* the certificate does not name it */
        assert_false(http_get(client, &target, &status, &body, &err));
        assert_int_equal(err.code, ERROR_UNAUTHORIZED);
}

static int start_https(void **state) {
        static const char *const names[] = { "localhost", NULL };
        char *cert = NULL, *key = NULL;
        Error err = { 0 };

        (void)state;
        if (!x509_new_ca("test CA", 2, &ca_cert, &ca_key, &err) ||
                !x509_new_leaf(ca_cert, ca_key, "localhost", names, 1, &cert, &key, &err))
                return 1;
        fixture_start_https(&https, cert, key);
        free(cert);
        free(key);
        return 0;
}

static int stop_https(void **state) {
        (void)state;
        fixture_stop(&https);
        free(ca_cert);
        free(ca_key);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_status_is_an_answer),
                cmocka_unit_test(test_a_reply_over_the_maximum_is_refused),
                cmocka_unit_test(test_silence_costs_the_timeout_and_no_more),
                cmocka_unit_test(test_half_a_reply_is_no_answer),
                cmocka_unit_test(test_what_is_not_http_is_no_answer),
                cmocka_unit_test(test_nobody_listening_is_unavailable_and_other_schemes_are_invalid),
                cmocka_unit_test(test_method_body_and_password_are_sent),
                cmocka_unit_test(test_tls_is_verified_against_the_given_authority),
        };

        return cmocka_run_group_tests_name("http_get", tests, start_https, stop_https);
}
