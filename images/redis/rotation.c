/* SPDX-License-Identifier: Apache-2.0 */
/* The three steps of a password change. */
#include "rotation.h"

#include <string.h>

bool rotation_offer(Rotation *rotation, const char *password, int64_t now_ms) {
        if (strcmp(rotation->current, password) == 0)
                return false;
        memcpy(rotation->old, rotation->current, sizeof rotation->old);
        memset(rotation->current, 0, sizeof rotation->current);
        memcpy(rotation->current, password, strlen(password));
        rotation->changed_ms = now_ms;
        return rotation->old[0] != 0;
}

const char *rotation_outgoing(const Rotation *rotation, int64_t now_ms) {
        return rotation->old[0] && now_ms - rotation->changed_ms < ROTATION_USE_MS ? rotation->old : rotation->current;
}

bool rotation_forget(Rotation *rotation, int64_t now_ms) {
        if (!rotation->old[0] || now_ms - rotation->changed_ms < ROTATION_FORGET_MS)
                return false;
        memset(rotation->old, 0, sizeof rotation->old);
        return true;
}
