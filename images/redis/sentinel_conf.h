/* SPDX-License-Identifier: Apache-2.0 */
/* The Sentinel's own file: what it remembers stays, everything else is written anew at each start. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "settings.h"

enum { SENTINEL_PARAMETERS_MAX = 16 };

typedef struct SentinelParameter {
        char key[64], value[64];
} SentinelParameter;

/* The group's parameters: defaults, then the "KEY VALUE" lines of key sentinel.conf. Returns how many. */
size_t sentinel_conf_parameters(const Settings *settings, SentinelParameter ret[SENTINEL_PARAMETERS_MAX]);
/* Writes folder/sentinel.conf, keeping the state of the one that is there. */
bool sentinel_conf_write(const Settings *settings, const char *announce, const char *folder);
/* Forty hexadecimal digits that follow from the group and the pod's name. */
void sentinel_conf_id(const char *group, const char *pod, char ret[41]);
