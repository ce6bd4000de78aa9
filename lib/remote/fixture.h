/* SPDX-License-Identifier: Apache-2.0 */
/* For tests alone: real servers on loopback with free ports and a folder of their own, and a stub that says what a real
 * server never would. A server that cannot be had fails the test with a sentence; nothing is skipped. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { FIXTURE_MAXIMUM_ARGS = 48 };

typedef struct Fixture {
        char folder[64];
        int port;
        pid_t pid;
} Fixture;

/* A TCP port on 127.0.0.1 that nobody has at the moment. */
int fixture_free_port(void);
/* redis-server with these further arguments (NULL-terminated), waited for until it accepts connections. */
void fixture_start_redis(Fixture *fixture, const char *const *extra);
/* redis-server --sentinel watching `group` at 127.0.0.1 port `master_port` with quorum 1 and this password of Redis. */
void fixture_start_sentinel(Fixture *fixture, const char *group, int master_port, const char *redis_password);
/* PostgreSQL with user and database "app", password "secret", waited for until it accepts connections. As root, the
 * server runs as the user "postgres" or, where there is none, "nobody". */
void fixture_start_postgres(Fixture *fixture);
/* A real HTTPS server (openssl s_server -www) with this certificate and key; it answers any path with a page. */
void fixture_start_https(Fixture *fixture, const char *cert_pem, const char *key_pem);
void fixture_signal(const Fixture *fixture, int number);
/* SIGKILL, waited for. Started again by the function that started it, on the same port and with the same data. */
void fixture_kill(Fixture *fixture);
/* The same, and the folder goes too. Accepts what was never started. */
void fixture_stop(Fixture *fixture);

/* The bytes of a file below the test's folder; fails the test when there is none. The caller frees them. */
char *fixture_read(const char *path);

/* Accepts connections one after another; sends `reply` (NULL: nothing ever) after the first bytes of each, then closes
 * it, unless `hold` keeps it open until the stub stops. */
typedef struct Stub {
        int port;
        int listener;
        pthread_mutex_t lock;
        const char *reply;
        size_t size;
        bool hold;
        int accepted;
        pthread_t thread;
} Stub;

void fixture_stub_start(Stub *stub, const char *reply, size_t size, bool hold);
void fixture_stub_stop(Stub *stub);
/* What is sent from now on; `reply` is kept by reference. */
void fixture_stub_set(Stub *stub, const char *reply, size_t size);
/* Connections so far. */
int fixture_stub_accepted(Stub *stub);
