/* SPDX-License-Identifier: Apache-2.0 */
/* What INFO says of a Redis member. Written for Redis 7 and 8. https://redis.io/docs/latest/commands/info/ */
#pragma once

#include "lib/remote/redis.h"

/* Strings belong to the arena given; never NULL. */
typedef struct RedisState {
        const char *role;    /* "master" or "replica" */
        const char *replid;  /* id of the history that the data belongs to; a replica has its master's */
        const char *replid2; /* the history before the last failover, valid up to `second_offset` */
        const char *run_id;  /* changes with each start of the process */
        const char *version;
        const char *master_host; /* of a replica; "" else */
        int master_port;
        int64_t offset; /* bytes of the history that the member has; 0 as long as a master never had a replica */
        int64_t second_offset;
        int64_t replicas; /* connected to it */
        bool link_up;     /* of a replica: its link to the master */
        bool syncing;     /* of a replica: a full copy is under way */
        bool loading;     /* the data is being read from disk */
        bool empty;       /* no key in any database */
} RedisState;

/* PROTOCOL for what is not INFO. */
bool redis_state_parse(const char *info, Arena *arena, RedisState *ret_state, Error *err) MUST_USE;
/* Asks now, for a decision that wants offsets: INFO on a connection, or on one of its own. Errors as redis_command and
 * redis_connect. */
bool redis_state_ask(Redis *redis, Arena *arena, RedisState *ret_state, Error *err) MUST_USE;
bool redis_state_look(const RedisTarget *target, Arena *arena, RedisState *ret_state, Error *err) MUST_USE;
bool redis_state_is_master(const RedisState *state);
/* The projection that the prober keeps (fields in prober.h): no number that moves by itself. The caller frees it. */
Json *redis_state_answer(const RedisState *state);
