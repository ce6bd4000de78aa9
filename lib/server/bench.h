/* SPDX-License-Identifier: Apache-2.0 */
/* For tests alone: a running server with handlers to try it, and clients that may misbehave. */
#pragma once

#include <pthread.h>

#include "lib/server/health.h"

enum { BENCH_PATIENCE_MS = 30000, BENCH_PAUSE_MS = 5, BENCH_BIG_PAGE = 3 * 1024 * 1024 };

/* What "GET /gate" waits at until it is opened. */
typedef struct BenchGate {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool open;
        int entered;
} BenchGate;

typedef struct Bench {
        Metrics *metrics;
        Health *health;
        Server *server;
        BenchGate gate;
        ServerRoute routes[16];
} Bench;

/* On loopback and a free port: /healthz, /readyz, /metrics; GET and POST /echo/ (what was asked, as text), POST /pool/
 * (the same, on the pool), /big (BENCH_BIG_PAGE bytes), /nothing (204), /gate (on the pool). */
void bench_start(Bench *bench, ServerOptions options);
void bench_stop(Bench *bench);
void bench_open_gate(Bench *bench);
void bench_wait_for_entered(Bench *bench, int count);

/* A connection; reading fails the test after BENCH_PATIENCE_MS. */
int bench_dial(const Bench *bench);
void bench_say(int fd, const char *bytes);
/* All that comes until the server closes the connection. The caller frees it. */
char *bench_hear_all(int fd);
/* What the server says to these bytes on a connection of their own, up to the end, which is the server's doing. */
char *bench_answer(const Bench *bench, const char *bytes);
/* One request on a connection that is kept; the status, and the body by its length. "" for a request without body. */
int bench_ask(int fd, const char *method, const char *path, const char *body, Text *ret_body);
/* Runs the program curl with these arguments ("%s" is the server's address) and collects what it prints; its exit
 * status. */
int bench_curl(const Bench *bench, const char *arguments, Text *ret_printed);
int bench_count(const char *text, const char *word);
