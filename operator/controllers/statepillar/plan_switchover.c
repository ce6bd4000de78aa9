/* SPDX-License-Identifier: Apache-2.0 */
/* The switchover that the user asks for by the annotation madbase.io/switchover. "any" becomes the name of a member
 * first, so that a pass that was cut short moves the primary once and not twice; the annotation goes when that member
 * leads. */
#include "operator/controllers/statepillar/draft.h"

/* `value` NULL takes the annotation away. */
static void note(const View *view, Plan *plan, const char *value, const char *why) {
        Json *patch = json_adopt(plan->arena, json_new_object());
        Json *notes = json_put_object(json_put_object(patch, "metadata"), "annotations");

        if (value)
                json_put_string(notes, "madbase.io/switchover", value);
        else
                json_put_null(notes, "madbase.io/switchover");
        plan_patch(plan, &kind_statepillar, view->namespace_, view->name, patch, why);
}

static const PillarMember *find_member(const View *view, const char *name) {
        for (int i = 0; i < view->sets[SET_POSTGRES].replicas && i < PILLAR_MEMBERS_MAXIMUM; i++)
                if (text_equal(view->sets[SET_POSTGRES].members[i].name, name))
                        return &view->sets[SET_POSTGRES].members[i];
        return NULL;
}

static const PillarMember *best_follower(const View *view) {
        for (int i = 0; i < view->sets[SET_POSTGRES].replicas && i < PILLAR_MEMBERS_MAXIMUM; i++)
                if (pillar_follows(&view->sets[SET_POSTGRES].members[i]))
                        return &view->sets[SET_POSTGRES].members[i];
        return NULL;
}

static void wait_for(Plan *plan, const char *what, const char *unblock, bool warning) {
        plan_wait(plan, what, unblock)->warning = warning;
}

void pillar_plan_switchover(const View *view, const Target *target, Plan *plan) {
        const PillarMember *leader = pillar_leader(view, SET_POSTGRES);
        bool any = text_equal(view->switchover, "any");
        const PillarMember *member = any ? best_follower(view) : find_member(view, view->switchover);

        if (!*view->switchover)
                return;
        if (!any && !member)
                wait_for(plan,
                        arena_printf(plan->arena, "a member named %s, to which madbase.io/switchover moves the primary",
                                view->switchover),
                        "Name a member of PostgreSQL or the word any, or take the annotation away", true);
        else if (member && member == leader)
                note(view, plan, NULL, arena_printf(plan->arena, "%s leads PostgreSQL, as asked", member->name));
        else if (pillar_scaling(target))
                wait_for(plan, "members to come and go, before the primary moves as asked", "It ends by itself", false);
        else if (!leader || !member || !pillar_follows(member))
                wait_for(plan,
                        arena_printf(plan->arena, "%s to follow without lag, before it becomes the primary as asked",
                                any ? "a member" : view->switchover),
                        "It follows by itself, or its pod says what is wrong", false);
        else if (any)
                note(view, plan, member->name, arena_printf(plan->arena, "%s follows best", member->name));
        else
                draft_move(view, plan, SET_POSTGRES, leader, member, "hand over as asked");
}
