/* SPDX-License-Identifier: Apache-2.0 */
/* One look at one target, without memory of the looks before it. Private to the prober. */
#pragma once

#include "lib/remote/http_get.h"
#include "lib/remote/prober.h"
#include "lib/remote/redis.h"

enum { PROBE_HISTORY_SIZE = 64 };

/* What a look found. */
typedef struct ProbeLook {
        bool ok;
        Error error;  /* when not ok */
        Json *answer; /* when ok; without "lag" yet; the caller frees it */
        bool leads;   /* a primary or master: others are measured by its position */
        bool follows; /* a replica: it has a lag */
        bool streaming;
        int64_t position;                 /* bytes; -1: not known */
        char history[PROBE_HISTORY_SIZE]; /* positions of one history alone can be compared */
} ProbeLook;

/* What a thread brings along; `redis` is the target's own connection, kept between looks (NULL: none). */
typedef struct ProbeTools {
        HttpGet *http;
        Redis **redis;
} ProbeTools;

/* Ends by the target's deadline. */
void probe_look(const ProbeTarget *target, const ProbeTools *tools, ProbeLook *ret_look);
const char *probe_kind_name(ProbeKind kind);
