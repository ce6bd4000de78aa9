/* SPDX-License-Identifier: Apache-2.0 */
/* The prober's memory.
 * Law: an answer that equals the one before it wakes nobody; one failure of a target that answered is no news yet. */
#include "lib/remote/probe_targets.h"

#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"

enum { SLOWEST = 4, HURRY = 4, FAILURES_UNTIL_NEWS = 2 };
static const double SPREAD = 0.1;

static const char *const look_labels[] = { "kind", "result", NULL };
static const char *const kind_labels[] = { "kind", NULL };
static const char *const member_labels[] = { "owner", "member", NULL };
static const double look_buckets[] = { .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5 };

void probe_metrics_register(ProbeMetrics *metrics, Metrics *registry) {
        metrics->looks = metrics_counter(
                registry, "madbase_probes_total", "Looks at members, by kind of target and by result.", look_labels);
        metrics->seconds = metrics_histogram(registry, "madbase_probe_seconds", "How long a look at a member took.",
                kind_labels, look_buckets, ARRAY_LEN(look_buckets));
        metrics->reachable = metrics_gauge(registry, "madbase_member_reachable",
                "Whether the member answered the last looks (1) or not (0).", member_labels);
        metrics->lag_bytes = metrics_gauge(registry, "madbase_member_lag_bytes",
                "Bytes by which a replica is behind what its primary had at the look before.", member_labels);
}

static bool same_target(const ProbeTarget *a, const ProbeTarget *b) {
        return a->kind == b->kind && a->port == b->port && a->interval_ms == b->interval_ms &&
               a->deadline_ms == b->deadline_ms && text_equal(a->name, b->name) && text_equal(a->host, b->host) &&
               text_equal(a->password, b->password) && text_equal(a->ca_pem, b->ca_pem) &&
               text_equal(a->group, b->group);
}

static ProbeTarget with_defaults(const ProbeTarget *target) {
        ProbeTarget wanted = *target;

        if (wanted.interval_ms <= 0)
                wanted.interval_ms = PROBE_INTERVAL_MS;
        if (wanted.deadline_ms <= 0)
                wanted.deadline_ms = PROBE_DEADLINE_MS;
        return wanted;
}

static ProbeEntry *entry_new(ProbeOwner *owner, const ProbeTarget *target) {
        ProbeEntry *entry = alloc_zero(sizeof(*entry));

        entry->owner = owner;
        entry->wanted = *target;
        entry->wanted.name = alloc_string(target->name);
        entry->wanted.host = alloc_string(target->host);
        entry->wanted.password = alloc_string(target->password);
        entry->wanted.ca_pem = alloc_string(target->ca_pem);
        entry->wanted.group = alloc_string(target->group);
        entry->due_ms = clock_now_ms();
        return entry;
}

static void free_string(const char *string) {
        free((char *)(uintptr_t)string); /* the entry's own copy behind a pointer that others may only read through */
}

void probe_entry_free(ProbeEntry *entry) {
        redis_close(entry->redis);
        free_string(entry->wanted.name);
        free_string(entry->wanted.host);
        free_string(entry->wanted.password);
        free_string(entry->wanted.ca_pem);
        free_string(entry->wanted.group);
        free(entry->error);
        json_free(entry->answer);
        free(entry);
}

static void forget_series(const ProbeEntry *entry, const ProbeMetrics *metrics) {
        const char *const member[] = { entry->owner->key, entry->wanted.name };

        metric_forget(metrics->reachable, member);
        metric_forget(metrics->lag_bytes, member);
}

static void drop(ProbeEntry *entry, const ProbeMetrics *metrics) {
        forget_series(entry, metrics);
        entry->gone = true;
        if (!entry->busy)
                probe_entry_free(entry);
}

/* Takes the entry of an equal target out of the list. */
static ProbeEntry *take_same(ProbeEntry **entries, size_t count, const ProbeTarget *target) {
        for (size_t i = 0; i < count; i++)
                if (entries[i] && same_target(&entries[i]->wanted, target))
                        return TAKE(entries[i]);
        return NULL;
}

static void set_entries(ProbeOwner *owner, const ProbeTarget *targets, size_t count, const ProbeMetrics *metrics) {
        ProbeEntry **old = TAKE(owner->entries);
        size_t old_count = owner->count;

        owner->entries = alloc_zero(count * sizeof(ProbeEntry *));
        owner->count = count;
        for (size_t i = 0; i < count; i++) {
                ProbeTarget wanted = with_defaults(&targets[i]);

                owner->entries[i] = take_same(old, old_count, &wanted);
                if (!owner->entries[i])
                        owner->entries[i] = entry_new(owner, &wanted);
        }
        for (size_t i = 0; i < old_count; i++)
                if (old[i])
                        drop(old[i], metrics);
        free(old);
}

static void forget_leaders(ProbeOwner *owner) {
        for (int kind = 0; kind < PROBE_KIND_COUNT; kind++)
                owner->leaders[kind].position = -1;
}

void probe_targets_want(
        Hashmap *owners, const char *key, const ProbeTarget *targets, size_t count, const ProbeMetrics *metrics) {
        ProbeOwner *owner = hashmap_get(owners, key);

        if (!owner && count == 0)
                return;
        if (!owner) {
                owner = alloc_zero(sizeof(*owner));
                owner->key = alloc_string(key);
                forget_leaders(owner);
                (void)hashmap_put(owners, owner->key, owner);
        }
        set_entries(owner, targets, count, metrics);
        if (count > 0)
                return;
        (void)hashmap_remove(owners, key);
        free(owner->entries);
        free(owner->key);
        free(owner);
}

void probe_targets_free(Hashmap *owners, const ProbeMetrics *metrics) {
        ProbeOwner *owner;
        size_t at = 0;

        while ((owner = hashmap_next(owners, &at)))
                probe_targets_want(owners, owner->key, NULL, 0, metrics);
        hashmap_done(owners);
}

ProbeEntry *probe_targets_due(const Hashmap *owners, bool with_failing, int64_t now_ms, int64_t *ret_next_ms) {
        ProbeEntry *first = NULL;
        const ProbeOwner *owner;
        size_t at = 0;

        while ((owner = hashmap_next(owners, &at)))
                for (size_t i = 0; i < owner->count; i++) {
                        ProbeEntry *entry = owner->entries[i];

                        if (!entry->busy && (with_failing || entry->failures == 0) &&
                                (!first || entry->due_ms < first->due_ms))
                                first = entry;
                }
        if (first && first->due_ms <= now_ms)
                return first;
        *ret_next_ms = first ? first->due_ms : INT64_MAX;
        return NULL;
}

static void schedule(ProbeEntry *entry) {
        int64_t wait_ms = entry->wanted.interval_ms;

        if (entry->failures == 1 && entry->reachable)
                wait_ms /= HURRY;
        else if (entry->failures > 1)
                wait_ms *= entry->failures > 2 ? SLOWEST : SLOWEST / 2;
        entry->due_ms = entry->again ? 0 : clock_now_ms() + random_jitter(wait_ms, SPREAD);
        entry->again = false;
}

static void measure(ProbeEntry *entry, ProbeLook *look, const ProbeMetrics *metrics) {
        const char *const member[] = { entry->owner->key, entry->wanted.name };
        ProbeLeader *leader = &entry->owner->leaders[entry->wanted.kind];
        int64_t behind = -1;

        if (look->leads) {
                leader->position = look->position;
                (void)snprintf(leader->history, sizeof(leader->history), "%s", look->history);
        }
        if (!look->follows) {
                entry->lag = (Lag){ 0 };
                metric_forget(metrics->lag_bytes, member);
        } else {
                if (leader->position >= 0 && look->position >= 0 && strcmp(leader->history, look->history) == 0)
                        behind = leader->position > look->position ? leader->position - look->position : 0;
                lag_look(&entry->lag, look->streaming, behind);
                if (behind >= 0)
                        metric_set(metrics->lag_bytes, member, (double)behind);
        }
        if (entry->wanted.kind != PROBE_SENTINEL)
                json_put_string(look->answer, "lag", lag_name(entry->lag.word));
}

static bool take_answer(ProbeEntry *entry, ProbeLook *look, const ProbeMetrics *metrics) {
        bool changed;

        measure(entry, look, metrics);
        changed = !entry->reachable || !entry->answer || !json_equal(entry->answer, look->answer);
        json_free(entry->answer);
        entry->answer = TAKE(look->answer);
        entry->failures = 0;
        entry->reachable = true;
        entry->code = ERROR_NONE;
        free(TAKE(entry->error));
        return changed;
}

/* Our password or certificate is refused: the target is there and has made up its mind. */
static bool is_verdict(ErrorCode code) {
        return code == ERROR_UNAUTHORIZED || code == ERROR_FORBIDDEN;
}

static bool take_failure(ProbeEntry *entry, const Error *error) {
        bool changed;

        entry->failures++;
        if (entry->reachable && entry->failures < FAILURES_UNTIL_NEWS && !is_verdict(error->code))
                return false;
        changed = !entry->asked || entry->reachable || entry->code != error->code;
        entry->reachable = false;
        entry->code = error->code;
        free(entry->error);
        entry->error = alloc_string(error->text);
        return changed;
}

bool probe_entry_take(ProbeEntry *entry, ProbeLook *look, const ProbeMetrics *metrics) {
        const char *const member[] = { entry->owner->key, entry->wanted.name };
        bool changed = look->ok ? take_answer(entry, look, metrics) : take_failure(entry, &look->error);

        entry->asked = true;
        if (changed)
                entry->since_ms = clock_now_ms();
        metric_set(metrics->reachable, member, entry->reachable ? 1 : 0);
        schedule(entry);
        return changed;
}
