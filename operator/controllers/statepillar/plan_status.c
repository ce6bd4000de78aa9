/* SPDX-License-Identifier: Apache-2.0 */
/* What users see: derived from what Patroni, Redis and Sentinel say, never from labels and never remembered. */
#include "operator/controllers/statepillar/draft.h"

static int least(int a, int b) {
        return a < b ? a : b;
}

/* Members of every part that take part. */
static int taking_part(const View *view, const Target *target) {
        int count = PILLAR_MEMBERS_MAXIMUM;

        for (int set = SET_POSTGRES; set <= SET_SENTINEL; set++)
                count = least(count, pillar_serving(view, (PillarSet)set, target->wanted));
        return count;
}

static int ready_members(const View *view, int wanted) {
        int count = 0;

        for (int i = 0; i < wanted; i++)
                if (view->sets[SET_POSTGRES].members[i].serves && view->sets[SET_REDIS].members[i].serves)
                        count++;
        return count;
}

static bool serves_writes(const View *view) {
        const PillarMember *primary = pillar_leader(view, SET_POSTGRES);
        const PillarMember *master = pillar_leader(view, SET_REDIS);

        return primary && primary->serves && master && master->serves;
}

static bool anybody_reachable(const View *view) {
        for (int set = SET_POSTGRES; set <= SET_SENTINEL; set++)
                for (int i = 0; i < PILLAR_MEMBERS_MAXIMUM; i++)
                        if (view->sets[set].members[i].reachable)
                                return true;
        return false;
}

static bool sentinels_agree(const View *view) {
        for (int i = 0; i < PILLAR_MEMBERS_MAXIMUM; i++)
                if (view->sets[SET_SENTINEL].members[i].reachable && view->sets[SET_SENTINEL].members[i].quorum_ok)
                        return true;
        return false;
}

static const char *quorum_word(const View *view, const Target *target) {
        if (!anybody_reachable(view))
                return "Unknown";
        if (target->wanted == 1 && !pillar_scaling(target))
                return "Single";
        if (taking_part(view, target) >= target->wanted)
                return "Healthy";
        return serves_writes(view) && sentinels_agree(view) ? "AtRisk" : "Lost";
}

static void put_member_list(const View *view, PillarSet set, Json *into) {
        Json *list = json_put_array(into, "members");

        for (int i = 0; i < PILLAR_MEMBERS_MAXIMUM; i++) {
                const PillarMember *member = &view->sets[set].members[i];
                if (!member->pod)
                        continue;
                bool known = member->reachable && *member->role;
                Json *row = json_add_object(list);
                json_put_string(row, "name", member->name);
                if (set == SET_POSTGRES) {
                        json_put_string(row, "role", known ? member->role : "unknown");
                        json_put_string(row, "state", member->reachable && *member->state ? member->state : "unknown");
                        if (member->reachable && member->timeline > 0)
                                json_put_int(row, "timeline", member->timeline);
                        json_put_string(row, "lag", member->reachable && *member->lag ? member->lag : NULL);
                } else {
                        bool master = text_equal(member->role, "master");
                        json_put_string(row, "role", !known ? "unknown" : master ? "master" : "replica");
                        json_put_string(row, "link", known && !master && *member->state ? member->state : NULL);
                }
        }
}

static void put_sentinels(const View *view, Json *redis) {
        Json *sentinels = json_put_object(redis, "sentinels");
        int64_t known = 0, reachable = 0;

        for (int i = 0; i < PILLAR_MEMBERS_MAXIMUM; i++) {
                const PillarMember *member = &view->sets[SET_SENTINEL].members[i];
                if (!member->reachable)
                        continue;
                reachable++;
                known = member->known > known ? member->known : known;
        }
        json_put_int(sentinels, "known", known);
        json_put_int(sentinels, "reachable", reachable);
        json_put_bool(sentinels, "quorumOk", sentinels_agree(view));
}

static void put_images(const View *view, Json *status) {
        static const char *const keys[IMAGE_COUNT] = { "postgres", "redis", "haproxy", "etcd" };
        Json *images = json_put_object(status, "images");
        Json *defaults = json_put_object(status, "defaultImages");

        for (int i = 0; i < IMAGE_COUNT; i++)
                if (i != IMAGE_ETCD || view->spec.dcs == DCS_ETCD) {
                        json_put_string(images, keys[i], view->images[i]);
                        json_put_string(defaults, keys[i], view->default_images[i]);
                }
}

static void put_addresses(const View *view, const Target *target, Json *status) {
        Json *addresses = json_put_object(status, "addresses");

        for (int set = SET_REDIS; set <= SET_SENTINEL; set++)
                for (int i = 0; i < target->configured; i++) {
                        const PillarMember *member = &view->sets[set].members[i];
                        json_put_string(addresses, member->name, member->address);
                }
}

void pillar_plan_status(const View *view, const Target *target, Plan *plan) {
        Json *status = json_adopt(plan->arena, json_new_object());
        const PillarMember *primary = pillar_leader(view, SET_POSTGRES);
        const PillarMember *master = pillar_leader(view, SET_REDIS);
        int members = 0;

        for (int i = 0; i < PILLAR_MEMBERS_MAXIMUM; i++)
                members += view->sets[SET_POSTGRES].members[i].pod != NULL;
        plan->status = status;
        Standing standing = {
                .ready = ready_members(view, target->wanted),
                .writes = serves_writes(view),
                .quorum = quorum_word(view, target),
        };
        if (target->configured > 0)
                pillar_plan_member_waits(view, target, plan);
        pillar_plan_conditions(view, target, &standing, plan);
        json_put_string(status, "phase", plan->phase);
        json_put_string(status, "ready", arena_printf(plan->arena, "%d/%d", standing.ready, target->wanted));
        json_put_int(status, "members", members);
        json_put_int(status, "readyMembers", standing.ready);
        json_put_string(status, "selector",
                arena_printf(plan->arena, "app.kubernetes.io/name=postgresql,%s=%s", KINDS_LABEL_CLUSTER, view->name));
        json_put_string(status, "primary", primary ? primary->name : NULL);
        if (primary && primary->timeline > 0)
                json_put_int(status, "timeline", primary->timeline);
        json_put_string(status, "redisMaster", master ? master->name : NULL);
        json_put_string(status, "quorum", standing.quorum);
        put_member_list(view, SET_POSTGRES, json_put_object(status, "postgres"));
        Json *redis = json_put_object(status, "redis");
        put_member_list(view, SET_REDIS, redis);
        put_sentinels(view, redis);
        put_images(view, status);
        put_addresses(view, target, status);
}
