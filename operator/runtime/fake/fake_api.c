/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP side of the fake API server: one thread accepts, one serves each connection, which carries one request. */
#include "operator/runtime/fake/fake_api.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/kube/client.h"
#include "operator/runtime/fake/fake_store.h"
#include "operator/runtime/thread.h"

enum { REQUEST_MAXIMUM = 1024 * 1024, AWAIT_MS = 10000, LOOK_MS = 50 };

struct FakeApi {
        int listener;
        char url[64];
        pthread_t thread;
        pthread_mutex_t lock; /* over what follows */
        pthread_cond_t changed;
        FakeStore store;
        FakeFault fault;
        Text log;
        size_t requests;
        int connections;
        bool stopping;
};

typedef struct Connection {
        FakeApi *api;
        int fd;
} Connection;

static void send_all(int fd, const char *bytes, size_t size) {
        while (size > 0) {
                ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);

                if (sent <= 0)
                        return;
                bytes += sent;
                size -= (size_t)sent;
        }
}

static bool receive_more(int fd, Text *text) {
        char bytes[4096];
        ssize_t got = recv(fd, bytes, sizeof(bytes), 0);

        if (got <= 0 || text->size > REQUEST_MAXIMUM)
                return false;
        text_append_bytes(text, bytes, (size_t)got);
        return true;
}

/* The value of a header in place, "" without it; `ret_size` its length. */
static const char *header(const char *head, const char *name, size_t *ret_size) {
        const char *line = head;
        size_t length = strlen(name);

        *ret_size = 0;
        while ((line = strstr(line, "\r\n"))) {
                line += 2;
                if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
                        line += length + 1 + strspn(line + length + 1, " ");
                        *ret_size = strcspn(line, "\r");
                        return line;
                }
        }
        return "";
}

/* Reads one whole request; *ret_body points into `text`. */
static bool receive(int fd, Text *text, char **ret_body) {
        char *end;
        size_t size, value;
        const char *length;

        while (!(end = strstr(text->data ? text->data : "", "\r\n\r\n")))
                if (!receive_more(fd, text))
                        return false;
        length = header(text->data, "Content-Length", &value);
        size = value ? strtoul(length, NULL, 10) : 0;
        while (text->size < (size_t)(end - text->data) + 4 + size) {
                size_t at = (size_t)(end - text->data);

                if (!receive_more(fd, text))
                        return false;
                end = text->data + at;
        }
        *ret_body = end + 4;
        end[2] = '\0';
        return true;
}

static void answer(int fd, int status, const Json *json) {
        CLEANUP(cleanup_free) char *body = json_print(json);
        CLEANUP(text_done) Text reply = { 0 };

        text_printf(&reply,
                "HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                status, strlen(body), body);
        send_all(fd, text_string(&reply), reply.size);
}

static bool fault_hits(FakeApi *api, const FakeRequest *request, const char *path) {
        if (api->fault.count <= 0 || strcmp(api->fault.method, request->method) != 0 || !strstr(path, api->fault.part))
                return false;
        api->fault.count--;
        return true;
}

static void serve_request(FakeApi *api, int fd, const FakeRequest *request, const char *path) {
        FakeReply reply = { 0 };
        FakeFault fault = { 0 };

        pthread_mutex_lock(&api->lock);
        if (fault_hits(api, request, path))
                fault = api->fault;
        if (!fault.method || fault.after)
                reply = fake_store_handle(&api->store, request);
        text_printf(&api->log, "%s %s\n", request->method, path);
        api->requests++;
        pthread_cond_broadcast(&api->changed);
        pthread_mutex_unlock(&api->lock);
        if (fault.method && fault.status) {
                json_free(reply.json);
                reply = (FakeReply){ fault.status, fake_store_status(fault.status, fault.reason, fault.message, NULL) };
        }
        if (!fault.method || fault.status)
                answer(fd, reply.status, reply.json);
        json_free(reply.json);
}

/* Whether the client has gone. */
static bool is_closed(int fd) {
        struct pollfd one = { .fd = fd, .events = POLLIN | POLLRDHUP };

        return poll(&one, 1, 0) > 0;
}

/* Streams the changes of a collection from now on, or from the version asked for. */
static void serve_watch(FakeApi *api, int fd, const char *path, const char *query) {
        static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
        const char *from = strstr(query, "resourceVersion=");
        int64_t version = from ? strtoll(from + strlen("resourceVersion="), NULL, 10) : 0;
        size_t at = 0, length = strlen(path);

        send_all(fd, head, sizeof(head) - 1);
        pthread_mutex_lock(&api->lock);
        text_printf(&api->log, "WATCH %s\n", path);
        api->requests++;
        pthread_cond_broadcast(&api->changed);
        while (!api->stopping && !is_closed(fd)) {
                for (; at < api->store.change_count; at++) {
                        const FakeChange *change = &api->store.changes[at];
                        CLEANUP(text_done) Text frame = { 0 };

                        if (strncmp(change->path, path, length) != 0 ||
                                strtoll(json_find_string(change->json, "/metadata/resourceVersion", "0"), NULL, 10) <=
                                        version)
                                continue;
                        text_printf(&frame, "{\"type\":\"%s\",\"object\":", change->type);
                        json_append(change->json, &frame);
                        text_append(&frame, "}\n");
                        send_all(fd, text_string(&frame), frame.size);
                }
                thread_sleep(&api->changed, &api->lock, LOOK_MS);
        }
        pthread_mutex_unlock(&api->lock);
}

static void serve_watch_or_fault(FakeApi *api, int fd, const char *path, const char *query) {
        const FakeRequest request = { .method = "WATCH" };
        FakeFault fault = { 0 };

        pthread_mutex_lock(&api->lock);
        if (fault_hits(api, &request, path))
                fault = api->fault;
        pthread_mutex_unlock(&api->lock);
        if (!fault.method) {
                serve_watch(api, fd, path, query);
        } else if (fault.status) {
                CLEANUP(json_cleanup) Json *status = fake_store_status(fault.status, fault.reason, fault.message, NULL);

                answer(fd, fault.status, status);
        }
}

/* Cuts "METHOD PATH?QUERY HTTP/1.1" and takes a subresource off the path. */
static void serve_text(FakeApi *api, int fd, Text *text, char *body) {
        static char none[] = "";
        size_t type_size;
        const char *type = header(text->data, "Content-Type", &type_size);
        CLEANUP(cleanup_free) char *content_type = alloc_bytes(type, type_size);
        CLEANUP(json_cleanup) Json *json = NULL;
        char *method = text->data, *path = strchr(method, ' '), *query, *end;

        if (!path)
                return;
        *path++ = '\0';
        end = strchr(path, ' ');
        if (end)
                *end = '\0';
        query = strchr(path, '?');
        if (query)
                *query++ = '\0';
        if (query && strstr(query, "watch=1")) {
                serve_watch_or_fault(api, fd, path, query);
                return;
        }
        if (*body && !json_parse(body, strlen(body), &json, NULL))
                return;
        CLEANUP(cleanup_free) char *whole = alloc_string(path);
        FakeRequest request = { .method = method,
                .path = path,
                .query = query ? query : none,
                .content_type = content_type,
                .body = json };
        char *last = strrchr(path, '/');
        if (strcmp(last, "/status") == 0) {
                *last = '\0';
                request.subresource = "status";
        }
        serve_request(api, fd, &request, whole);
}

static void *serve(void *context) {
        Connection *connection = context;
        FakeApi *api = connection->api;
        CLEANUP(text_done) Text text = { 0 };
        char *body = NULL;

        if (receive(connection->fd, &text, &body))
                serve_text(api, connection->fd, &text, body);
        (void)shutdown(connection->fd, SHUT_RDWR);
        (void)close(connection->fd);
        free(connection);
        pthread_mutex_lock(&api->lock);
        api->connections--;
        pthread_cond_broadcast(&api->changed);
        pthread_mutex_unlock(&api->lock);
        return NULL;
}

static void *listen_on(void *context) {
        FakeApi *api = context;

        for (;;) {
                int fd = accept4(api->listener, NULL, NULL, SOCK_CLOEXEC);
                Connection *connection;
                pthread_t thread;

                if (fd < 0)
                        return NULL;
                connection = alloc_zero(sizeof(*connection));
                *connection = (Connection){ api, fd };
                pthread_mutex_lock(&api->lock);
                api->connections++;
                pthread_mutex_unlock(&api->lock);
                if (!thread_start(&thread, "fake", serve, connection, NULL))
                        abort();
                pthread_detach(thread);
        }
}

FakeApi *fake_api_new(void) {
        FakeApi *api = alloc_zero(sizeof(*api));
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);

        pthread_mutex_init(&api->lock, NULL);
        thread_condition(&api->changed);
        api->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (api->listener < 0 || bind(api->listener, (struct sockaddr *)&address, size) != 0 ||
                listen(api->listener, 64) != 0 || getsockname(api->listener, (struct sockaddr *)&address, &size) != 0 ||
                !thread_start(&api->thread, "fake-api", listen_on, api, NULL))
                abort();
        (void)snprintf(api->url, sizeof(api->url), "http://127.0.0.1:%d", ntohs(address.sin_port));
        return api;
}

void fake_api_free(FakeApi *api) {
        if (!api)
                return;
        (void)shutdown(api->listener, SHUT_RDWR);
        pthread_join(api->thread, NULL);
        pthread_mutex_lock(&api->lock);
        api->stopping = true;
        pthread_cond_broadcast(&api->changed);
        while (api->connections > 0)
                pthread_cond_wait(&api->changed, &api->lock);
        pthread_mutex_unlock(&api->lock);
        (void)close(api->listener);
        fake_store_done(&api->store);
        text_done(&api->log);
        pthread_cond_destroy(&api->changed);
        pthread_mutex_destroy(&api->lock);
        free(api);
}

const char *fake_api_url(const FakeApi *api) {
        return api->url;
}

static Json *parse(const char *text) {
        Json *json = NULL;

        if (!json_parse(text, strlen(text), &json, NULL))
                abort();
        return json;
}

void fake_api_make(FakeApi *api, const char *path, const char *json) {
        Json *parsed = parse(json);

        pthread_mutex_lock(&api->lock);
        fake_store_make(&api->store, path, parsed);
        pthread_cond_broadcast(&api->changed);
        pthread_mutex_unlock(&api->lock);
}

void fake_api_edit(FakeApi *api, const char *path, const char *patch) {
        CLEANUP(json_cleanup) Json *parsed = parse(patch);

        pthread_mutex_lock(&api->lock);
        fake_store_edit(&api->store, path, parsed);
        pthread_cond_broadcast(&api->changed);
        pthread_mutex_unlock(&api->lock);
}

void fake_api_remove(FakeApi *api, const char *path) {
        pthread_mutex_lock(&api->lock);
        fake_store_remove(&api->store, path);
        pthread_cond_broadcast(&api->changed);
        pthread_mutex_unlock(&api->lock);
}

Json *fake_api_get(FakeApi *api, const char *path) {
        const FakeObject *object;
        Json *json;

        pthread_mutex_lock(&api->lock);
        object = fake_store_find(&api->store, path);
        json = object ? json_copy(object->json) : NULL;
        pthread_mutex_unlock(&api->lock);
        return json;
}

void fake_api_feed(FakeApi *api, Cache *cache) {
        const Kind *kind = cache_kind(cache);
        CLEANUP(text_done) Text prefix = { 0 };
        CLEANUP(text_done) Text plural = { 0 };
        Object *objects[256];
        char version[24];
        const FakeObject *one;
        size_t count = 0, at = 0;

        client_path(kind, NULL, NULL, NULL, &prefix);
        prefix.data[prefix.size - strlen(kind->plural)] = '\0';
        text_printf(&plural, "/%s/", kind->plural);
        pthread_mutex_lock(&api->lock);
        while ((one = hashmap_next(&api->store.objects, &at)) && count < ARRAY_LEN(objects))
                if (strncmp(one->path, prefix.data, strlen(prefix.data)) == 0 &&
                        strstr(one->path, text_string(&plural)) &&
                        object_project(kind, one->json, &objects[count], NULL))
                        count++;
        (void)snprintf(version, sizeof(version), "%lld", (long long)api->store.version + 1000);
        pthread_mutex_unlock(&api->lock);
        cache_replace(cache, "", objects, count, version);
}

void fake_api_fault(FakeApi *api, const FakeFault *fault) {
        pthread_mutex_lock(&api->lock);
        api->fault = fault ? *fault : (FakeFault){ 0 };
        pthread_mutex_unlock(&api->lock);
}

char *fake_api_log(FakeApi *api) {
        char *log;

        pthread_mutex_lock(&api->lock);
        log = alloc_string(text_string(&api->log));
        pthread_mutex_unlock(&api->lock);
        return log;
}

void fake_api_clear_log(FakeApi *api) {
        pthread_mutex_lock(&api->lock);
        text_clear(&api->log);
        api->requests = 0;
        pthread_mutex_unlock(&api->lock);
}

size_t fake_api_requests(FakeApi *api) {
        size_t requests;

        pthread_mutex_lock(&api->lock);
        requests = api->requests;
        pthread_mutex_unlock(&api->lock);
        return requests;
}

static size_t occurrences(const char *log, const char *text) {
        size_t count = 0;

        while ((log = strstr(log, text))) {
                count++;
                log += strlen(text);
        }
        return count;
}

bool fake_api_await(FakeApi *api, const char *text, size_t count) {
        int64_t until = clock_now_ms() + AWAIT_MS;
        bool seen;

        pthread_mutex_lock(&api->lock);
        while (!(seen = occurrences(text_string(&api->log), text) >= count) && clock_now_ms() < until)
                thread_sleep(&api->changed, &api->lock, until - clock_now_ms());
        pthread_mutex_unlock(&api->lock);
        return seen;
}
