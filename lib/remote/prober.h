/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at remote members (Patroni REST, Redis, Sentinel) on its own schedule, so that a dead member never blocks a
 * reconcile. The owner says which targets it wants looked at; the prober keeps the last answer of each as a small JSON
 * projection and calls back when the projection changed. A few threads share all targets; each look has a deadline; a
 * failing target is asked less often, up to `interval * 4`, and failing targets together never hold more than half of
 * the threads, so that they do not delay the others. All functions are safe from every thread.
 *
 * Fields of ProbeAnswer.answer, all of them always there unless said otherwise:
 *
 * PROBE_PATRONI (from GET /patroni)
 *   state              "running", "starting", "stopped", "creating replica", "initializing new cluster", ...
 *   role               "primary", "replica", "standby_leader", "demoted", "uninitialized", ...
 *   timeline           number; 0: not known
 *   lag                "Streaming", "Lagging", "Broken"; "" for all roles but replica. Behind what the primary of the
 * same owner had written when it was last looked at; with no primary seen, "Streaming" says only that.
 *   replication_state  of a replica: "streaming", "in archive recovery" or ""; follows the last look at once
 *   sync               of a replica: "sync", "quorum" or ""
 *   standbys           of the primary alone: {NAME: {state, sync}} for each replica that streams from it
 *   pending_restart    bool; then also pending_restart_reason {PARAMETER: {old_value, new_value}}
 *   replay_paused      bool; of a replica
 *   paused, unlocked, failsafe  bools: maintenance mode, nobody holds the leader lock, the DCS is out of reach
 *   started            when the postmaster started: changes with each restart; "" when it does not run
 *   tags               object
 *   system_id, version (of Patroni), server_version (number, 170005; 0 when PostgreSQL does not run)
 * PROBE_REDIS (from INFO)
 *   role               "master" or "replica"
 *   replid             id of the history of the data
 *   offset_known       bool: the offset is not 0 (a master that never had a replica has offset 0, with data or without)
 *   link               "Up" or "Down", "" for a master
 *   lag                as above, behind a master of the same owner and history; "" for a master
 *   syncing, loading, empty  bools: a full copy is under way; data is being read from disk; no key at all
 *   master_host, master_port  of a replica; "" and 0 else
 *   replicas           number of replicas connected
 *   run_id             changes with each start of the process
 *   version
 * PROBE_SENTINEL (from SENTINEL MYID, MASTER, SENTINELS, REPLICAS, CKQUORUM)
 *   id                 of the Sentinel itself
 *   known              bool: it watches the group; false: the fields below are empty
 *   master_ip, master_port, flags (of the master), failover_in_progress (bool)
 *   quorum (number), quorum_ok (bool), sentinels (number, itself included), replicas (number)
 *   known_sentinels    [{id, host, port, down}] the others, by id
 *   known_replicas     [{host, port, down, link_up}] by host and port
 *
 * Positions and offsets are not here: they are asked for at the time of the decision (patroni.h, redis_state.h), and
 * shown as metrics: madbase_member_lag_bytes{owner,member}, beside madbase_member_reachable{owner,member},
 * madbase_probes_total{kind,result} and madbase_probe_seconds{kind}. */
#pragma once

#include "lib/base/arena.h"
#include "lib/base/json.h"
#include "lib/base/metrics.h"

typedef struct Prober Prober;

typedef enum ProbeKind {
        PROBE_PATRONI,  /* GET https://host:port/patroni */
        PROBE_REDIS,    /* INFO on a connection that is kept, with AUTH */
        PROBE_SENTINEL, /* SENTINEL MYID, MASTER, SENTINELS, REPLICAS, CKQUORUM of a group, likewise */
        PROBE_KIND_COUNT
} ProbeKind;

enum { PROBE_INTERVAL_MS = 2000, PROBE_DEADLINE_MS = 1500 };

/* All strings are copied. Secrets among them are never printed. */
typedef struct ProbeTarget {
        const char *name; /* unique within the owner: "prod-pg-0" */
        ProbeKind kind;
        const char *host;
        int port;
        const char *password; /* Redis, Sentinel */
        const char *ca_pem;   /* Patroni; NULL: plain HTTP */
        const char *group;    /* Sentinel */
        int64_t interval_ms;  /* 0: PROBE_INTERVAL_MS; spread by up to a tenth */
        int64_t deadline_ms;  /* of a whole look; 0: PROBE_DEADLINE_MS */
} ProbeTarget;

/* What the last look said. A target that answered becomes unreachable at the second failure in a row (the second look
 * comes soon), or at once when it refuses our password or certificate. */
typedef struct ProbeAnswer {
        const char *name;
        bool asked; /* false until the first look ended */
        bool reachable;
        const char *error;  /* sentence when not reachable; "" else */
        ErrorCode code;     /* why not: TIMEOUT, UNAVAILABLE, UNAUTHORIZED, PROTOCOL...; ERROR_NONE when reachable */
        const Json *answer; /* the last one there was; NULL when never reachable */
        int64_t since_ms;   /* clock_now_ms() when `reachable`, `code` or `answer` last changed */
} ProbeAnswer;

/* `on_change(context, owner)` is called from a prober thread, with no lock held, when `asked`, `reachable`, `code` or
 * `answer` of a target of that owner changed; it must not block, nor call prober_free. `metrics` may be NULL. */
Prober *prober_new(int threads, void (*on_change)(void *context, const char *owner), void *context, Metrics *metrics);
/* Waits for the looks under way (their deadline at most). */
void prober_free(Prober *prober);
/* Makes the targets of the owner (a reconcile key such as "statepillar/ns/name") exactly these; 0 forgets the owner.
 * Unchanged targets keep their schedule and last answer; new ones are looked at once. */
void prober_want(Prober *prober, const char *owner, const ProbeTarget *targets, size_t count);
/* The last answers of the owner in the arena (copies), in the order of prober_want. */
const ProbeAnswer *prober_answers(Prober *prober, const char *owner, Arena *arena, size_t *ret_count);
/* Look at all targets of the owner as soon as possible (after an action). */
void prober_hurry(Prober *prober, const char *owner);
