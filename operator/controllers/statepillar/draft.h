/* SPDX-License-Identifier: Apache-2.0 */
/* What every part of the plan draws its objects with: names, labels, templates. A template that cannot be filled is a
 * bug: the plan is then held and says so, and nothing half-made reaches the server. */
#pragma once

#include "lib/base/template.h"
#include "operator/controllers/kinds.h"
#include "operator/controllers/statepillar/statepillar.h"

/* The parts of a pillar that run in pods; the first are the StatefulSets, under the same numbers. */
enum { PART_ENTRY = SET_COUNT, PART_COUNT };

typedef struct PillarPart {
        const char *suffix;    /* of object names: "pg" */
        const char *app;       /* label app.kubernetes.io/name */
        const char *component; /* label app.kubernetes.io/component */
        const char *title;     /* for sentences: "PostgreSQL" */
} PillarPart;
extern const PillarPart pillar_parts[PART_COUNT];

typedef enum DraftObject {
        DRAFT_SERVICE_HEADLESS,
        DRAFT_SERVICE_MEMBER,
        DRAFT_SERVICE_ENTRY,
        DRAFT_SERVICE_ALIAS,
        DRAFT_SERVICEACCOUNT,
        DRAFT_ROLEBINDING,
        DRAFT_DISRUPTION,
        DRAFT_NETWORKPOLICY,
        DRAFT_CONFIGMAP,
        DRAFT_POSTGRES,
        DRAFT_REDIS,
        DRAFT_SENTINEL,
        DRAFT_ETCD,
        DRAFT_ENTRY,
        DRAFT_FRAGMENTS,
        DRAFT_PATRONI,
        DRAFT_PATRONI_DYNAMIC,
        DRAFT_POSTGRES_PARAMETERS,
        DRAFT_COUNT
} DraftObject;

/* Configuration files that are text. */
typedef enum DraftText { DRAFT_HAPROXY_CFG, DRAFT_REDIS_CONF, DRAFT_SENTINEL_CONF, DRAFT_TEXT_COUNT } DraftText;

/* How many members there are to be now, and for how many objects are made. */
typedef struct Target {
        int wanted;              /* what the user asked for; the last good count when that cannot be */
        bool refused;            /* the user's count cannot be */
        int replicas[SET_COUNT]; /* to apply now */
        int configured; /* members that have Services and stand in the configuration: none is forgotten early */
        int etcd;
        int joined;  /* members that have all served together at some time; 0: not for the first time yet */
        bool moving; /* pods are still to come or to go */
        const char *roll_hash[PART_COUNT], *template_hash[PART_COUNT]; /* of the rendered pods; NULL: not rendered */
        const char *config_hash[PART_COUNT];                           /* of the rendered ConfigMap's data */
} Target;

/* The filled template, adopted by the plan's arena; NULL after holding the plan. */
Json *draft_render(Plan *plan, DraftObject object, const Hole *holes);
/* Wants a rendered object applied; NULL is ignored. */
Action *draft_apply(Plan *plan, const Kind *kind, Json *rendered, const char *why);
/* A call; `args` are taken. */
Action *draft_call(Plan *plan, const char *call, Json *args, const char *why);
/* The planned move of leadership; `purpose` is what the old leader is about to do: "leave", "restart". */
void draft_move(const View *view, Plan *plan, PillarSet set, const PillarMember *from, const PillarMember *to,
        const char *purpose);
/* Before a member of the set leaves or restarts: asks the leader itself whether it still leads; nothing after this in
 * the plan is carried out when it does not. `purpose` as above. */
void draft_confirm(
        Plan *plan, PillarSet set, const PillarMember *leader, const PillarMember *member, const char *purpose);
const char *draft_text(Plan *plan, DraftText text, const Hole *holes);
/* "prod-pg" for suffix "pg". */
const char *draft_name(const View *view, const char *suffix);
Json *draft_labels(const View *view, int part);
Json *draft_selector(const View *view, int part);
/* The ConfigMap NAME-PART-config; `data` is taken. `applied` is the note of settings taken over, or NULL. */
void draft_configmap(
        const View *view, Target *target, Plan *plan, int part, Json *data, const char *applied, const char *why);
/* Fills the notes madbase.io/roll and madbase.io/template of the pods of a StatefulSet or Deployment, and the target's
 * hashes; `roll` is what the user set that needs a restart, taken: what the user said, not what followed from it, or a
 * newer operator would restart pods. */
void draft_notes(const View *view, Target *target, int part, Json *object, Json *roll);
/* "requests" and "limits". */
Json *draft_resources(const Size *size);
/* A shared part of fragments.yaml, copied: "env", "spread", "security", "pod-security". */
Json *draft_fragment(const View *view, Plan *plan, int part, const char *key);
/* 16 hex digits of the tree's content. */
const char *draft_hash(Arena *arena, const Json *json);
/* PodDisruptionBudgets stand only where a member may be missed. */
bool draft_may_miss_one(const Target *target);

/* The parts of the plan; each names its objects and actions in order. */
void pillar_plan_secrets(const View *view, Plan *plan);
void pillar_plan_services(const View *view, const Target *target, Plan *plan);
void pillar_plan_network(const View *view, const Target *target, Plan *plan);
void pillar_plan_postgres(const View *view, Target *target, Plan *plan);
void pillar_plan_etcd(const View *view, Target *target, Plan *plan);
void pillar_plan_redis(const View *view, Target *target, Plan *plan);
void pillar_plan_entry(const View *view, Target *target, Plan *plan);
void pillar_plan_scale(const View *view, Target *ret_target, Plan *plan);
/* Makes the kubelet look at changed ConfigMaps at once. */
void pillar_plan_refresh(const View *view, const Target *target, Plan *plan);
void pillar_plan_roll(const View *view, const Target *target, Plan *plan);
void pillar_plan_switchover(const View *view, const Target *target, Plan *plan);
void pillar_plan_restart(const View *view, const Target *target, Plan *plan);
void pillar_plan_delete(const View *view, Plan *plan);
void pillar_plan_status(const View *view, const Target *target, Plan *plan);
/* How things stand, in the words of status. */
typedef struct Standing {
        int ready;          /* members whose PostgreSQL and Redis serve */
        bool writes;        /* both take writes */
        const char *quorum; /* "Healthy", "AtRisk", "Lost", "Single", "Unknown" */
} Standing;
/* plan_conditions.c: phase, conditions, updatePending and dryRun. */
void pillar_plan_conditions(const View *view, const Target *target, const Standing *standing, Plan *plan);
/* plan_waits.c: one wait for every member that is not as it should be. */
void pillar_plan_member_waits(const View *view, const Target *target, Plan *plan);

/* What Redis and Sentinel are told while they run, as "min-replicas=1 quorum=2 ..."; noted when they took it over. */
const char *pillar_redis_settings(const View *view, const Target *target);
/* plan_delete.c: puts or takes away the finalizer madbase.io/data. */
void pillar_plan_finalizer(const View *view, bool wanted, Plan *plan);
/* view_probe.c: the prober's answer (NULL: none) into the member's fields. */
void pillar_answer(const ProbeAnswer *answer, PillarSet set, PillarMember *member);
/* Whether members come or go, until those that came have all served. */
bool pillar_scaling(const Target *target);
/* Whether everything that the target names runs as it should. */
bool pillar_all_serve(const View *view, const Target *target);
/* Whether every redis and sentinel member up to `count` has an address. */
bool pillar_has_addresses(const View *view, int count);
/* The member that is primary (PostgreSQL) or master (Redis) by its own word, reachable; NULL when there is none. */
const PillarMember *pillar_leader(const View *view, PillarSet set);
/* Whether the member copies from its leader without lag. */
bool pillar_follows(const PillarMember *member);
/* Members of [0, count) that serve. */
int pillar_serving(const View *view, PillarSet set, int count);
/* Group name of the pillar's Sentinels: unique to this pillar even when addresses are traded. */
const char *pillar_group(const View *view);
