/* SPDX-License-Identifier: Apache-2.0 */
/* Why a pod is not ready, in words for people. Pure. */
#pragma once

#include "operator/runtime/plan.h"

/* What keeps a pod from being ready. `what` stays the same as long as the trouble lasts, so that it is told once; what
 * moves meanwhile, as the scheduler's count of nodes does, stands in `unblock`. */
typedef struct PodTrouble {
        const char *what, *unblock;
        bool warning; /* it does not end by itself */
} PodTrouble;

/* Reads the conditions and container states of a kind_pod; the texts live in the arena or for good. False when the pod
 * shows nothing wrong: it is starting. */
bool pods_trouble(const Object *pod, Arena *arena, PodTrouble *ret_trouble);
/* One wait per pod (kind_pod, NULL-terminated) that is not ready and says why: its trouble, or just starting. Pods on
 * their way out are left out. Returns how many waits it added. */
int pods_explain(Plan *plan, const Object *const *pods);
