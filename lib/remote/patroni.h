/* SPDX-License-Identifier: Apache-2.0 */
/* What Patroni's `GET /patroni` says of a member. Written for Patroni 4.0; read from 3.0 on.
 * https://patroni.readthedocs.io/en/latest/rest_api.html */
#pragma once

#include "lib/base/json.h"
#include "lib/remote/http_get.h"

/* Strings and trees belong to the arena given; strings are never NULL. */
typedef struct PatroniState {
        const char *state;             /* "running", "starting", "stopped", "creating replica", ... */
        const char *role;              /* "primary", "replica", "standby_leader", "demoted", "uninitialized", ... */
        const char *version;           /* of Patroni */
        const char *replication_state; /* of a replica: "streaming", "in archive recovery" or "" */
        const char *sync;              /* of a replica: "sync", "quorum" or "" */
        const char *started;           /* when the postmaster started, as Patroni writes it; "" when it does not run */
        const char *system_id;         /* of the data folder; "" before there is one */
        int64_t server_version;        /* 170005; 0 when PostgreSQL does not run */
        int64_t timeline;              /* 0: not known */
        int64_t position;              /* bytes of WAL: written by the primary, replayed by a replica; -1: not known */
        int64_t received;              /* bytes of WAL a replica has; the primary's `position`; -1: not known */
        bool pending_restart;
        bool replay_paused;
        bool paused;                        /* maintenance mode of the whole cluster */
        bool unlocked;                      /* nobody holds the leader lock */
        bool failsafe;                      /* failsafe mode is active: the DCS cannot be reached */
        const Json *pending_restart_reason; /* {parameter: {old_value, new_value}}; NULL: none */
        const Json *tags;                   /* NULL: none */
        const Json *replication;            /* the replicas that stream from here; NULL: none */
} PatroniState;

/* PROTOCOL for what is not Patroni's answer. */
bool patroni_parse(const char *body, size_t size, Arena *arena, PatroniState *ret_state, Error *err) MUST_USE;
/* Asks now, for a decision that wants positions: `target->url` ends in "/patroni". Errors as http_get, UNAVAILABLE for
 * any status but 200. */
bool patroni_ask(
        HttpGet *client, const HttpGetTarget *target, Arena *arena, PatroniState *ret_state, Error *err) MUST_USE;
/* The projection that the prober keeps (fields in prober.h): no number that moves by itself. The caller frees it. */
Json *patroni_answer(const PatroniState *state);
bool patroni_is_primary(const PatroniState *state);
