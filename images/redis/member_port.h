/* SPDX-License-Identifier: Apache-2.0 */
/* The members' port, 16379: what a member is and holds, told also while its Redis is closed. It speaks Redis' own
 * protocol, so that any Redis client can ask: AUTH [USER] PASSWORD, PING, STATE (a flat list of fields and values) and
 * HANDOVER (the planned move of the master; answers when it is done). */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "judge.h"
#include "rotation.h"

enum { MEMBER_PORT_CLIENTS_MAX = 32 };

/* What the port tells. Written by the member's loop, read by the port's threads, both under the lock. */
typedef struct MemberState {
        pthread_mutex_t lock;
        Settings settings;
        Rotation password;
        Phase phase;
        Position position;
        bool linked;       /* a replica in step with its master */
        long long seen_ms; /* monotonic, when Redis answered last */
        char why[JUDGE_WHY_MAX];
} MemberState;

/* Starts the port in threads of its own. False when it cannot listen. state lives as long as the process. */
bool member_port_start(MemberState *state);
