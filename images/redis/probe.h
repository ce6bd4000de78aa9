/* SPDX-License-Identifier: Apache-2.0 */
/* What the pod's probes ask. */
#pragma once

#include "settings.h"

/* A Redis member is ready when its port is open and it leads or is in step with its master; a Sentinel when it knows a
 * master. Returns the exit code; says why on standard output. */
int probe_ready(const Settings *settings, bool sentinel);
/* Alive: the program answers, and Redis or Sentinel answered it lately; loading counts as alive. */
int probe_live(const Settings *settings, bool sentinel);
