/* SPDX-License-Identifier: Apache-2.0 */
/* One Sentinel of a pillar. Its state lives on its volume and is never reset; its id follows from its name. Without
 * state it looks for the master first, and watches nobody until exactly one is found. */
#pragma once

#include "settings.h"

/* Runs until SIGTERM, or until the Sentinel ends. Returns the exit code. */
int sentinel_run(Settings *settings);
