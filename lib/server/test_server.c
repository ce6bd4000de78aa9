/* SPDX-License-Identifier: Apache-2.0 */
/* The running server, spoken to by libcurl and, where a client must misbehave, by bare sockets. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <curl/curl.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/server/health.h"

enum { PATIENCE_MS = 30000, PAUSE_MS = 5, SHORT_MS = 300, BIG_PAGE = 3 * 1024 * 1024, MANY = 240 };

/* A handler that waits until it is let go. */
typedef struct Gate {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool open;
        int entered;
} Gate;

typedef struct Bench {
        Metrics *metrics;
        Health *health;
        Server *server;
        Gate gate;
        ServerRoute routes[16];
} Bench;

static void echo(void *context, const ServerRequest *request, ServerReply *reply) {
        (void)context;
        text_printf(&reply->body, "%s %s?%s %s %zu:%s", request->method, request->path, request->query,
                request->authorization ? request->authorization : "-", request->body_size, request->body);
}

static void big_page(void *context, const ServerRequest *request, ServerReply *reply) {
        (void)context;
        (void)request;
        for (int i = 0; i < BIG_PAGE / 16; i++)
                text_printf(&reply->body, "%015d\n", i);
}

static void no_content(void *context, const ServerRequest *request, ServerReply *reply) {
        (void)context;
        (void)request;
        reply->status = 204;
        reply->extra_header = "X-Extra: yes";
}

static void wait_at_gate(void *context, const ServerRequest *request, ServerReply *reply) {
        Gate *gate = context;

        (void)request;
        (void)pthread_mutex_lock(&gate->lock);
        gate->entered++;
        (void)pthread_cond_broadcast(&gate->changed);
        while (!gate->open)
                (void)pthread_cond_wait(&gate->changed, &gate->lock);
        (void)pthread_mutex_unlock(&gate->lock);
        text_append(&reply->body, "through");
}

static void open_gate(Gate *gate) {
        (void)pthread_mutex_lock(&gate->lock);
        gate->open = true;
        (void)pthread_cond_broadcast(&gate->changed);
        (void)pthread_mutex_unlock(&gate->lock);
}

static void wait_for_entered(Gate *gate, int count) {
        (void)pthread_mutex_lock(&gate->lock);
        for (int64_t end_ms = clock_now_ms() + PATIENCE_MS; gate->entered < count;)
                if (!clock_wait(&gate->changed, &gate->lock, end_ms))
                        break;
        assert_true(gate->entered >= count);
        (void)pthread_mutex_unlock(&gate->lock);
}

static void start(Bench *bench, ServerOptions options) {
        const ServerRoute routes[] = {
                { "GET", "/healthz*", health_handle, NULL, false },
                { "GET", "/readyz*", health_handle, NULL, false },
                { "GET", "/metrics", health_handle, NULL, false },
                { "GET", "/echo/*", echo, NULL, false },
                { "POST", "/echo/*", echo, NULL, false },
                { "GET", "/big", big_page, NULL, false },
                { "GET", "/nothing", no_content, NULL, false },
                { "GET", "/gate", wait_at_gate, &bench->gate, true },
                { "POST", "/pool/*", echo, NULL, true },
                { 0 },
        };
        Error err = { 0 };

        *bench = (Bench){ .metrics = metrics_new() };
        (void)pthread_mutex_init(&bench->gate.lock, NULL);
        (void)pthread_cond_init(&bench->gate.changed, NULL);
        bench->health = health_new(bench->metrics);
        memcpy(bench->routes, routes, sizeof(routes));
        for (int i = 0; i < 3; i++)
                bench->routes[i].context = bench->health;
        options.address = "127.0.0.1";
        options.routes = bench->routes;
        options.metrics = bench->metrics;
        if (!server_start(&options, &bench->server, &err))
                fail_msg("%s", err.text);
}

static void stop(Bench *bench) {
        server_stop(bench->server, 0);
        health_free(bench->health);
        metrics_free(bench->metrics);
        (void)pthread_mutex_destroy(&bench->gate.lock);
        (void)pthread_cond_destroy(&bench->gate.changed);
}

static size_t keep(char *bytes, size_t one, size_t size, void *context) {
        text_append_bytes(context, bytes, one * size);
        return one * size;
}

/* A request by libcurl; the status, or minus libcurl's error. */
static long ask(CURL *curl, const Bench *bench, const char *path, const char *body, Text *ret_body) {
        char url[256];
        long status = 0;
        CURLcode code;

        (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", server_port(bench->server), path);
        (void)curl_easy_setopt(curl, CURLOPT_URL, url);
        (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
        (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)PATIENCE_MS);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret_body);
        if (body)
                (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        text_clear(ret_body);
        code = curl_easy_perform(curl);
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        return code == CURLE_OK ? status : -(long)code;
}

static void assert_page(const Bench *bench, const char *path, const char *body, long status, const char *expected) {
        CLEANUP(text_done) Text page = { 0 };
        CURL *curl = curl_easy_init();

        assert_int_equal(ask(curl, bench, path, body, &page), status);
        assert_string_equal(text_string(&page), expected);
        curl_easy_cleanup(curl);
}

static int dial(const Bench *bench) {
        struct sockaddr_in address = { .sin_family = AF_INET,
                .sin_port = htons((uint16_t)server_port(bench->server)),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        const struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        return fd;
}

static void say(int fd, const char *bytes) {
        assert_int_equal(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), strlen(bytes));
}

/* All that comes until the server closes the connection. */
static char *hear_all(int fd) {
        Text heard = { 0 };
        char bytes[4096];
        ssize_t got;

        while ((got = recv(fd, bytes, sizeof(bytes), 0)) > 0)
                text_append_bytes(&heard, bytes, (size_t)got);
        if (got < 0)
                fail_msg("the server neither answered nor closed; so far: %s", text_string(&heard));
        return text_take(&heard);
}

/* What the server says to these bytes, up to the end of the connection, which is the server's doing. */
static char *answer_to(const Bench *bench, const char *bytes) {
        int fd = dial(bench);
        char *heard;

        say(fd, bytes);
        heard = hear_all(fd);
        (void)close(fd);
        return heard;
}

static int count_of(const char *text, const char *word) {
        int count = 0;

        for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
                count++;
        return count;
}

static void test_health_and_metrics_are_served(void **state) {
        CLEANUP(text_done) Text page = { 0 };
        CURL *curl = curl_easy_init();
        const char *type = NULL;
        Bench bench;

        (void)state;
        start(&bench, (ServerOptions){ 0 });
        assert_page(&bench, "/healthz", NULL, 200, "ok");
        assert_page(&bench, "/readyz?verbose", NULL, 200, "[+]ping ok\nreadyz check passed\n");
        assert_int_equal(ask(curl, &bench, "/metrics", NULL, &page), 200);
        assert_non_null(strstr(text_string(&page),
                "madbase_http_requests_total{method=\"GET\",route=\"/healthz*\",code=\"200\"} 1\n"));
        assert_non_null(strstr(text_string(&page), "madbase_http_connections 1\n"));
        (void)curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
        assert_string_equal(type, "text/plain; version=0.0.4; charset=utf-8");
        curl_easy_cleanup(curl);
        stop(&bench);
}

static void test_requests_reach_their_handler_whole(void **state) {
        Bench bench;

        (void)state;
        start(&bench, (ServerOptions){ .pool_threads = 2 });
        assert_page(&bench, "/echo/a%20b?c=%20d", NULL, 200, "GET /echo/a b?c=%20d - 0:");
        assert_page(&bench, "/echo/", "hello", 200, "POST /echo/? - 5:hello");
        assert_page(&bench, "/pool/x", "hello", 200, "POST /pool/x? - 5:hello");
        assert_page(&bench, "/echo/", "", 200, "POST /echo/? - 0:");
        stop(&bench);
}

static void test_connections_are_kept_and_ended_as_asked(void **state) {
        CLEANUP(text_done) Text page = { 0 };
        CURL *curl = curl_easy_init();
        long connects = 0;
        Bench bench;

        (void)state;
        start(&bench, (ServerOptions){ 0 });
        for (int i = 0; i < 50; i++) {
                assert_int_equal(ask(curl, &bench, "/healthz", NULL, &page), 200);
                (void)curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connects);
                assert_int_equal(connects, i == 0);
        }
        curl_easy_cleanup(curl);
        free(answer_to(&bench, "GET /healthz HTTP/1.0\r\n\r\n"));
        free(answer_to(&bench, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        stop(&bench);
}

static void test_unknown_paths_and_methods_get_a_problem(void **state) {
        CLEANUP(cleanup_free) char *put = NULL;
        CLEANUP(cleanup_free) char *lost = NULL;
        Bench bench;

        (void)state;
        start(&bench, (ServerOptions){ 0 });
        lost = answer_to(&bench, "GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_memory_equal(lost, "HTTP/1.1 404 Not Found\r\n", 24);
        assert_non_null(strstr(lost, "Content-Type: application/problem+json\r\n"));
        assert_non_null(strstr(lost, "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,\"detail\":"));
        put = answer_to(&bench, "PUT /echo/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
        assert_memory_equal(put, "HTTP/1.1 405 Method Not Allowed\r\n", 33);
        assert_non_null(strstr(put, "Allow: GET, HEAD, POST\r\n"));
        stop(&bench);
}

static void test_head_and_204_have_no_body(void **state) {
        CLEANUP(cleanup_free) char *head = NULL;
        CLEANUP(cleanup_free) char *nothing = NULL;
        Bench bench;

        (void)state;
        start(&bench, (ServerOptions){ 0 });
        head = answer_to(&bench, "HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_non_null(strstr(head, "Content-Length: 2\r\n"));
        assert_string_equal(strstr(head, "\r\n\r\n"), "\r\n\r\n");
        nothing = answer_to(&bench, "GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_memory_equal(nothing, "HTTP/1.1 204 No Content\r\n", 25);
        assert_null(strstr(nothing, "Content-Length"));
        assert_non_null(strstr(nothing, "X-Extra: yes\r\n"));
        stop(&bench);
}

static void test_bodies_are_taken_up_to_the_cap_and_refused_beyond(void **state) {
        CLEANUP(text_done) Text page = { 0 };
        CURL *curl = curl_easy_init();
        char *body = calloc(1, SERVER_MAXIMUM_BODY + 2);
        Bench bench;

        (void)state;
        start(&bench, (ServerOptions){ 0 });
        memset(body, 'x', SERVER_MAXIMUM_BODY);
        assert_int_equal(ask(curl, &bench, "/echo/", body, &page), 200);
        assert_int_equal(page.size, strlen("POST /echo/? - 262144:") + SERVER_MAXIMUM_BODY);
        body[SERVER_MAXIMUM_BODY] = 'x';
        assert_int_equal(ask(curl, &bench, "/echo/", body, &page), 413);
        assert_non_null(strstr(text_string(&page), "\"status\":413"));
        curl_easy_cleanup(curl);
        free(body);
        stop(&bench);
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
                { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505" },
                { "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400" },
        };
        Bench bench;

        (void)state;
        start(&bench, (ServerOptions){ 0 });
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(cleanup_free) char *heard = answer_to(&bench, cases[i].bytes);

                assert_memory_equal(heard + 9, cases[i].status, 3);
                assert_int_equal(count_of(heard, "\r\nDate: "), 1);
                assert_non_null(strstr(heard, "Connection: close\r\n"));
        }
        stop(&bench);
}

static void test_curl_speaks_http1_whatever_it_would_like(void **state) {
        CLEANUP(text_done) Text page = { 0 };
        CURL *curl = curl_easy_init();
        Bench bench;

        (void)state;
        start(&bench, (ServerOptions){ 0 });
        (void)curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2_0);
        assert_int_equal(ask(curl, &bench, "/healthz", NULL, &page), 501);
        (void)curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
        assert_true(ask(curl, &bench, "/healthz", NULL, &page) < 0);
        curl_easy_cleanup(curl);
        stop(&bench);
}

static void test_an_expected_continue_is_given(void **state) {
        char bytes[256] = "";
        Bench bench;
        int fd;

        (void)state;
        start(&bench, (ServerOptions){ 0 });
        fd = dial(&bench);
        say(fd, "POST /echo/ HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: "
                "close\r\n\r\n");
        assert_int_equal(recv(fd, bytes, 25, MSG_WAITALL), 25);
        assert_string_equal(bytes, "HTTP/1.1 100 Continue\r\n\r\n");
        say(fd, "hi");
        {
                CLEANUP(cleanup_free) char *heard = hear_all(fd);

                assert_non_null(strstr(heard, "POST /echo/? - 2:hi"));
        }
        (void)close(fd);
        stop(&bench);
}

static void test_pipelined_requests_are_answered_in_order(void **state) {
        CLEANUP(cleanup_free) char *heard = NULL;
        Bench bench;

        (void)state;
        start(&bench, (ServerOptions){ .pool_threads = 2 });
        heard = answer_to(&bench,
                "POST /pool/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nonePOST /echo/2 HTTP/1.1\r\n"
                "Host: x\r\nContent-Length: 3\r\n\r\ntwoGET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
                "POST /pool/4 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
                "GET /echo/5 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /echo/6 HTTP/1.1\r\n");
        assert_int_equal(count_of(heard, "HTTP/1.1 "), 5);
        assert_true(strstr(heard, "/pool/1? - 3:one") < strstr(heard, "/echo/2? - 3:two"));
        assert_true(strstr(heard, "/echo/2? - 3:two") < strstr(heard, "\"status\":404"));
        assert_true(strstr(heard, "\"status\":404") < strstr(heard, "/pool/4? - 0:"));
        assert_true(strstr(heard, "/pool/4? - 0:") < strstr(heard, "/echo/5? - 0:"));
        assert_null(strstr(heard, "/echo/6"));
        stop(&bench);
}

static void test_a_client_that_stops_sending_still_gets_its_answer(void **state) {
        CLEANUP(cleanup_free) char *heard = NULL;
        Bench bench;
        int fd;

        (void)state;
        start(&bench, (ServerOptions){ 0 });
        fd = dial(&bench);
        say(fd, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
        (void)shutdown(fd, SHUT_WR);
        heard = hear_all(fd);
        assert_true(strlen(heard) > BIG_PAGE);
        (void)close(fd);
        stop(&bench);
}

static void test_a_big_page_reaches_a_slow_reader_whole(void **state) {
        CLEANUP(text_done) Text heard = { 0 };
        char bytes[50000];
        int size = 64 * 1024, fd;
        ssize_t got;
        Bench bench;

        (void)state;
        start(&bench, (ServerOptions){ 0 });
        fd = dial(&bench);
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        say(fd, "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        while ((got = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
                text_append_bytes(&heard, bytes, (size_t)got);
                (void)poll(NULL, 0, 1);
        }
        assert_int_equal(got, 0);
        assert_string_equal(heard.data + heard.size - 16, "000000000196607\n");
        assert_int_equal(strlen(strstr(heard.data, "\r\n\r\n")) - 4, BIG_PAGE);
        (void)close(fd);
        stop(&bench);
}

static void test_heads_over_the_cap_are_refused(void **state) {
        CLEANUP(text_done) Text endless = { 0 };
        CLEANUP(cleanup_free) char *heard = NULL;
        Bench bench;

        (void)state;
        start(&bench, (ServerOptions){ 0 });
        text_append(&endless, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
        for (int i = 0; i < SERVER_MAXIMUM_HEAD / 16; i++)
                text_append(&endless, "0123456789abcdef");
        heard = answer_to(&bench, text_string(&endless));
        assert_memory_equal(heard, "HTTP/1.1 431 ", 13);
        stop(&bench);
}

static void test_slow_clients_are_ended_in_time(void **state) {
        static const struct {
                const char *bytes, *answer;
        } cases[] = {
                { "", "" }, { "GET /healthz HTTP/1.1\r\nHost:", "HTTP/1.1 408 " },
                { "POST /echo/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe", "HTTP/1.1 408 " },
                { "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 " }, /* then idle */
        };
        Bench bench;

        (void)state;
        start(&bench, (ServerOptions){ .read_ms = SHORT_MS, .idle_ms = SHORT_MS });
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                int64_t started = clock_now_ms();
                CLEANUP(cleanup_free) char *heard = answer_to(&bench, cases[i].bytes);

                assert_memory_equal(heard, cases[i].answer, strlen(cases[i].answer));
                assert_in_range(clock_now_ms() - started, SHORT_MS - 50, PATIENCE_MS / 2);
        }
        stop(&bench);
}

static void test_a_drip_of_bytes_does_not_prolong_the_deadline(void **state) {
        int64_t started = clock_now_ms();
        Bench bench;
        int fd;

        (void)state;
        start(&bench, (ServerOptions){ .read_ms = SHORT_MS });
        fd = dial(&bench);
        say(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\n");
        for (;;) {
                struct pollfd entry = { .fd = fd, .events = POLLIN };

                if (poll(&entry, 1, 20) > 0)
                        break;
                assert_true(clock_now_ms() - started < PATIENCE_MS);
                (void)!send(fd, "X", 1, MSG_NOSIGNAL);
        }
        assert_in_range(clock_now_ms() - started, SHORT_MS - 50, PATIENCE_MS / 2);
        (void)close(fd);
        stop(&bench);
}

static void test_a_client_that_does_not_read_is_ended_in_time(void **state) {
        int64_t started = clock_now_ms();
        int size = 2048, fd;
        char byte;
        Bench bench;

        (void)state;
        start(&bench, (ServerOptions){ .write_ms = SHORT_MS });
        fd = dial(&bench);
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        say(fd, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
        /* Nothing is read until the server has given up; then less than the page is there. */
        for (struct pollfd entry = { .fd = fd, .events = POLLRDHUP };
                !(entry.revents & (POLLRDHUP | POLLHUP | POLLERR));) {
                (void)poll(&entry, 1, 100);
                assert_true(clock_now_ms() - started < PATIENCE_MS);
        }
        assert_true(clock_now_ms() - started >= SHORT_MS - 50);
        (void)!recv(fd, &byte, 1, 0);
        (void)close(fd);
        stop(&bench);
}

static void test_many_connections_are_served_and_idle_ones_make_room(void **state) {
        int fds[MANY + 60];
        char bytes[16] = "";
        Bench bench;

        (void)state;
        start(&bench, (ServerOptions){ 0 });
        for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
                fds[i] = dial(&bench);
                if (i % 2)
                        say(fds[i], "GET /healthz HTTP/1.1\r\nHost: x\r\n"); /* never ended */
        }
        for (int i = 0; i < 20; i++)
                assert_page(&bench, "/healthz", NULL, 200, "ok");
        /* The newest of the idle ones is still there. */
        say(fds[ARRAY_LEN(fds) - 2], "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_int_equal(recv(fds[ARRAY_LEN(fds) - 2], bytes, 12, MSG_WAITALL), 12);
        assert_string_equal(bytes, "HTTP/1.1 200");
        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
                (void)close(fds[i]);
        stop(&bench);
}

/* Each thread asks on connections of its own. */
typedef struct Asker {
        const Bench *bench;
        pthread_t thread;
        int right;
} Asker;

static void *ask_often(void *argument) {
        Asker *asker = argument;
        CURL *curl = curl_easy_init();
        Text page = { 0 };

        for (int i = 0; i < 50; i++) {
                const char *path = i % 3 == 0 ? "/pool/x" : "/echo/x";

                (void)curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, (long)(i % 5 == 0));
                if (ask(curl, asker->bench, path, "hello", &page) == 200 && strstr(text_string(&page), "5:hello"))
                        asker->right++;
        }
        text_done(&page);
        curl_easy_cleanup(curl);
        return NULL;
}

static void test_many_clients_at_once_get_their_own_answers(void **state) {
        Asker askers[12];
        Bench bench;

        (void)state;
        start(&bench, (ServerOptions){ .pool_threads = 3 });
        for (size_t i = 0; i < ARRAY_LEN(askers); i++) {
                askers[i] = (Asker){ .bench = &bench };
                assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_often, &askers[i]), 0);
        }
        for (size_t i = 0; i < ARRAY_LEN(askers); i++) {
                (void)pthread_join(askers[i].thread, NULL);
                assert_int_equal(askers[i].right, 50);
        }
        stop(&bench);
}

static void test_a_blocked_handler_does_not_hold_up_the_others(void **state) {
        CLEANUP(cleanup_free) char *heard = NULL;
        Bench bench;
        int fd;

        (void)state;
        start(&bench, (ServerOptions){ .pool_threads = 1 });
        fd = dial(&bench);
        say(fd, "GET /gate HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        wait_for_entered(&bench.gate, 1);
        assert_page(&bench, "/healthz", NULL, 200, "ok");
        open_gate(&bench.gate);
        heard = hear_all(fd);
        assert_non_null(strstr(heard, "\r\n\r\nthrough"));
        (void)close(fd);
        stop(&bench);
}

static void test_clients_may_leave_while_their_handler_runs(void **state) {
        const struct linger reset = { .l_onoff = 1 };
        Bench bench;

        (void)state;
        start(&bench, (ServerOptions){ .pool_threads = 4 });
        for (int i = 0; i < 8; i++) {
                int fd = dial(&bench);

                say(fd, "GET /gate HTTP/1.1\r\nHost: x\r\n\r\n");
                if (i < 4)
                        wait_for_entered(&bench.gate, i + 1);
                if (i % 2)
                        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
                (void)close(fd);
        }
        open_gate(&bench.gate);
        assert_page(&bench, "/healthz", NULL, 200, "ok");
        stop(&bench);
}

static void *stop_server(void *argument) {
        Bench *bench = argument;

        server_stop(bench->server, PATIENCE_MS);
        bench->server = NULL;
        return NULL;
}

static void test_a_stop_lets_requests_end_and_takes_no_new_ones(void **state) {
        CLEANUP(cleanup_free) char *heard = NULL;
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        pthread_t stopper;
        Bench bench;
        char byte;
        int fd, idle;

        (void)state;
        start(&bench, (ServerOptions){ .pool_threads = 1 });
        address.sin_port = htons((uint16_t)server_port(bench.server));
        fd = dial(&bench);
        idle = dial(&bench);
        say(fd, "GET /gate HTTP/1.1\r\nHost: x\r\n\r\n");
        wait_for_entered(&bench.gate, 1);
        assert_int_equal(pthread_create(&stopper, NULL, stop_server, &bench), 0);
        assert_int_equal(recv(idle, &byte, 1, 0), 0); /* idle ones are closed at once */
        for (int64_t end_ms = clock_now_ms() + PATIENCE_MS;;) {
                int late = socket(AF_INET, SOCK_STREAM, 0);
                int refused = connect(late, (struct sockaddr *)&address, sizeof(address));

                (void)close(late);
                if (refused)
                        break;
                assert_true(clock_now_ms() < end_ms);
                (void)poll(NULL, 0, PAUSE_MS);
        }
        open_gate(&bench.gate);
        heard = hear_all(fd);
        assert_memory_equal(heard, "HTTP/1.1 200 OK\r\n", 17);
        assert_non_null(strstr(heard, "Connection: close\r\n"));
        (void)close(fd);
        (void)close(idle);
        (void)pthread_join(stopper, NULL);
        stop(&bench);
}

static void test_a_stop_does_not_wait_longer_than_told(void **state) {
        int64_t started;
        Bench bench;
        int fd;

        (void)state;
        start(&bench, (ServerOptions){ 0 });
        fd = dial(&bench);
        say(fd, "GET /healthz HTTP/1.1\r\n"); /* under way, never ended */
        assert_page(&bench, "/healthz", NULL, 200, "ok");
        started = clock_now_ms();
        server_stop(bench.server, SHORT_MS);
        assert_in_range(clock_now_ms() - started, SHORT_MS - 10, SERVER_READ_MS - 1000);
        bench.server = NULL;
        (void)close(fd);
        stop(&bench);
}

static void test_a_taken_port_and_a_wrong_address_say_so(void **state) {
        static const ServerRoute none[] = { { 0 } };
        Server *second = NULL;
        Error err = { 0 };
        Bench bench;

        (void)state;
        start(&bench, (ServerOptions){ 0 });
        assert_false(server_start(
                &(ServerOptions){ .address = "127.0.0.1", .port = server_port(bench.server), .routes = none }, &second,
                &err));
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
        assert_non_null(strstr(err.text, "Address already in use"));
        assert_false(server_start(&(ServerOptions){ .address = "here", .routes = none }, &second, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        assert_false(server_start(&(ServerOptions){ .port = 70000, .routes = none }, &second, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        stop(&bench);
}

static void test_all_addresses_means_both_ip_versions(void **state) {
        static const ServerRoute none[] = { { 0 } };
        Server *server = NULL;
        Error err = { 0 };
        Bench bench = { 0 };

        (void)state;
        assert_true(server_start(&(ServerOptions){ .routes = none }, &server, &err));
        bench.server = server;
        free(answer_to(&bench, "GET / HTTP/1.0\r\n\r\n"));
        server_stop(server, 0);
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
                cmocka_unit_test(test_curl_speaks_http1_whatever_it_would_like),
                cmocka_unit_test(test_an_expected_continue_is_given),
                cmocka_unit_test(test_pipelined_requests_are_answered_in_order),
                cmocka_unit_test(test_a_client_that_stops_sending_still_gets_its_answer),
                cmocka_unit_test(test_a_big_page_reaches_a_slow_reader_whole),
                cmocka_unit_test(test_heads_over_the_cap_are_refused),
                cmocka_unit_test(test_slow_clients_are_ended_in_time),
                cmocka_unit_test(test_a_drip_of_bytes_does_not_prolong_the_deadline),
                cmocka_unit_test(test_a_client_that_does_not_read_is_ended_in_time),
                cmocka_unit_test(test_many_connections_are_served_and_idle_ones_make_room),
                cmocka_unit_test(test_many_clients_at_once_get_their_own_answers),
                cmocka_unit_test(test_a_blocked_handler_does_not_hold_up_the_others),
                cmocka_unit_test(test_clients_may_leave_while_their_handler_runs),
                cmocka_unit_test(test_a_stop_lets_requests_end_and_takes_no_new_ones),
                cmocka_unit_test(test_a_stop_does_not_wait_longer_than_told),
                cmocka_unit_test(test_a_taken_port_and_a_wrong_address_say_so),
                cmocka_unit_test(test_all_addresses_means_both_ip_versions),
        };

        json_start();
        return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
