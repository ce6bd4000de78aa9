/* SPDX-License-Identifier: Apache-2.0 */
/* One Redis member of a pillar: starts redis-server with its port closed, finds out what it may be (judge.h), opens
 * the port, and from then on keeps the witness, the passwords and the parameters. */
#pragma once

#include "settings.h"

/* Runs until SIGTERM, or until redis-server ends. Returns the exit code. settings has its folders and pod filled. */
int member_run(Settings *settings);
