/* SPDX-License-Identifier: Apache-2.0 */
/* One thread for each client, few of them and short-lived. */
#include "member_port.h"

#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "handover.h"

enum { REQUEST_MAX = 4096, IDLE_SECONDS = 5 };

typedef struct Client {
        MemberState *state;
        int socket;
        bool known; /* it gave the password */
} Client;

static atomic_int n_clients;

static bool send_text(const Client *client, const char *text) {
        return send(client->socket, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* Compares in a time that does not tell how much was right. */
static bool same(const char *a, const char *b) {
        size_t n = strlen(a), different = n ^ strlen(b);
        for (size_t i = 0; i < n; i++)
                different |= (size_t)(a[i] ^ b[i % (strlen(b) + 1)]);
        return n > 0 && different == 0;
}

static bool authenticate(Client *client, const char *password) {
        pthread_mutex_lock(&client->state->lock);
        client->known = same(password, client->state->password.current) || same(password, client->state->password.old);
        pthread_mutex_unlock(&client->state->lock);
        return send_text(client, client->known ? "+OK\r\n" : "-WRONGPASS the password is another\r\n");
}

static void add_field(char *text, size_t size, const char *field, const char *value) {
        size_t used = strlen(text);
        snprintf(text + used, size - used, "$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(field), field, strlen(value), value);
}

static bool tell_state(const Client *client) {
        MemberState *state = client->state;
        char text[4096] = "*14\r\n", position[POSITION_TEXT_MAX], seen[32];
        pthread_mutex_lock(&state->lock);
        position_print(&state->position, position);
        snprintf(seen, sizeof seen, "%lld", state->seen_ms ? (long long)clock_ms() - state->seen_ms : -1);
        add_field(text, sizeof text, "name", state->settings.pod);
        add_field(text, sizeof text, "phase", judge_phase_name(state->phase));
        add_field(text, sizeof text, "linked", state->linked ? "yes" : "no");
        add_field(text, sizeof text, "has-data", state->position.has_data ? "yes" : "no");
        add_field(text, sizeof text, "position", position);
        add_field(text, sizeof text, "seen-ms-ago", seen);
        add_field(text, sizeof text, "why", state->why);
        pthread_mutex_unlock(&state->lock);
        return send_text(client, text);
}

static bool do_handover(const Client *client) {
        pthread_mutex_lock(&client->state->lock);
        Settings settings = client->state->settings;
        pthread_mutex_unlock(&client->state->lock);
        char told[HANDOVER_TEXT_MAX], text[HANDOVER_TEXT_MAX + 16];
        HandoverResult result = handover(&settings, told);
        snprintf(text, sizeof text, "%s %s\r\n", result == HANDOVER_FAILED ? "-ERR" : "+OK", told);
        return send_text(client, text);
}

/* Answers one command; false ends the connection. */
static bool answer(Client *client, const redisReply *request) {
        const char *word = request->elements ? request->element[0]->str : NULL;
        if (request->type != REDIS_REPLY_ARRAY || !word)
                return false;
        if (strcasecmp(word, "AUTH") == 0 && request->elements >= 2 && request->element[request->elements - 1]->str)
                return authenticate(client, request->element[request->elements - 1]->str) && client->known;
        if (strcasecmp(word, "HELLO") == 0 || strcasecmp(word, "CLIENT") == 0)
                return send_text(client, "-ERR unknown command, as before Redis 6\r\n");
        if (!client->known)
                return send_text(client, "-NOAUTH give the password first\r\n");
        if (strcasecmp(word, "PING") == 0)
                return send_text(client, "+PONG\r\n");
        if (strcasecmp(word, "STATE") == 0)
                return tell_state(client);
        if (strcasecmp(word, "HANDOVER") == 0)
                return do_handover(client);
        return send_text(client, "-ERR commands are AUTH, PING, STATE, HANDOVER\r\n");
}

static void *serve(void *argument) {
        Client *client = argument;
        struct timeval idle = { .tv_sec = IDLE_SECONDS };
        setsockopt(client->socket, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle);
        setsockopt(client->socket, SOL_SOCKET, SO_SNDTIMEO, &idle, sizeof idle);
        redisReader *reader = redisReaderCreate();
        if (!reader)
                abort();
        reader->maxbuf = REQUEST_MAX;
        char bytes[REQUEST_MAX];
        size_t total = 0;
        for (bool go_on = true; go_on;) {
                ssize_t length = recv(client->socket, bytes, sizeof bytes, 0);
                /* A client that never ends a command is cut off. */
                if (length <= 0 || (total += (size_t)length) > REQUEST_MAX ||
                        redisReaderFeed(reader, bytes, (size_t)length) != REDIS_OK)
                        break;
                void *request = NULL;
                while (go_on && (go_on = redisReaderGetReply(reader, &request) == REDIS_OK) && request) {
                        go_on = answer(client, request);
                        freeReplyObject(request);
                        request = NULL;
                        total = 0;
                }
        }
        redisReaderFree(reader);
        close(client->socket);
        free(client);
        atomic_fetch_sub(&n_clients, 1);
        return NULL;
}

static void *listen_on(void *argument) {
        Client *listener = argument;
        pthread_attr_t detached;
        pthread_attr_init(&detached);
        pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&detached, 256 * 1024);
        for (;;) {
                int socket = accept4(listener->socket, NULL, NULL, SOCK_CLOEXEC);
                if (socket < 0) {
                        usleep(10 * 1000);
                        continue;
                }
                Client *client = malloc(sizeof *client);
                if (!client)
                        abort();
                *client = (Client){ .state = listener->state, .socket = socket };
                pthread_t thread;
                if (atomic_fetch_add(&n_clients, 1) >= MEMBER_PORT_CLIENTS_MAX ||
                        pthread_create(&thread, &detached, serve, client) != 0) {
                        atomic_fetch_sub(&n_clients, 1);
                        close(socket);
                        free(client);
                }
        }
        return NULL;
}

/* IPv6 takes IPv4 along; without IPv6, IPv4 alone. */
static int open_listener(int family) {
        int listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, off = 0;
        if (listener < 0)
                return -1;
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(SETTINGS_MEMBER_PORT) };
        struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(SETTINGS_MEMBER_PORT) };
        if (family == AF_INET6)
                setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        const struct sockaddr *address = family == AF_INET6 ? (const void *)&six : (const void *)&four;
        socklen_t length = family == AF_INET6 ? sizeof six : sizeof four;
        if (bind(listener, address, length) != 0 || listen(listener, MEMBER_PORT_CLIENTS_MAX) != 0) {
                close(listener);
                return -1;
        }
        return listener;
}

bool member_port_start(MemberState *state) {
        int listener = open_listener(AF_INET6);
        if (listener < 0)
                listener = open_listener(AF_INET);
        if (listener < 0)
                return false;
        Client *client = malloc(sizeof *client);
        if (!client)
                abort();
        *client = (Client){ .state = state, .socket = listener };
        pthread_t thread;
        if (pthread_create(&thread, NULL, listen_on, client) != 0) {
                close(listener);
                free(client);
                return false;
        }
        pthread_detach(thread);
        return true;
}
