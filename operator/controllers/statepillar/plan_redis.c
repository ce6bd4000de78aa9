/* SPDX-License-Identifier: Apache-2.0 */
/* Redis and its Sentinels. Members know each other by the ClusterIPs of their own Services, so nothing starts before
 * those are known. Who is master is Sentinel's decision alone. What running members are told (CONFIG SET, SENTINEL SET)
 * stands in the same files, for those that start later, and is noted on the ConfigMap once they took it over. */
#include "operator/controllers/statepillar/draft.h"

#include <inttypes.h>
#include <string.h>

enum { MI = 1024 * 1024, DOWN_AFTER_MS = 2000, FAILOVER_TIMEOUT_MS = 10000 };

/* Of the Sentinels that there are: while new ones come, those that were there stay able to decide. */
static int quorum_of(const View *view, const Target *target) {
        int members = target->replicas[SET_SENTINEL];

        if (view->joined > 0 && view->joined < members && pillar_serving(view, SET_SENTINEL, members) < members)
                members = view->joined;
        return members / 2 + 1;
}

/* Writes need one good replica from three members on; while the first of them still copies, and on the way to one
 * member, they do not. Once asked for it is not taken back because replicas are lost. */
static int minimum_replicas(const View *view, const Target *target) {
        const PillarMember *master = pillar_leader(view, SET_REDIS);

        if (target->wanted < 3)
                return 0;
        if (strstr(view->applied_redis, "min-replicas=1"))
                return 1;
        return master && pillar_serving(view, SET_REDIS, PILLAR_MEMBERS_MAXIMUM) >= 2;
}

/* Half of the memory stays free for the copy that a rewrite of the append-only file or a new replica needs. */
static int64_t maximum_memory(const View *view) {
        int64_t limit = view->spec.redis.memory_limit > 0 ? view->spec.redis.memory_limit : 256LL * MI;

        return limit / 5 * 3;
}

const char *pillar_redis_settings(const View *view, const Target *target) {
        return arena_printf(view->arena, "min-replicas=%d quorum=%d maxmemory=%" PRId64, minimum_replicas(view, target),
                quorum_of(view, target), maximum_memory(view));
}

static const char *list_of(const View *view, const Target *target, PillarSet set, bool addresses) {
        CLEANUP(text_done) Text text = { 0 };

        for (int i = 0; i < target->configured; i++) {
                const PillarMember *member = &view->sets[set].members[i];
                if (addresses)
                        text_printf(&text, "%s %s\n", member->name, member->address);
                else
                        text_printf(&text, "%s\n", member->name);
        }
        return arena_string(view->arena, text_string(&text));
}

/* Returns the note of settings taken over. */
static const char *tell_running_members(const View *view, const Target *target, Plan *plan) {
        const char *wanted = pillar_redis_settings(view, target);

        if (text_equal(view->applied_redis, wanted) || !pillar_leader(view, SET_REDIS))
                return view->applied_redis;
        Json *args = json_new_object();
        Json *redis = json_put_array(args, "redis");
        Json *sentinels = json_put_array(args, "sentinels");
        for (int i = 0; i < PILLAR_MEMBERS_MAXIMUM; i++) {
                if (view->sets[SET_REDIS].members[i].reachable)
                        json_add_string(redis, view->sets[SET_REDIS].members[i].name);
                if (view->sets[SET_SENTINEL].members[i].reachable)
                        json_add_string(sentinels, view->sets[SET_SENTINEL].members[i].name);
        }
        json_put_int(args, "minReplicas", minimum_replicas(view, target));
        json_put_int(args, "maxmemory", maximum_memory(view));
        json_put_int(args, "quorum", quorum_of(view, target));
        json_put_string(args, "group", pillar_group(view));
        draft_call(plan, "redis-config", args, "the settings of Redis and Sentinel follow the number of members");
        return wanted;
}

static void want_configuration(const View *view, Target *target, Plan *plan) {
        const char *applied = tell_running_members(view, target, plan);
        Json *data = json_new_object();

        json_put_string(data, "redis.conf",
                draft_text(plan, DRAFT_REDIS_CONF,
                        (const Hole[]){ hole_int("maxmemory", maximum_memory(view)),
                                hole_int("min-replicas", minimum_replicas(view, target)), HOLE_END }));
        json_put_string(data, "sentinel.conf",
                draft_text(plan, DRAFT_SENTINEL_CONF,
                        (const Hole[]){ hole_int("down-after", DOWN_AFTER_MS),
                                hole_int("failover-timeout", FAILOVER_TIMEOUT_MS), HOLE_END }));
        json_put_string(data, "group", pillar_group(view));
        json_put_string(data, "quorum", arena_printf(plan->arena, "%d", quorum_of(view, target)));
        json_put_string(data, "members", list_of(view, target, SET_REDIS, false));
        json_put_string(data, "sentinels", list_of(view, target, SET_SENTINEL, false));
        json_put_string(data, "addresses",
                arena_printf(plan->arena, "%s%s", list_of(view, target, SET_REDIS, true),
                        list_of(view, target, SET_SENTINEL, true)));
        draft_configmap(
                view, target, plan, SET_REDIS, data, applied, "Redis and Sentinel read their configuration here");
}

static void want_set(const View *view, Target *target, Plan *plan, PillarSet set) {
        bool redis = set == SET_REDIS;
        const PillarSpec *spec = &view->spec;
        const char *storage = redis ? (spec->redis_size ? spec->redis_size : spec->storage_size) : "256Mi";
        Json *object = draft_render(plan, redis ? DRAFT_REDIS : DRAFT_SENTINEL,
                (const Hole[]){ hole_string("name", view->name), hole_string("namespace", view->namespace_),
                        hole_tree("labels", draft_labels(view, (int)set)),
                        hole_tree("selector", draft_selector(view, (int)set)),
                        hole_int("replicas", target->replicas[set]),
                        hole_tree("pod-security", draft_fragment(view, plan, (int)set, "pod-security")),
                        hole_tree("security", draft_fragment(view, plan, (int)set, "security")),
                        hole_tree("spread", draft_fragment(view, plan, (int)set, "spread")),
                        hole_tree("env", draft_fragment(view, plan, (int)set, "env")),
                        hole_string("image", view->images[IMAGE_REDIS]),
                        hole_string("pull-policy", view->settings->pull_policy),
                        hole_tree("resources", draft_resources(redis ? &spec->redis : &spec->sentinel)),
                        hole_string("storage-class", spec->storage_class), hole_string("storage", storage), HOLE_END });

        if (!object)
                return;
        Json *roll = json_new_object();
        json_put_string(roll, "image", view->images[IMAGE_REDIS]);
        json_put_int(roll, "profile", spec->profile);
        if (redis) {
                json_put_int(roll, "plan", spec->plan);
                json_put(roll, "resources", draft_resources(&spec->asked_redis));
        }
        draft_notes(view, target, (int)set, object, roll);
        draft_apply(plan, &kind_statefulset, object,
                redis ? "Redis members run in a StatefulSet" : "Sentinels run in a StatefulSet");
}

/* Outlives the pillar, as the data do: Sentinels remember each other and the master by these addresses. */
static void keep_addresses(const View *view, Plan *plan) {
        Json *addresses = json_adopt(plan->arena, json_new_object());
        Json *notes = json_new_object();

        for (int set = SET_REDIS; set <= SET_SENTINEL; set++)
                for (int i = 0; i < PILLAR_MEMBERS_MAXIMUM; i++) {
                        const PillarMember *member = &view->sets[set].members[i];
                        if (member->service || member->claim)
                                json_put_string(addresses, member->name, member->address);
                }
        CLEANUP(cleanup_free) char *text = json_print(addresses);
        json_put_string(notes, KINDS_NOTE_ADDRESSES, text);
        Action *action = draft_apply(plan, &kind_configmap,
                draft_render(plan, DRAFT_CONFIGMAP,
                        (const Hole[]){ hole_string("name", draft_name(view, "addresses")),
                                hole_string("namespace", view->namespace_),
                                hole_tree("labels", draft_labels(view, SET_REDIS)), hole_tree("notes", notes),
                                hole_absent("data"), HOLE_END }),
                "members know each other by these addresses, also after the pillar was made again");
        if (action)
                action->keep = true;
}

void pillar_plan_redis(const View *view, Target *target, Plan *plan) {
        if (!pillar_has_addresses(view, target->configured)) {
                plan->complete = false;
                plan_wait(plan, "addresses for the Services of Redis and Sentinel members",
                        "The API server gives each Service a ClusterIP");
                return;
        }
        keep_addresses(view, plan);
        want_configuration(view, target, plan);
        want_set(view, target, plan, SET_REDIS);
        want_set(view, target, plan, SET_SENTINEL);
}
