/* SPDX-License-Identifier: Apache-2.0 */
/* The planned move of the master off this member, losing nothing: writes pause, the replicas catch up, Sentinel fails
 * over, this member follows the new master, its clients are sent away. Bounded in time; when it does not work out,
 * writes go on here. */
#pragma once

#include "settings.h"

enum { HANDOVER_TEXT_MAX = 256 };

typedef enum HandoverResult {
        HANDOVER_DONE,
        HANDOVER_NOTHING, /* this member is no master, or is the only one */
        HANDOVER_FAILED,
} HandoverResult;

/* told: one sentence without a newline. Takes 15 s at most. */
HandoverResult handover(const Settings *settings, char told[HANDOVER_TEXT_MAX]);
