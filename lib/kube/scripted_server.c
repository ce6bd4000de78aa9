/* SPDX-License-Identifier: Apache-2.0 */
/* One thread takes connections, one more serves each; a test has few. */
#include "lib/kube/scripted_server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/alloc.h"

enum { MAXIMUM_CONNECTIONS = 64, REQUEST_BYTES = 64 * 1024 };

struct ScriptedServer {
        const char *const *replies;
        size_t count;
        int listener;
        char url[64];
        pthread_t acceptor;
        pthread_mutex_t lock; /* over all that follows */
        pthread_cond_t changed;
        Text log;
        size_t requests, connections;
        pthread_t threads[MAXIMUM_CONNECTIONS];
        int sockets[MAXIMUM_CONNECTIONS];
};

typedef struct Connection {
        ScriptedServer *server;
        int fd;
} Connection;

static const char *find_header(const char *request, const char *name) {
        for (const char *line = strstr(request, "\r\n"); line && line[2] != '\r'; line = strstr(line + 2, "\r\n"))
                if (!strncasecmp(line + 2, name, strlen(name)))
                        return line + 2 + strlen(name);
        return NULL;
}

/* Reads one request into `request`; false at the end of the connection. */
static bool read_request(int fd, char *request, const char **ret_body) {
        size_t size = 0, wanted = 0;
        char *end = NULL;
        while (size < REQUEST_BYTES - 1) {
                ssize_t got = recv(fd, request + size, REQUEST_BYTES - 1 - size, 0);
                if (got <= 0)
                        return false;
                size += (size_t)got;
                request[size] = '\0';
                end = end ? end : strstr(request, "\r\n\r\n");
                if (!end)
                        continue;
                const char *length = find_header(request, "Content-Length:");
                wanted = (size_t)(end + 4 - request) + (length ? strtoul(length, NULL, 10) : 0);
                if (size >= wanted)
                        break;
        }
        *ret_body = end ? end + 4 : "";
        return true;
}

static void note_header(Text *log, const char *request, const char *name) {
        const char *value = find_header(request, name);
        if (value)
                text_printf(log, " [%.*s]", (int)strcspn(value + 1, "\r"), value + 1);
}

/* Notes the request and picks its reply. */
static const char *next_reply(ScriptedServer *server, const char *request, const char *body) {
        pthread_mutex_lock(&server->lock);
        text_append_bytes(&server->log, request, strcspn(request, " \r") + 1);
        const char *path = request + strcspn(request, " \r") + 1;
        text_append_bytes(&server->log, path, strcspn(path, " \r"));
        note_header(&server->log, request, "Authorization:");
        note_header(&server->log, request, "Content-Type:");
        text_printf(&server->log, "%s%s\n", *body ? " " : "", body);
        size_t index = server->requests < server->count ? server->requests : server->count - 1;
        server->requests++;
        pthread_cond_broadcast(&server->changed);
        pthread_mutex_unlock(&server->lock);
        return server->replies[index];
}

/* False when the connection ends here. */
static bool play(int fd, const char *reply) {
        bool cut = !strncmp(reply, "cut ", 4);
        if (!strcmp(reply, "close"))
                return false;
        if (!strcmp(reply, "hang"))
                return true;
        reply += cut ? 4 : !strncmp(reply, "hold ", 5) ? 5 : 0;
        for (size_t sent = 0, size = strlen(reply); sent < size;) {
                ssize_t more = send(fd, reply + sent, size - sent, MSG_NOSIGNAL);
                if (more <= 0)
                        return false;
                sent += (size_t)more;
        }
        return !cut;
}

static void *serve(void *context) {
        Connection *connection = context;
        char *request = alloc_zero(REQUEST_BYTES);
        const char *body = "";
        while (read_request(connection->fd, request, &body) &&
                play(connection->fd, next_reply(connection->server, request, body)))
                ;
        (void)shutdown(connection->fd, SHUT_RDWR);
        free(request);
        free(connection);
        return NULL;
}

static void *accept_all(void *context) {
        ScriptedServer *server = context;
        for (;;) {
                int fd = accept(server->listener, NULL, NULL);
                if (fd < 0)
                        return NULL;
                Connection *connection = alloc_zero(sizeof *connection);
                pthread_mutex_lock(&server->lock);
                if (server->connections == MAXIMUM_CONNECTIONS)
                        abort();
                *connection = (Connection){ .server = server, .fd = fd };
                server->sockets[server->connections] = fd;
                (void)pthread_create(&server->threads[server->connections++], NULL, serve, connection);
                pthread_mutex_unlock(&server->lock);
        }
}

ScriptedServer *scripted_server_new(const char *const *replies, size_t count) {
        ScriptedServer *server = alloc_zero(sizeof *server);
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
        socklen_t size = sizeof address;
        server->replies = replies;
        server->count = count;
        server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (server->listener < 0 || bind(server->listener, (struct sockaddr *)&address, size) != 0 ||
                listen(server->listener, MAXIMUM_CONNECTIONS) != 0 ||
                getsockname(server->listener, (struct sockaddr *)&address, &size) != 0)
                abort();
        (void)snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
        pthread_mutex_init(&server->lock, NULL);
        pthread_cond_init(&server->changed, NULL);
        (void)pthread_create(&server->acceptor, NULL, accept_all, server);
        return server;
}

void scripted_server_free(ScriptedServer *server) {
        if (!server)
                return;
        (void)shutdown(server->listener, SHUT_RDWR);
        (void)pthread_join(server->acceptor, NULL);
        (void)close(server->listener);
        for (size_t i = 0; i < server->connections; i++) {
                (void)shutdown(server->sockets[i], SHUT_RDWR);
                (void)pthread_join(server->threads[i], NULL);
                (void)close(server->sockets[i]);
        }
        text_done(&server->log);
        pthread_cond_destroy(&server->changed);
        pthread_mutex_destroy(&server->lock);
        free(server);
}

const char *scripted_server_url(const ScriptedServer *server) {
        return server->url;
}

char *scripted_server_log(ScriptedServer *server) {
        pthread_mutex_lock(&server->lock);
        char *log = alloc_string(text_string(&server->log));
        pthread_mutex_unlock(&server->lock);
        return log;
}

size_t scripted_server_requests(ScriptedServer *server) {
        pthread_mutex_lock(&server->lock);
        size_t requests = server->requests;
        pthread_mutex_unlock(&server->lock);
        return requests;
}

size_t scripted_server_connections(ScriptedServer *server) {
        pthread_mutex_lock(&server->lock);
        size_t connections = server->connections;
        pthread_mutex_unlock(&server->lock);
        return connections;
}

void scripted_server_await(ScriptedServer *server, size_t requests) {
        pthread_mutex_lock(&server->lock);
        while (server->requests < requests)
                pthread_cond_wait(&server->changed, &server->lock);
        pthread_mutex_unlock(&server->lock);
}

const char *scripted_reply(Text *text, int status, const char *headers, const char *body) {
        text_done(text);
        text_printf(text, "HTTP/1.1 %d X\r\n", status);
        text_append(text, headers);
        text_printf(text, "Content-Length: %zu\r\n\r\n", strlen(body));
        text_append(text, body);
        return text_string(text);
}
