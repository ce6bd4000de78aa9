/* SPDX-License-Identifier: Apache-2.0 */
/* The order matters: a bare SENTINEL FAILOVER leaves the old master writable for up to ten seconds, and what it takes
 * then is lost. */
#include "handover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "clock.h"

enum { PAUSE_MS = 14000, CATCH_UP_MS = 3000, CATCH_UP_ALL_MS = 1000, PROMOTION_MS = 8000, POLL_MS = 20 };

typedef struct Replicas {
        size_t online, level; /* level: at the master's offset */
} Replicas;

/* ROLE of a master: "master", offset, [[address, port, offset], ...]. False when this is no master. */
static bool read_role(redisContext *local, Replicas *ret) {
        REPLY role = CALL(local, "ROLE");
        if (!role || role->type != REDIS_REPLY_ARRAY || role->elements < 3 || !role->element[0]->str ||
                strcmp(role->element[0]->str, "master") != 0)
                return false;
        *ret = (Replicas) { 0 };
        for (size_t i = 0; i < role->element[2]->elements; i++) {
                const redisReply *replica = role->element[2]->element[i];
                if (replica->elements < 3)
                        continue;
                ret->online++;
                ret->level += strtoll(replica->element[2]->str, NULL, 10) >= role->element[1]->integer;
        }
        return true;
}

/* Waits for the replicas: for all during the first second, then for one. */
static bool catch_up(redisContext *local) {
        int64_t start = clock_ms();
        for (;;) {
                Replicas replicas;
                int64_t spent = clock_ms() - start;
                if (!read_role(local, &replicas) || spent > CATCH_UP_MS)
                        return false;
                if (replicas.online && (replicas.level == replicas.online ||
                                               (spent > CATCH_UP_ALL_MS && replicas.level > 0)))
                        return true;
                usleep(POLL_MS * 1000);
        }
}

/* Tells one Sentinel to fail over; the first that agrees leads it. */
static bool start_failover(const Settings *settings, char *told) {
        snprintf(told, HANDOVER_TEXT_MAX, "no Sentinel answers");
        for (size_t i = 0; i < settings->n_sentinels; i++) {
                char address[SETTINGS_ADDRESS_MAX];
                if (!settings_address(&settings->sentinels[i], address))
                        continue;
                CONTEXT sentinel =
                        call_connect(address, SETTINGS_SENTINEL_PORT, settings->sentinel_password, CALL_MS);
                REPLY reply = sentinel ? CALL(sentinel, "SENTINEL", "FAILOVER", settings->group) : NULL;
                if (reply && reply->type != REDIS_REPLY_ERROR)
                        return true;
                if (reply)
                        snprintf(told, HANDOVER_TEXT_MAX, "Sentinel refuses: %.200s", reply->str);
        }
        return false;
}

static bool is_master(const Settings *settings, const char *address) {
        CONTEXT peer = call_connect(address, SETTINGS_REDIS_PORT, settings->password, 200);
        REPLY role = peer ? CALL(peer, "ROLE") : NULL;
        return role && role->type == REDIS_REPLY_ARRAY && role->elements && role->element[0]->str &&
               strcmp(role->element[0]->str, "master") == 0;
}

/* Waits until a peer is master; its address in ret. */
static bool await_promotion(const Settings *settings, char ret[SETTINGS_ADDRESS_MAX]) {
        int64_t end = clock_ms() + PROMOTION_MS;
        while (clock_ms() < end) {
                for (size_t i = 0; i < settings->n_redis; i++)
                        if (i != settings->self && settings_address(&settings->redis[i], ret) && is_master(settings, ret))
                                return true;
                usleep(POLL_MS * 1000);
        }
        return false;
}

static HandoverResult move(const Settings *settings, redisContext *local, char *told) {
        char address[SETTINGS_ADDRESS_MAX], port[8], pause[16];
        snprintf(port, sizeof port, "%d", SETTINGS_REDIS_PORT);
        snprintf(pause, sizeof pause, "%d", PAUSE_MS);
        if (!CALL_DONE(local, "CLIENT", "PAUSE", pause, "WRITE")) {
                snprintf(told, HANDOVER_TEXT_MAX, "Redis would not pause writes");
                return HANDOVER_FAILED;
        }
        if (!catch_up(local)) {
                snprintf(told, HANDOVER_TEXT_MAX, "no replica caught up in time");
                return HANDOVER_FAILED;
        }
        if (!start_failover(settings, told))
                return HANDOVER_FAILED;
        if (!await_promotion(settings, address)) {
                snprintf(told, HANDOVER_TEXT_MAX, "no replica was promoted in time");
                return HANDOVER_FAILED;
        }
        bool demoted = CALL_DONE(local, "REPLICAOF", address, port);
        bool sent_away = CALL_DONE(local, "CLIENT", "KILL", "TYPE", "NORMAL");
        snprintf(told, HANDOVER_TEXT_MAX, "%s is the master now", address);
        return demoted && sent_away ? HANDOVER_DONE : HANDOVER_FAILED;
}

HandoverResult handover(const Settings *settings, char told[HANDOVER_TEXT_MAX]) {
        char path[300];
        snprintf(path, sizeof path, "%s/redis.sock", settings->run);
        CONTEXT local = call_connect_unix(path, settings->password, 2000);
        if (!local) {
                snprintf(told, HANDOVER_TEXT_MAX, "Redis does not answer");
                return HANDOVER_FAILED;
        }
        Replicas replicas;
        if (!read_role(local, &replicas)) {
                snprintf(told, HANDOVER_TEXT_MAX, "this member is no master");
                return HANDOVER_NOTHING;
        }
        if (replicas.online == 0) {
                snprintf(told, HANDOVER_TEXT_MAX, "there is no replica to take over");
                return HANDOVER_NOTHING;
        }
        HandoverResult result = move(settings, local, told);
        CALL_DONE(local, "CLIENT", "UNPAUSE");
        return result;
}
