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

enum { PAUSE_MS = 14000, CATCH_UP_MS = 3000, PROMOTION_MS = 8000, POLL_MS = 10, PEER_MS = 300 };

/* Connections are made before writes pause. */
typedef struct Mover {
        const Settings *settings;
        redisContext *local, *sentinel;
        redisContext *peers[SETTINGS_MEMBERS_MAX]; /* NULL: away, or this member */
        bool there[SETTINGS_MEMBERS_MAX];          /* answered before the move */
        char addresses[SETTINGS_MEMBERS_MAX][SETTINGS_ADDRESS_MAX];
} Mover;

static void close_all(Mover *mover) {
        call_free(&mover->local);
        call_free(&mover->sentinel);
        for (size_t i = 0; i < SETTINGS_MEMBERS_MAX; i++)
                call_free(&mover->peers[i]);
}

static void connect_peer(Mover *mover, size_t peer) {
        call_free(&mover->peers[peer]);
        if (mover->addresses[peer][0])
                mover->peers[peer] =
                        call_connect(mover->addresses[peer], SETTINGS_REDIS_PORT, mover->settings->password, PEER_MS);
}

static void connect_all(Mover *mover) {
        const Settings *settings = mover->settings;
        char address[SETTINGS_ADDRESS_MAX];
        for (size_t i = 0; i < settings->n_redis; i++)
                if (i != settings->self && settings_address(&settings->redis[i], mover->addresses[i])) {
                        connect_peer(mover, i);
                        mover->there[i] = mover->peers[i] != NULL;
                }
        for (size_t i = 0; !mover->sentinel && i < settings->n_sentinels; i++)
                if (settings_address(&settings->sentinels[i], address))
                        mover->sentinel =
                                call_connect(address, SETTINGS_SENTINEL_PORT, settings->sentinel_password, CALL_MS);
}

/* "master" or "slave"; how far the data is; for a replica, whether its link is up. */
static bool read_role(redisContext *context, bool *ret_master, bool *ret_linked, long long *ret_offset) {
        char role[16], link[16] = "";
        REPLY info = context ? CALL(context, "INFO", "replication") : NULL;
        if (!info || !info->str || !call_info(info->str, "role", role, sizeof role))
                return false;
        call_info(info->str, "master_link_status", link, sizeof link);
        *ret_master = strcmp(role, "master") == 0;
        *ret_linked = strcmp(link, "up") == 0;
        *ret_offset = call_info_number(info->str, *ret_master ? "master_repl_offset" : "slave_repl_offset", 0);
        return true;
}

/* How many replicas are linked, and how many of them hold all that the master has. They are asked themselves: what the
 * master knows of them is up to a second old. */
static bool count_replicas(const Mover *mover, size_t *ret_linked, size_t *ret_level) {
        bool master, linked;
        long long offset, reached;
        if (!read_role(mover->local, &master, &linked, &offset) || !master)
                return false;
        *ret_linked = *ret_level = 0;
        for (size_t i = 0; i < mover->settings->n_redis; i++)
                if (read_role(mover->peers[i], &master, &linked, &reached) && !master && linked) {
                        ++*ret_linked;
                        *ret_level += reached >= offset;
                }
        return true;
}

/* Sentinel may promote any of them, so all must have caught up. */
static bool catch_up(const Mover *mover) {
        int64_t end = clock_ms() + CATCH_UP_MS;
        for (size_t linked, level; clock_ms() < end; usleep(POLL_MS * 1000)) {
                if (!count_replicas(mover, &linked, &level))
                        return false;
                if (linked && level == linked)
                        return true;
        }
        return false;
}

static bool start_failover(const Mover *mover, char *told) {
        REPLY reply = CALL(mover->sentinel, "SENTINEL", "FAILOVER", mover->settings->group);
        if (reply && reply->type != REDIS_REPLY_ERROR)
                return true;
        snprintf(told, HANDOVER_TEXT_MAX, "Sentinel refuses: %.200s", reply ? reply->str : "no answer");
        return false;
}

/* Waits until a peer is master; ret: its index. Sentinel sends away the clients of the one that it promotes, this one
 * too. */
static bool await_promotion(Mover *mover, size_t *ret) {
        int64_t end = clock_ms() + PROMOTION_MS;
        bool master, linked;
        long long offset;
        for (; clock_ms() < end; usleep(POLL_MS * 1000))
                for (*ret = 0; *ret < mover->settings->n_redis; ++*ret) {
                        if (mover->there[*ret] && (!mover->peers[*ret] || mover->peers[*ret]->err))
                                connect_peer(mover, *ret);
                        if (read_role(mover->peers[*ret], &master, &linked, &offset) && master)
                                return true;
                }
        return false;
}

static HandoverResult move(Mover *mover, char *told) {
        char port[8], pause[16];
        size_t promoted;
        int64_t start = clock_ms();
        snprintf(port, sizeof port, "%d", SETTINGS_REDIS_PORT);
        snprintf(pause, sizeof pause, "%d", PAUSE_MS);
        if (!CALL_DONE(mover->local, "CLIENT", "PAUSE", pause, "WRITE")) {
                snprintf(told, HANDOVER_TEXT_MAX, "Redis would not pause writes");
                return HANDOVER_FAILED;
        }
        if (!catch_up(mover)) {
                snprintf(told, HANDOVER_TEXT_MAX, "the replicas did not catch up in time");
                return HANDOVER_FAILED;
        }
        if (!start_failover(mover, told))
                return HANDOVER_FAILED;
        if (!await_promotion(mover, &promoted)) {
                snprintf(told, HANDOVER_TEXT_MAX, "no replica was promoted in time");
                return HANDOVER_FAILED;
        }
        bool demoted = CALL_DONE(mover->local, "REPLICAOF", mover->addresses[promoted], port);
        bool sent_away = CALL_DONE(mover->local, "CLIENT", "KILL", "TYPE", "NORMAL");
        snprintf(told, HANDOVER_TEXT_MAX, "%s is the master now, writes paused for %lld ms",
                mover->settings->redis[promoted].name, (long long)(clock_ms() - start));
        return demoted && sent_away ? HANDOVER_DONE : HANDOVER_FAILED;
}

static HandoverResult move_if_needed(Mover *mover, char *told) {
        bool master, linked;
        long long offset;
        if (!read_role(mover->local, &master, &linked, &offset)) {
                snprintf(told, HANDOVER_TEXT_MAX, "Redis does not answer");
                return HANDOVER_FAILED;
        }
        if (!master) {
                snprintf(told, HANDOVER_TEXT_MAX, "this member is no master");
                return HANDOVER_NOTHING;
        }
        size_t n_linked, n_level;
        connect_all(mover);
        if (!count_replicas(mover, &n_linked, &n_level) || n_linked == 0) {
                snprintf(told, HANDOVER_TEXT_MAX, "there is no replica to take over");
                return HANDOVER_NOTHING;
        }
        if (!mover->sentinel) {
                snprintf(told, HANDOVER_TEXT_MAX, "no Sentinel answers");
                return HANDOVER_FAILED;
        }
        HandoverResult result = move(mover, told);
        CALL_DONE(mover->local, "CLIENT", "UNPAUSE");
        return result;
}

HandoverResult handover(const Settings *settings, char told[HANDOVER_TEXT_MAX]) {
        char path[300];
        snprintf(path, sizeof path, "%s/redis.sock", settings->run);
        Mover mover = { .settings = settings, .local = call_connect_unix(path, settings->password, 2000) };
        HandoverResult result = move_if_needed(&mover, told);
        close_all(&mover);
        return result;
}
