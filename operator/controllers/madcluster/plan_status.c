/* SPDX-License-Identifier: Apache-2.0 */
/* Adds the pillars up: columns, phase, conditions, and one wait for everything that is not as it should be. The phase
 * is derived from what is seen, never remembered. */
#include <string.h>

#include "operator/controllers/madcluster/parts.h"
#include "operator/controllers/pods.h"
#include "operator/controllers/rollout.h"

typedef struct Tally {
        int declared, ready;    /* pillars */
        bool nothing_ready;     /* some pillar has not one ready pod yet */
        bool updating, pending; /* pods to be replaced; pods of another version left alone */
        const char *columns[4]; /* system, proxy, worker, state; NULL: not declared */
        const char *quorum, *pillar_phase;
} Tally;

enum { COLUMN_SYSTEM, COLUMN_PROXY, COLUMN_WORKER, COLUMN_STATE };

static int64_t wanted(const ClusterView *view, ClusterPart part) {
        const Object *live = view->deployments[part];

        if (part == PART_METRICS || part == PART_API)
                return 1;
        if (part == PART_GATEWAY && view->spec.autoscale && live)
                return object_value_int(live, DEPLOYMENT_REPLICAS, view->spec.replicas[part]);
        return view->spec.replicas[part];
}

static int64_t ready(const ClusterView *view, ClusterPart part) {
        int64_t count = 0;

        for (size_t i = 0; i < view->pod_counts[part]; i++) {
                const Object *pod = view->pods[part][i];

                if (!pod->deleting && !strcmp(object_value(pod, POD_READY), "True"))
                        count++;
        }
        return count;
}

static void explain(const ClusterView *view, ClusterPart part, Plan *plan) {
        const Object *live = view->deployments[part];
        const char *failure = live ? object_value(live, DEPLOYMENT_FAILURE) : "";
        Wait *wait;

        if (failure[0]) {
                wait = plan_wait(plan, arena_printf(view->arena, "pods of %s cannot be made: %s", live->name, failure),
                        "Raise the quota or lift what forbids the pods");
                wait->kind = "Deployment";
                wait->name = live->name;
                wait->warning = true;
        }
        if (pods_explain(plan, view->pods[part]) == 0 && !failure[0])
                plan_wait(plan, arena_printf(view->arena, "%s is not ready", cluster_part_name(view, part)),
                        "Wait for its pods to start");
}

/* The parts of one pillar into its column. */
static void tally_programs(
        const ClusterView *view, const ClusterPart *parts, size_t count, int column, Tally *tally, Plan *plan) {
        int64_t have = 0, want = 0;

        for (size_t i = 0; i < count; i++) {
                int64_t own = ready(view, parts[i]), need = wanted(view, parts[i]);

                if (!cluster_part_declared(&view->spec, parts[i]))
                        continue;
                have += own < need ? own : need;
                want += need;
                if (own == 0)
                        tally->nothing_ready = true;
                if (own < need)
                        explain(view, parts[i], plan);
        }
        if (want == 0)
                return;
        tally->declared++;
        tally->ready += have == want;
        tally->columns[column] = arena_printf(view->arena, "%lld/%lld", (long long)have, (long long)want);
}

static void tally_pillar(const ClusterView *view, Tally *tally, Plan *plan) {
        const char *phase = json_string(json_get(view->pillar_status, "phase"), "Pending");
        const char *first = json_find_string(view->pillar_status, "/waitingFor[0]/what", NULL);
        const char *unblock = json_find_string(view->pillar_status, "/waitingFor[0]/unblock", NULL);
        bool is_ready = !strcmp(json_find_string(view->pillar_status, "/conditions[type=Ready]/status", ""), "True");

        if (!view->spec.has_state)
                return;
        tally->declared++;
        tally->ready += is_ready;
        tally->pillar_phase = phase;
        tally->quorum = json_string(json_get(view->pillar_status, "quorum"), "Unknown");
        tally->columns[COLUMN_STATE] = json_string(json_get(view->pillar_status, "ready"),
                arena_printf(view->arena, "0/%lld", (long long)view->spec.members));
        if (json_int(json_get(view->pillar_status, "readyMembers"), 0) == 0)
                tally->nothing_ready = true;
        if (!is_ready) {
                Wait *wait = plan_wait(plan, first ? first : "the State pillar is not ready",
                        unblock ? unblock : "Look at the StatePillar of the same name");

                wait->kind = "StatePillar";
                wait->name = view->name;
        }
}

/* Works on the Deployments that the plan has drawn: they carry the wanted hashes. */
static void tally_rollouts(const ClusterView *view, const Plan *plan, Json *pending, Json *restarts, Tally *tally) {
        for (const Action *action = plan->actions; action; action = action->next) {
                if (action->object_kind != &kind_deployment && action->object_kind != &kind_statefulset)
                        continue;
                for (int part = 0; part < PART_COUNT; part++) {
                        Rollout judged;

                        if (action->kind != ACTION_APPLY ||
                                strcmp(action->name, cluster_part_name(view, (ClusterPart)part)) != 0)
                                continue;
                        judged = rollout_judge(action->object, view->pods[part]);
                        tally->updating |= judged.rolling;
                        tally->pending |= judged.pending;
                        if (judged.pending)
                                json_add_string(pending, action->name);
                        if (judged.rolling)
                                for (size_t i = 0; i < view->pod_counts[part]; i++)
                                        json_add_string(restarts, view->pods[part][i]->name);
                }
        }
}

static const char *derive_phase(const ClusterView *view, const Tally *tally) {
        static const char *const passed_on[] = { "Scaling", "Switchover", "Updating", "Degraded" };

        if (view->deleting)
                return "Deleting";
        if (view->spec.paused || view->dry_run)
                return "Paused";
        if (tally->declared == tally->ready)
                return tally->updating ? "Updating" : "Ready";
        if (tally->nothing_ready)
                return "Creating";
        for (size_t i = 0; tally->pillar_phase && i < ARRAY_LEN(passed_on); i++)
                if (!strcmp(tally->pillar_phase, passed_on[i]))
                        return passed_on[i];
        return tally->updating ? "Updating" : "Degraded";
}

static void put_images(const ClusterView *view, Json *status) {
        static const char *const keys[PART_COUNT] = { "api", "gateway", "worker", "victoriaMetrics" };
        Json *images = json_put_object(status, "images");
        Json *defaults = json_put_object(status, "defaultImages");

        for (int part = 0; part < PART_COUNT; part++) {
                json_put_string(images, keys[part], view->images[part]);
                json_put_string(defaults, keys[part], view->default_images[part]);
        }
}

static void put_columns(const ClusterView *view, const Tally *tally, Json *status) {
        static const char *const names[] = { "system", "proxy", "worker", "state" };

        json_put_string(status, "ready", arena_printf(view->arena, "%d/%d", tally->ready, tally->declared));
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                json_put_string(status, names[i], tally->columns[i]);
        json_put_string(status, "quorum", tally->quorum);
        if (view->spec.has_state) {
                json_put_int(status, "members", json_int(json_get(view->pillar_status, "members"), 0));
                json_put_string(status, "selector", json_string(json_get(view->pillar_status, "selector"), NULL));
        }
}

static void put_conditions(const ClusterView *view, const Tally *tally, Plan *plan) {
        bool all = tally->ready == tally->declared;
        const char *message =
                all ? "all declared pillars are ready"
                    : arena_printf(view->arena, "%d of %d declared pillars are ready", tally->ready, tally->declared);

        plan_condition(plan, "Ready", all ? "True" : "False", all ? "AllPillarsReady" : "PillarsNotReady", message);
        plan_condition(plan, "Reconciling", all && !tally->updating ? "False" : "True",
                all && !tally->updating ? "Converged" : "Progressing", message);
        plan_condition(plan, "Stalled", "False", "NotStalled", "nothing stops the operator");
        plan_condition(plan, "UpdatePending", tally->pending ? "True" : "False",
                tally->pending ? "OtherVersion" : "Current",
                tally->pending ? "some pods were made by another version of the operator; they are replaced when "
                                 "madbase.io/restart is set to a new value"
                               : "every pod is as this version of the operator makes it");
        if (tally->quorum)
                plan_condition(plan, "QuorumHealthy",
                        json_find_string(view->pillar_status, "/conditions[type=QuorumHealthy]/status", "Unknown"),
                        json_find_string(view->pillar_status, "/conditions[type=QuorumHealthy]/reason", "Unknown"),
                        json_find_string(view->pillar_status, "/conditions[type=QuorumHealthy]/message",
                                "the StatePillar has not said yet"));
}

void plan_status(const ClusterView *view, Plan *plan) {
        static const ClusterPart system_parts[] = { PART_API, PART_METRICS };
        static const ClusterPart proxy_parts[] = { PART_GATEWAY }, worker_parts[] = { PART_WORKER };
        Json *status = json_adopt(view->arena, json_new_object());
        Json *pending = json_new_array(), *restarts = json_adopt(view->arena, json_new_array());
        Tally tally = { 0 };

        tally_pillar(view, &tally, plan);
        tally_programs(view, system_parts, ARRAY_LEN(system_parts), COLUMN_SYSTEM, &tally, plan);
        tally_programs(view, proxy_parts, ARRAY_LEN(proxy_parts), COLUMN_PROXY, &tally, plan);
        tally_programs(view, worker_parts, ARRAY_LEN(worker_parts), COLUMN_WORKER, &tally, plan);
        tally_rollouts(view, plan, pending, restarts, &tally);
        plan->status = status;
        plan->phase = derive_phase(view, &tally);
        put_images(view, status);
        put_columns(view, &tally, status);
        json_put(status, "updatePending", pending);
        if (view->dry_run) {
                Json *told = json_put_object(status, "dryRun");

                json_put(told, "restarts", json_copy(restarts));
                json_put_bool(told, "switchover", json_find_bool(view->pillar_status, "/dryRun/switchover", false));
        }
        put_conditions(view, &tally, plan);
}
