/* SPDX-License-Identifier: Apache-2.0 */
/* What the prober remembers: owners, their targets, the last answer and the next time of each. Not locked: the prober
 * holds its lock around every call. Private to the prober. */
#pragma once

#include "lib/base/hashmap.h"
#include "lib/remote/lag.h"
#include "lib/remote/probe.h"

typedef struct ProbeOwner ProbeOwner;

typedef struct ProbeEntry {
        ProbeTarget wanted; /* its strings belong to the entry */
        ProbeOwner *owner;  /* not to be followed once `gone` */
        Redis *redis;       /* used by the thread that looks */
        int64_t due_ms;
        bool busy;    /* a thread looks at it; it alone may free the entry */
        bool gone;    /* no longer wanted */
        bool again;   /* look once more when the look under way has ended */
        int failures; /* in a row */
        bool asked, reachable;
        ErrorCode code;
        char *error;
        Json *answer;
        int64_t since_ms;
        Lag lag;
} ProbeEntry;

/* Where the leader of a kind stood when it was last looked at. */
typedef struct ProbeLeader {
        int64_t position;
        char history[PROBE_HISTORY_SIZE];
} ProbeLeader;

struct ProbeOwner {
        char *key;
        ProbeEntry **entries;
        size_t count;
        ProbeLeader leaders[PROBE_KIND_COUNT];
};

/* Metrics; each may be NULL. */
typedef struct ProbeMetrics {
        Metric *looks, *seconds, *reachable, *lag_bytes;
} ProbeMetrics;

void probe_metrics_register(ProbeMetrics *metrics, Metrics *registry);
/* Entries that stay keep everything; new ones are due at once. Entries that a thread looks at are marked `gone`. */
void probe_targets_want(
        Hashmap *owners, const char *key, const ProbeTarget *targets, size_t count, const ProbeMetrics *metrics);
void probe_targets_free(Hashmap *owners, const ProbeMetrics *metrics);
void probe_entry_free(ProbeEntry *entry);
/* The entry that has waited longest, or NULL and the time (clock_now_ms) when the next is due. Entries that failed last
 * time are left out unless `with_failing`. */
ProbeEntry *probe_targets_due(const Hashmap *owners, bool with_failing, int64_t now_ms, int64_t *ret_next_ms);
/* Takes in what a look found (its answer is taken over) and sets the next time. True when the owner should hear of it.
 */
bool probe_entry_take(ProbeEntry *entry, ProbeLook *look, const ProbeMetrics *metrics);
