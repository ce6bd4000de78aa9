/* SPDX-License-Identifier: Apache-2.0 */
/* The running server under slow, many, leaving and late clients. */
#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/server/bench.h"

enum { SHORT_MS = 300, MANY = 300 };

static void assert_ok(const Bench *bench) {
        CLEANUP(text_done) Text page = { 0 };
        int fd = bench_dial(bench);

        assert_int_equal(bench_ask(fd, "GET", "/healthz", "", &page), 200);
        (void)close(fd);
}

static void test_a_client_that_stops_sending_still_gets_its_answer(void **state) {
        CLEANUP(cleanup_free) char *heard = NULL;
        Bench bench;
        int fd;

        (void)state;
        bench_start(&bench, (ServerOptions){ 0 });
        fd = bench_dial(&bench);
        bench_say(fd, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
        (void)shutdown(fd, SHUT_WR);
        heard = bench_hear_all(fd);
        assert_non_null(heard);
        assert_true(strlen(heard) > BENCH_BIG_PAGE);
        (void)close(fd);
        bench_stop(&bench);
}

static void test_a_big_page_reaches_a_slow_reader_whole(void **state) {
        CLEANUP(text_done) Text heard = { 0 };
        char bytes[50000];
        int size = 64 * 1024, fd;
        ssize_t got;
        Bench bench;

        (void)state;
        bench_start(&bench, (ServerOptions){ 0 });
        fd = bench_dial(&bench);
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        bench_say(fd, "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        while ((got = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
                text_append_bytes(&heard, bytes, (size_t)got);
                (void)poll(NULL, 0, 1);
        }
        assert_int_equal(got, 0);
        assert_string_equal(text_string(&heard) + heard.size - 16, "000000000196607\n");
        assert_int_equal(
                heard.size - (size_t)(strstr(text_string(&heard), "\r\n\r\n") - heard.data) - 4, BENCH_BIG_PAGE);
        (void)close(fd);
        bench_stop(&bench);
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
        bench_start(&bench, (ServerOptions){ .read_ms = SHORT_MS, .idle_ms = SHORT_MS });
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                int64_t started = clock_now_ms();
                CLEANUP(cleanup_free) char *heard = bench_answer(&bench, cases[i].bytes);

                assert_memory_equal(heard, cases[i].answer, strlen(cases[i].answer));
                assert_in_range(clock_now_ms() - started, SHORT_MS - 50, BENCH_PATIENCE_MS / 2);
        }
        bench_stop(&bench);
}

static void test_a_drip_of_bytes_does_not_prolong_the_deadline(void **state) {
        int64_t started = clock_now_ms();
        Bench bench;
        int fd;

        (void)state;
        bench_start(&bench, (ServerOptions){ .read_ms = SHORT_MS });
        fd = bench_dial(&bench);
        bench_say(fd, "GET /healthz HTTP/1.1\r\nHost: x\r\n");
        for (;;) {
                struct pollfd entry = { .fd = fd, .events = POLLIN };

                if (poll(&entry, 1, 20) > 0)
                        break;
                assert_true(clock_now_ms() - started < BENCH_PATIENCE_MS);
                (void)!send(fd, "X", 1, MSG_NOSIGNAL);
        }
        assert_in_range(clock_now_ms() - started, SHORT_MS - 50, BENCH_PATIENCE_MS / 2);
        (void)close(fd);
        bench_stop(&bench);
}

static void test_a_client_that_does_not_read_is_ended_in_time(void **state) {
        int64_t started = clock_now_ms();
        int size = 2048, fd;
        char byte;
        Bench bench;

        (void)state;
        bench_start(&bench, (ServerOptions){ .write_ms = SHORT_MS });
        fd = bench_dial(&bench);
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        bench_say(fd, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
        /* Nothing is read until the server has given up; then less than the page is there. */
        for (struct pollfd entry = { .fd = fd, .events = POLLRDHUP };
                !(entry.revents & (POLLRDHUP | POLLHUP | POLLERR));) {
                (void)poll(&entry, 1, 100);
                assert_true(clock_now_ms() - started < BENCH_PATIENCE_MS);
        }
        assert_true(clock_now_ms() - started >= SHORT_MS - 50);
        (void)!recv(fd, &byte, 1, 0);
        (void)close(fd);
        bench_stop(&bench);
}

static void test_many_connections_are_served_and_idle_ones_make_room(void **state) {
        int fds[MANY];
        char bytes[16] = "";
        Bench bench;

        (void)state;
        bench_start(&bench, (ServerOptions){ 0 });
        for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
                fds[i] = bench_dial(&bench);
                if (i % 2)
                        bench_say(fds[i], "GET /healthz HTTP/1.1\r\nHost: x\r\n"); /* never ended */
        }
        for (int i = 0; i < 20; i++)
                assert_ok(&bench);
        /* The newest of the idle ones is still there. */
        bench_say(fds[ARRAY_LEN(fds) - 2], "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_int_equal(recv(fds[ARRAY_LEN(fds) - 2], bytes, 12, MSG_WAITALL), 12);
        assert_string_equal(bytes, "HTTP/1.1 200");
        for (size_t i = 0; i < ARRAY_LEN(fds); i++)
                (void)close(fds[i]);
        bench_stop(&bench);
}

/* Each thread asks on a connection of its own. */
typedef struct Asker {
        const Bench *bench;
        pthread_t thread;
        int right;
} Asker;

static void *ask_often(void *argument) {
        Asker *asker = argument;
        CLEANUP(text_done) Text page = { 0 };
        int fd = bench_dial(asker->bench);

        for (int i = 0; i < 50; i++) {
                if (bench_ask(fd, "POST", i % 3 == 0 ? "/pool/x" : "/echo/x", "hello", &page) == 200 &&
                        strstr(text_string(&page), "5:hello"))
                        asker->right++;
                if (i % 5 == 0) {
                        (void)close(fd);
                        fd = bench_dial(asker->bench);
                }
        }
        (void)close(fd);
        return NULL;
}

static void test_many_clients_at_once_get_their_own_answers(void **state) {
        Asker askers[12];
        Bench bench;

        (void)state;
        bench_start(&bench, (ServerOptions){ .pool_threads = 3 });
        for (size_t i = 0; i < ARRAY_LEN(askers); i++) {
                askers[i] = (Asker){ .bench = &bench };
                assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_often, &askers[i]), 0);
        }
        for (size_t i = 0; i < ARRAY_LEN(askers); i++) {
                (void)pthread_join(askers[i].thread, NULL);
                assert_int_equal(askers[i].right, 50);
        }
        bench_stop(&bench);
}

static void test_curl_asks_in_parallel(void **state) {
        CLEANUP(text_done) Text page = { 0 };
        Bench bench;

        (void)state;
        bench_start(&bench, (ServerOptions){ .pool_threads = 2 });
        assert_int_equal(bench_curl(&bench, "--parallel --parallel-max 100 -d x '%s/pool/[1-300]'", &page), 0);
        assert_int_equal(bench_count(text_string(&page), "? - 1:x"), 300);
        bench_stop(&bench);
}

static void test_a_blocked_handler_does_not_hold_up_the_others(void **state) {
        CLEANUP(cleanup_free) char *heard = NULL;
        Bench bench;
        int fd;

        (void)state;
        bench_start(&bench, (ServerOptions){ .pool_threads = 1 });
        fd = bench_dial(&bench);
        bench_say(fd, "GET /gate HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        bench_wait_for_entered(&bench, 1);
        assert_ok(&bench);
        bench_open_gate(&bench);
        heard = bench_hear_all(fd);
        assert_non_null(strstr(heard, "\r\n\r\nthrough"));
        (void)close(fd);
        bench_stop(&bench);
}

static void test_clients_may_leave_while_their_handler_runs(void **state) {
        const struct linger reset = { .l_onoff = 1 };
        Bench bench;

        (void)state;
        bench_start(&bench, (ServerOptions){ .pool_threads = 4 });
        for (int i = 0; i < 8; i++) {
                int fd = bench_dial(&bench);

                bench_say(fd, "GET /gate HTTP/1.1\r\nHost: x\r\n\r\n");
                if (i < 4)
                        bench_wait_for_entered(&bench, i + 1);
                if (i % 2)
                        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
                (void)close(fd);
        }
        bench_open_gate(&bench);
        assert_ok(&bench);
        bench_stop(&bench);
}

static void *stop_server(void *argument) {
        Bench *bench = argument;

        server_stop(bench->server, BENCH_PATIENCE_MS);
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
        bench_start(&bench, (ServerOptions){ .pool_threads = 1 });
        address.sin_port = htons((uint16_t)server_port(bench.server));
        fd = bench_dial(&bench);
        idle = bench_dial(&bench);
        bench_say(fd, "GET /gate HTTP/1.1\r\nHost: x\r\n\r\n");
        bench_wait_for_entered(&bench, 1);
        assert_int_equal(pthread_create(&stopper, NULL, stop_server, &bench), 0);
        assert_int_equal(recv(idle, &byte, 1, 0), 0); /* idle ones are closed at once */
        for (int64_t end_ms = clock_now_ms() + BENCH_PATIENCE_MS;;) {
                int late = socket(AF_INET, SOCK_STREAM, 0);
                int refused = connect(late, (struct sockaddr *)&address, sizeof(address));

                (void)close(late);
                if (refused)
                        break;
                assert_true(clock_now_ms() < end_ms);
                (void)poll(NULL, 0, BENCH_PAUSE_MS);
        }
        bench_open_gate(&bench);
        heard = bench_hear_all(fd);
        assert_memory_equal(heard, "HTTP/1.1 200 OK\r\n", 17);
        assert_non_null(strstr(heard, "Connection: close\r\n"));
        (void)close(fd);
        (void)close(idle);
        (void)pthread_join(stopper, NULL);
        bench_stop(&bench);
}

static void test_a_stop_does_not_wait_longer_than_told(void **state) {
        int64_t started;
        Bench bench;
        int fd;

        (void)state;
        bench_start(&bench, (ServerOptions){ 0 });
        fd = bench_dial(&bench);
        bench_say(fd, "GET /healthz HTTP/1.1\r\n"); /* under way, never ended */
        assert_ok(&bench);
        started = clock_now_ms();
        server_stop(bench.server, SHORT_MS);
        assert_in_range(clock_now_ms() - started, SHORT_MS - 10, SERVER_READ_MS - 1000);
        bench.server = NULL;
        (void)close(fd);
        bench_stop(&bench);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_client_that_stops_sending_still_gets_its_answer),
                cmocka_unit_test(test_a_big_page_reaches_a_slow_reader_whole),
                cmocka_unit_test(test_slow_clients_are_ended_in_time),
                cmocka_unit_test(test_a_drip_of_bytes_does_not_prolong_the_deadline),
                cmocka_unit_test(test_a_client_that_does_not_read_is_ended_in_time),
                cmocka_unit_test(test_many_connections_are_served_and_idle_ones_make_room),
                cmocka_unit_test(test_many_clients_at_once_get_their_own_answers),
                cmocka_unit_test(test_curl_asks_in_parallel),
                cmocka_unit_test(test_a_blocked_handler_does_not_hold_up_the_others),
                cmocka_unit_test(test_clients_may_leave_while_their_handler_runs),
                cmocka_unit_test(test_a_stop_lets_requests_end_and_takes_no_new_ones),
                cmocka_unit_test(test_a_stop_does_not_wait_longer_than_told),
        };

        json_start();
        return cmocka_run_group_tests_name("server_clients", tests, NULL, NULL);
}
