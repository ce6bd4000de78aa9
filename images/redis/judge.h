/* SPDX-License-Identifier: Apache-2.0 */
/* What a Redis member that has just started may be: from what the Sentinels say and what its peers hold. Pure: no
 * clock, no I/O. The law: a member whose data is empty or older than that of a peer within reach never leads, and its
 * port stays closed until it is clear what it is; then Sentinel alone decides. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "position.h"
#include "settings.h"

typedef enum Phase {
        PHASE_UNREACHABLE,
        PHASE_LOADING, /* reads its data from disk */
        PHASE_CLOSED,  /* has its data, its port is closed */
        PHASE_REPLICA, /* open */
        PHASE_MASTER,  /* open */
} Phase;

typedef struct Peer {
        Phase phase;
        Position position;
} Peer;

typedef struct SentinelAnswer {
        bool reachable;
        bool failing_over;                 /* it is moving the master right now */
        char master[SETTINGS_ADDRESS_MAX]; /* "" when it knows none */
        long long epoch;                   /* of its configuration: the highest is the newest */
} SentinelAnswer;

typedef struct Knowledge {
        const Settings *settings;
        Peer peers[SETTINGS_MEMBERS_MAX]; /* by index in settings->redis; [self] is this member */
        char addresses[SETTINGS_MEMBERS_MAX][SETTINGS_ADDRESS_MAX]; /* of the members; "" when unknown */
        SentinelAnswer sentinels[SETTINGS_MEMBERS_MAX];
        bool waited; /* members that have not answered by now are taken as gone */
} Knowledge;

typedef enum Verdict {
        VERDICT_HOLD,   /* stay closed, ask again */
        VERDICT_FOLLOW, /* copy from judgement.master, open when in step with it */
        VERDICT_LEAD,   /* open as master */
        VERDICT_STAND,  /* open as a replica of judgement.master, though it is away: for Sentinel to promote */
} Verdict;

enum { JUDGE_WHY_MAX = 256 };

typedef struct Judgement {
        Verdict verdict;
        size_t master; /* index in settings->redis, for FOLLOW and STAND */
        char why[JUDGE_WHY_MAX];
} Judgement;

Judgement judge(const Knowledge *knowledge);

/* For an open member: whom it is to follow if that one leads, by the word of most Sentinels; n_redis: nobody else.
 * While a Sentinel moves the master nobody is turned round: the one that it just promoted is not named yet. */
size_t judge_leader_of_open(const Knowledge *knowledge);
const char *judge_phase_name(Phase phase);
bool judge_phase_parse(const char *name, Phase *ret);
