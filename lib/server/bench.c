/* SPDX-License-Identifier: Apache-2.0 */
/* The server's test bench. */
#include "lib/server/bench.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/base/clock.h"

static void echo(void *context, const ServerRequest *request, ServerReply *reply) {
        (void)context;
        text_printf(&reply->body, "%s %s?%s %s %zu:%s", request->method, request->path, request->query,
                request->authorization ? request->authorization : "-", request->body_size, request->body);
}

static void big_page(void *context, const ServerRequest *request, ServerReply *reply) {
        (void)context;
        (void)request;
        for (int i = 0; i < BENCH_BIG_PAGE / 16; i++)
                text_printf(&reply->body, "%015d\n", i);
}

static void no_content(void *context, const ServerRequest *request, ServerReply *reply) {
        (void)context;
        (void)request;
        reply->status = 204;
        reply->extra_header = "X-Extra: yes";
}

static void wait_at_gate(void *context, const ServerRequest *request, ServerReply *reply) {
        BenchGate *gate = context;

        (void)request;
        (void)pthread_mutex_lock(&gate->lock);
        gate->entered++;
        (void)pthread_cond_broadcast(&gate->changed);
        while (!gate->open)
                (void)pthread_cond_wait(&gate->changed, &gate->lock);
        (void)pthread_mutex_unlock(&gate->lock);
        text_append(&reply->body, "through");
}

void bench_open_gate(Bench *bench) {
        (void)pthread_mutex_lock(&bench->gate.lock);
        bench->gate.open = true;
        (void)pthread_cond_broadcast(&bench->gate.changed);
        (void)pthread_mutex_unlock(&bench->gate.lock);
}

void bench_wait_for_entered(Bench *bench, int count) {
        int64_t end_ms = clock_now_ms() + BENCH_PATIENCE_MS;

        (void)pthread_mutex_lock(&bench->gate.lock);
        while (bench->gate.entered < count && clock_wait(&bench->gate.changed, &bench->gate.lock, end_ms))
                ;
        assert_true(bench->gate.entered >= count);
        (void)pthread_mutex_unlock(&bench->gate.lock);
}

void bench_start(Bench *bench, ServerOptions options) {
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

void bench_stop(Bench *bench) {
        server_stop(bench->server, 0);
        health_free(bench->health);
        metrics_free(bench->metrics);
        (void)pthread_mutex_destroy(&bench->gate.lock);
        (void)pthread_cond_destroy(&bench->gate.changed);
}

int bench_dial(const Bench *bench) {
        struct sockaddr_in address = { .sin_family = AF_INET,
                .sin_port = htons((uint16_t)server_port(bench->server)),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        const struct timeval patience = { .tv_sec = BENCH_PATIENCE_MS / 1000 };
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        return fd;
}

void bench_say(int fd, const char *bytes) {
        assert_int_equal(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), strlen(bytes));
}

char *bench_hear_all(int fd) {
        Text heard = { 0 };
        char bytes[4096];
        ssize_t got;

        while ((got = recv(fd, bytes, sizeof(bytes), 0)) > 0)
                text_append_bytes(&heard, bytes, (size_t)got);
        if (got < 0)
                fail_msg("the server neither answered nor closed; so far: %s", text_string(&heard));
        return text_take(&heard);
}

char *bench_answer(const Bench *bench, const char *bytes) {
        int fd = bench_dial(bench);
        char *heard;

        bench_say(fd, bytes);
        heard = bench_hear_all(fd);
        (void)close(fd);
        return heard;
}

/* Reads until the head and as much body as it announces are there. */
static int hear_one(int fd, Text *heard, const char **ret_body) {
        char bytes[4096];
        size_t wanted = SIZE_MAX;

        while (heard->size < wanted) {
                ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
                const char *end, *length;

                if (got <= 0)
                        return -1;
                text_append_bytes(heard, bytes, (size_t)got);
                end = strstr(heard->data, "\r\n\r\n");
                length = end ? strstr(heard->data, "\r\nContent-Length: ") : NULL;
                if (length)
                        wanted = (size_t)(end - heard->data) + 4 + strtoul(length + 18, NULL, 10);
        }
        *ret_body = strstr(heard->data, "\r\n\r\n") + 4;
        return (int)strtol(heard->data + 9, NULL, 10);
}

int bench_ask(int fd, const char *method, const char *path, const char *body, Text *ret_body) {
        CLEANUP(text_done) Text request = { 0 };
        CLEANUP(text_done) Text heard = { 0 };
        const char *heard_body = "";
        int status;

        text_printf(&request, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", method, path, strlen(body),
                body);
        if (send(fd, request.data, request.size, MSG_NOSIGNAL) != (ssize_t)request.size)
                return -1;
        status = hear_one(fd, &heard, &heard_body);
        text_clear(ret_body);
        text_append(ret_body, heard_body);
        return status;
}

int bench_curl(const Bench *bench, const char *arguments, Text *ret_printed) {
        CLEANUP(text_done) Text command = { 0 };
        char bytes[4096];
        size_t got;
        FILE *pipe;
        int status;

        text_append(&command, "2>/dev/null curl -s --noproxy '*' --max-time 30 ");
        for (const char *at = arguments; *at; at++) {
                if (strncmp(at, "%s", 2) == 0) {
                        text_printf(&command, "http://127.0.0.1:%d", server_port(bench->server));
                        at++;
                } else {
                        text_append_bytes(&command, at, 1);
                }
        }
        text_clear(ret_printed);
        pipe = popen(text_string(&command), "r");
        assert_non_null(pipe);
        while ((got = fread(bytes, 1, sizeof(bytes), pipe)) > 0)
                text_append_bytes(ret_printed, bytes, got);
        status = pclose(pipe);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
                fail_msg("the test needs the program curl");
        return WEXITSTATUS(status);
}

int bench_count(const char *text, const char *word) {
        int count = 0;

        for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
                count++;
        return count;
}
