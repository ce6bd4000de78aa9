/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at remote members (Patroni REST, Redis, Sentinel) on its own schedule, so that a dead member never blocks a
 * reconcile. The owner says which targets it wants looked at; the prober keeps the last answer of each as a small JSON
 * projection and calls back when the projection changed. A few threads share all targets; each look has a deadline; a
 * failing target is asked less often, up to `interval * 4`. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/metrics.h"

typedef struct Prober Prober;

typedef enum ProbeKind {
        PROBE_PATRONI, /* GET https://host:port/patroni */
        PROBE_REDIS,   /* INFO replication, server, persistence on one connection, with AUTH */
        PROBE_SENTINEL /* SENTINEL MASTER, SENTINELS, REPLICAS of a group, CKQUORUM */
} ProbeKind;

/* All strings are copied. Secrets among them are never printed. */
typedef struct ProbeTarget {
        const char *name; /* unique within the owner: "prod-pg-0" */
        ProbeKind kind;
        const char *host;
        int port;
        const char *password; /* Redis, Sentinel */
        const char *ca_pem;   /* Patroni */
        const char *group;    /* Sentinel */
        int64_t interval_ms;  /* 0: 2000 */
        int64_t deadline_ms;  /* 0: 1500 */
} ProbeTarget;

/* What the last look said. Numbers that move all the time are kept out of `answer` or rounded to words (lag:
 * "Streaming", "Lagging", "Broken" with hysteresis), so that `answer` changes only when something happened. */
typedef struct ProbeAnswer {
        const char *name;
        bool asked; /* false until the first look ended */
        bool reachable;
        const char *error;  /* sentence when not reachable; "" else */
        const Json *answer; /* NULL when never reachable; see prober.c for the fields of each kind */
        int64_t since_ms;   /* clock_now_ms() when `reachable` or `answer` last changed */
} ProbeAnswer;

/* `on_change(context, owner)` is called from a prober thread when an answer of that owner changed. */
Prober *prober_new(int threads, void (*on_change)(void *context, const char *owner), void *context, Metrics *metrics);
void prober_free(Prober *prober);
/* Makes the targets of the owner (a reconcile key such as "statepillar/ns/name") exactly these; 0 forgets the owner.
 * Unchanged targets keep their schedule and last answer. */
void prober_want(Prober *prober, const char *owner, const ProbeTarget *targets, size_t count);
/* The last answers of the owner in the arena (copies), in the order of prober_want. */
const ProbeAnswer *prober_answers(Prober *prober, const char *owner, Arena *arena, size_t *ret_count);
/* Look at all targets of the owner as soon as possible (after an action). */
void prober_hurry(Prober *prober, const char *owner);
