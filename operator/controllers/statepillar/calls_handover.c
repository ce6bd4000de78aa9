/* SPDX-License-Identifier: Apache-2.0 */
/* The planned move of the Redis master, in the one order that loses nothing: writes pause, the successor catches up,
 * Sentinel fails over, the old master follows at once and drops its clients, writes go on. A bare SENTINEL FAILOVER
 * leaves the old master taking writes for seconds. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "operator/controllers/statepillar/calls.h"

enum {
        CATCH_UP_MS = 3000,
        PROMOTION_MS = 6000,
        PREFERENCE_MS = 12000, /* Sentinel asks replicas for INFO every ten seconds */
        STEP_MS = 20
};

typedef struct Handover {
        Arena *arena;
        const Object *about;
        const char *password;
        const char *from, *to, *group, *address; /* `address`: of `to`, as the others know it */
        Redis *master, *successor, *sentinel;
        bool asked; /* Sentinel was told to fail over */
} Handover;

static void done(Handover *handover) {
        redis_close(handover->master);
        redis_close(handover->successor);
        redis_close(handover->sentinel);
}

static void rest(int ms) {
        (void)poll(NULL, 0, ms);
}

/* ROLE: first word and replication offset. */
static bool role_of(Handover *handover, Redis *redis, const char **ret_role, int64_t *ret_offset, Error *err) {
        const char *const args[] = { "ROLE" };
        Json *reply = NULL;

        if (!redis_command(redis, args, 1, &reply, err))
                return false;
        (void)json_adopt(handover->arena, reply);
        *ret_role = json_string(json_at(reply, 0), "");
        *ret_offset = json_int(json_at(reply, strcmp(*ret_role, "master") == 0 ? 1 : 4), -1);
        return true;
}

/* A Sentinel that names `from`'s group and answers; the first that does. */
static bool find_sentinel(
        Handover *handover, const Object *about, const Json *sentinels, const char *password, Error *err) {
        Error last = { 0 };

        for (const Json *name = json_first(sentinels); name; name = json_next(name)) {
                const char *const check[] = { "SENTINEL", "CKQUORUM", handover->group, NULL };
                Redis *redis = NULL;
                if (!call_connect(about, json_string(name, ""), PILLAR_PORT_SENTINEL, password, &redis, &last))
                        continue;
                if (call_tell(redis, check, &last)) {
                        handover->sentinel = redis;
                        return true;
                }
                redis_close(redis);
        }
        return error_set(err, ERROR_UNAVAILABLE, "no Sentinel can move the master now: %s", last.text);
}

/* Sentinel promotes the replica of the lowest priority: it must have seen the successor's before it is asked. */
static bool prefer(Handover *handover, Error *err) {
        const char *const set[] = { "CONFIG", "SET", "replica-priority", "1", NULL };
        const char *const list[] = { "SENTINEL", "REPLICAS", handover->group };
        int64_t end = clock_now_ms() + PREFERENCE_MS;

        if (!call_tell(handover->successor, set, err))
                return false;
        while (clock_now_ms() < end) {
                CLEANUP(json_cleanup) Json *reply = NULL;
                if (!redis_command(handover->sentinel, list, 3, &reply, err))
                        return false;
                for (const Json *row = json_first(reply); row; row = json_next(row)) {
                        const char *ip = NULL, *priority = NULL;
                        for (size_t i = 0; i + 1 < json_size(row); i += 2) {
                                const char *key = json_string(json_at(row, i), "");
                                if (strcmp(key, "ip") == 0)
                                        ip = json_string(json_at(row, i + 1), "");
                                else if (strcmp(key, "slave-priority") == 0)
                                        priority = json_string(json_at(row, i + 1), "");
                        }
                        if (text_equal(ip, handover->address) && text_equal(priority, "1"))
                                return true;
                }
                rest(STEP_MS * 10);
        }
        return error_set(err, ERROR_TIMEOUT, "Sentinel does not see that %s is to take over", handover->to);
}

static bool caught_up(Handover *handover, Error *err) {
        int64_t end = clock_now_ms() + CATCH_UP_MS, ahead = 0, behind = 0;
        const char *role = "";

        while (clock_now_ms() < end) {
                if (!role_of(handover, handover->master, &role, &ahead, err))
                        return false;
                if (strcmp(role, "master") != 0)
                        return error_set(err, ERROR_CONFLICT, "%s is not the master any more", handover->from);
                if (!role_of(handover, handover->successor, &role, &behind, err))
                        return false;
                if (strcmp(role, "slave") == 0 && ahead >= 0 && ahead == behind)
                        return true;
                rest(STEP_MS);
        }
        return error_set(err, ERROR_TIMEOUT, "%s does not catch up with %s", handover->to, handover->from);
}

/* Sentinel sends all clients of the member that it promotes away, us too: ask on a new connection then. */
static bool promoted(Handover *handover, Error *err) {
        int64_t end = clock_now_ms() + PROMOTION_MS, offset = 0;
        const char *role = "";
        Error cut = { 0 };

        while (clock_now_ms() < end) {
                if (!role_of(handover, handover->successor, &role, &offset, &cut)) {
                        redis_close(TAKE(handover->successor));
                        if (!call_connect(handover->about, handover->to, PILLAR_PORT_REDIS, handover->password,
                                    &handover->successor, &cut))
                                return error_set(err, ERROR_UNAVAILABLE, "%s", cut.text);
                        continue;
                }
                if (strcmp(role, "master") == 0)
                        return true;
                rest(STEP_MS);
        }
        return error_set(err, ERROR_TIMEOUT, "Sentinel did not make %s the master", handover->to);
}

/* With writes paused. The old master follows before its clients are let go. */
static bool move(Handover *handover, Error *err) {
        const char *const failover[] = { "SENTINEL", "FAILOVER", handover->group, NULL };
        const char *const follow[] = { "REPLICAOF", handover->address, "6379", NULL };
        const char *const kill[] = { "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes", NULL };

        if (!caught_up(handover, err) || !call_tell(handover->sentinel, failover, err))
                return false;
        handover->asked = true;
        return promoted(handover, err) && call_tell(handover->master, follow, err) &&
               call_tell(handover->master, kill, err);
}

/* Lets writes go on where they belong. When it is not known who is master now, the pause ends by itself, after Sentinel
 * has demoted the old one. */
static void tidy_up(Handover *handover, bool moved) {
        const char *const unpause[] = { "CLIENT", "UNPAUSE", NULL };
        const char *const equal[] = { "CONFIG", "SET", "replica-priority", "100", NULL };
        Error later = { 0 };

        if ((moved || !handover->asked) && !call_tell(handover->master, unpause, &later))
                later.code = ERROR_NONE;
        if (handover->successor && !call_tell(handover->successor, equal, &later))
                later.code = ERROR_NONE;
}

/* Nothing is left to do where the plan is older than the last move. */
static bool still_leads(Handover *handover, bool *ret_leads, Error *err) {
        const char *role = "";
        int64_t offset = 0;

        if (!role_of(handover, handover->master, &role, &offset, err))
                return false;
        *ret_leads = strcmp(role, "master") == 0;
        return true;
}

static bool connect_members(Handover *handover, const char *password, Error *err) {
        handover->password = password;
        return call_connect(handover->about, handover->from, PILLAR_PORT_REDIS, password, &handover->master, err) &&
               call_connect(handover->about, handover->to, PILLAR_PORT_REDIS, password, &handover->successor, err);
}

bool call_redis_handover(Runtime *runtime, const Object *about, const Json *args, Error *err) {
        static const char *const pause[] = { "CLIENT", "PAUSE", "20000", "WRITE", NULL };
        CLEANUP(arena_done) Arena arena = { 0 };
        CLEANUP(done)
        Handover handover = {
                .arena = &arena,
                .about = about,
                .from = json_find_string(args, "/from", ""),
                .to = json_find_string(args, "/to", ""),
                .group = json_find_string(args, "/group", ""),
                .address = json_find_string(args, "/address", ""),
        };
        PillarSecrets secrets = { 0 };
        bool leads = false;

        if (!call_credentials(runtime, about, &arena, &secrets, err) ||
                !connect_members(&handover, secrets.redis_password, err) || !still_leads(&handover, &leads, err) ||
                !find_sentinel(&handover, about, json_get(args, "sentinels"), secrets.sentinel_password, err))
                return false;
        if (!leads) {
                call_hurry(runtime, about);
                return true;
        }
        bool moved = prefer(&handover, err) && call_tell(handover.master, pause, err) && move(&handover, err);
        tidy_up(&handover, moved);
        call_hurry(runtime, about);
        return moved || error_wrap(err, "moving the Redis master from %s to %s", handover.from, handover.to);
}
