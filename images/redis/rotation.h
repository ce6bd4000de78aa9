/* SPDX-License-Identifier: Apache-2.0 */
/* A password that changes while pods see the change at different times: the new one is accepted at once, used towards
 * others when all have had the time to see it, and the old one is forgotten later. Times are monotonic milliseconds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "settings.h"

enum { ROTATION_USE_MS = 90 * 1000, ROTATION_FORGET_MS = 300 * 1000 };

typedef struct Rotation {
        char current[SETTINGS_PASSWORD_MAX];
        char old[SETTINGS_PASSWORD_MAX]; /* "" when there is none */
        int64_t changed_ms;
} Rotation;

/* Takes a password from the Secret. True when it is another one. */
bool rotation_offer(Rotation *rotation, const char *password, int64_t now_ms);
/* The one to show to others. */
const char *rotation_outgoing(const Rotation *rotation, int64_t now_ms);
/* Forgets the old one when it is time; true when it did. */
bool rotation_forget(Rotation *rotation, int64_t now_ms);
