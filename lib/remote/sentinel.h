/* SPDX-License-Identifier: Apache-2.0 */
/* What one Sentinel knows of a group. https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/ */
#pragma once

#include "lib/remote/redis.h"

/* A server that the Sentinel knows. */
typedef struct SentinelPeer {
        const char *id; /* run id; "" for a replica never reached */
        const char *host;
        int port;
        bool down;    /* subjectively: flag s_down, or its link is cut */
        bool link_up; /* of a replica: its link to the master */
} SentinelPeer;

enum { SENTINEL_MAXIMUM_PEERS = 64 };

/* Strings and arrays belong to the arena given; strings are never NULL. */
typedef struct SentinelState {
        const char *id; /* of the Sentinel asked */
        bool known;     /* false: it watches no group of that name, and the rest is empty */
        const char *master_host;
        int master_port;
        const char *flags; /* of the master: "master", "s_down,o_down,master,failover_in_progress", ... */
        int64_t quorum;
        bool quorum_ok; /* CKQUORUM: quorum and majority can be reached */
        bool failover_in_progress;
        const SentinelPeer *sentinels; /* the others, by id */
        size_t sentinel_count;
        const SentinelPeer *replicas; /* by host and port */
        size_t replica_count;
} SentinelState;

/* Five commands on the connection. Errors as redis_command, PROTOCOL for other answers than Sentinel's. */
bool sentinel_ask(Redis *redis, const char *group, Arena *arena, SentinelState *ret_state, Error *err) MUST_USE;
/* The same from replies that are there: those of SENTINEL MASTER, SENTINELS and REPLICAS. */
bool sentinel_parse(const Json *master, const Json *sentinels, const Json *replicas, Arena *arena,
        SentinelState *ret_state, Error *err) MUST_USE;
/* The projection that the prober keeps (fields in prober.h). The caller frees it. */
Json *sentinel_answer(const SentinelState *state);
