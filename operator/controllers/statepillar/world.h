/* SPDX-License-Identifier: Apache-2.0 */
/* A small world for tests of the plan's laws: objects that a plan applied, pods that Kubernetes makes of them, and
 * members that elect a leader by themselves. No clock and no threads: a round is one pass of the operator, then
 * everything else catches up. */
#pragma once

#include "operator/controllers/statepillar/draft.h"

typedef struct World {
        Json *objects;                /* as the API server holds them */
        Json *ghosts;                 /* {SENTINEL: {"sentinels": n, "replicas": n}}: counted though they left */
        Json *pending;                /* {POD: {PARAMETER: {old_value, new_value}}}: settings that wait for a restart */
        Json *trace;                  /* calls and deletions in order, as text */
        char primary[64], master[64]; /* pod names; "" while there is none */
        bool secrets;
        int serial;
        int writes; /* of the last round: applies that changed something, deletions, calls */
        int timeline;
        const char *failing_over; /* this Sentinel is in the middle of a failover; NULL: none */
        const char *broken;       /* pods of this image never get ready; NULL: none */
} World;

/* Starts with the pillar alone; `spec` is YAML. */
void world_init(World *world, const char *spec);
void world_done(World *world);
/* Replaces members of the pillar's spec: YAML merged into it. */
void world_change(World *world, const char *spec);
/* The plan for what is there now. */
void world_plan(World *world, Arena *arena, Plan *plan);
/* One pass that is cut short after `actions` actions (negative: not), then everything catches up. Fails the test when a
 * data member leaves that leads, or two leave at once. */
void world_round(World *world, int actions);
/* Rounds until one writes nothing; fails the test after `rounds`. */
void world_settle(World *world, int rounds);
Json *world_find(const World *world, const char *kind, const char *name);
void world_remove(World *world, const char *kind, const char *name);
/* Status as the last plan has it, adopted by the arena. */
const Json *world_status(World *world, Arena *arena);
