/* SPDX-License-Identifier: Apache-2.0 */
/* What running Redis members and Sentinels are told. SENTINEL SET does not spread, so each Sentinel is told; RESET is
 * for a proven ghost only, on one Sentinel a pass. */
#include <inttypes.h>
#include <stdio.h>

#include "lib/remote/redis_state.h"
#include "lib/remote/sentinel.h"
#include "operator/controllers/statepillar/calls.h"

typedef struct Telling {
        const Object *about;
        const char *password;
        int port;
} Telling;

static bool tell_member(const Telling *telling, const char *member, const char *const *command, Error *err) {
        CLEANUP(redis_cleanup) Redis *redis = NULL;

        if (!call_connect(telling->about, member, telling->port, telling->password, &redis, err))
                return false;
        if (!call_tell(redis, command, err))
                return error_wrap(err, "%s", member);
        return true;
}

static bool tell_all(const Telling *telling, const Json *members, const char *const *command, Error *err) {
        for (const Json *member = json_first(members); member; member = json_next(member))
                if (!tell_member(telling, json_string(member, ""), command, err))
                        return false;
        return true;
}

bool call_redis_config(Runtime *runtime, const Object *about, const Json *args, Error *err) {
        CLEANUP(arena_done) Arena arena = { 0 };
        PillarSecrets secrets = { 0 };
        const char *least = arena_printf(&arena, "%" PRId64, json_find_int(args, "/minReplicas", 0));
        const char *memory = arena_printf(&arena, "%" PRId64, json_find_int(args, "/maxmemory", 0));
        const char *quorum = arena_printf(&arena, "%" PRId64, json_find_int(args, "/quorum", 1));
        const char *group = json_find_string(args, "/group", "");

        if (!call_credentials(runtime, about, &arena, &secrets, err))
                return false;
        Telling redis = { about, secrets.redis_password, PILLAR_PORT_REDIS };
        Telling sentinel = { about, secrets.sentinel_password, PILLAR_PORT_SENTINEL };
        return tell_all(&redis, json_get(args, "redis"),
                       (const char *const[]){
                               "CONFIG", "SET", "min-replicas-to-write", least, "maxmemory", memory, NULL },
                       err) &&
               tell_all(&sentinel, json_get(args, "sentinels"),
                       (const char *const[]){ "SENTINEL", "SET", group, "quorum", quorum, NULL }, err);
}

/* Looks first: the prober's answer may be older than the last reset or the last failover. A Sentinel that is reset in
 * the middle of a failover keeps the old master for good, and forgets the only replicas from which it could learn of
 * the new one. NOQUORUM is an error: then nobody forgets. */
static bool reset_if_haunted(Redis *sentinel, const char *group, const Json *args, Arena *arena, Error *err) {
        SentinelState state = { 0 };

        if (!sentinel_ask(sentinel, group, arena, &state, err))
                return false;
        if ((int64_t)state.sentinel_count + 1 <= json_find_int(args, "/sentinels", 0) &&
                (int64_t)state.replica_count <= json_find_int(args, "/replicas", 0))
                return true;
        if (!text_equal(state.flags, "master") || !text_equal(state.master_host, json_find_string(args, "/master", "")))
                return true;
        return call_tell(sentinel, (const char *const[]){ "SENTINEL", "CKQUORUM", group, NULL }, err) &&
               call_tell(sentinel, (const char *const[]){ "SENTINEL", "RESET", group, NULL }, err);
}

bool call_sentinel_reset(Runtime *runtime, const Object *about, const Json *args, Error *err) {
        CLEANUP(arena_done) Arena arena = { 0 };
        CLEANUP(redis_cleanup) Redis *sentinel = NULL;
        PillarSecrets secrets = { 0 };
        const char *member = json_find_string(args, "/sentinel", "");
        const char *group = json_find_string(args, "/group", "");

        if (!call_credentials(runtime, about, &arena, &secrets, err) ||
                !call_connect(about, member, PILLAR_PORT_SENTINEL, secrets.sentinel_password, &sentinel, err))
                return false;
        bool done = reset_if_haunted(sentinel, group, args, &arena, err);
        call_hurry(runtime, about);
        return done;
}

bool call_confirm_master(Runtime *runtime, const Object *about, const Json *args, Error *err) {
        CLEANUP(arena_done) Arena arena = { 0 };
        CLEANUP(redis_cleanup) Redis *redis = NULL;
        PillarSecrets secrets = { 0 };
        RedisState state = { 0 };
        const char *leader = json_find_string(args, "/leader", "");

        if (!call_credentials(runtime, about, &arena, &secrets, err) ||
                !call_connect(about, leader, PILLAR_PORT_REDIS, secrets.redis_password, &redis, err) ||
                !redis_state_ask(redis, &arena, &state, err))
                return false;
        return redis_state_is_master(&state) || error_set(err, ERROR_CONFLICT, "%s is not the master any more", leader);
}
