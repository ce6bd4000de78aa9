/* SPDX-License-Identifier: Apache-2.0 */
/* Why a pod is not ready, in words for people. Pure. */
#pragma once

#include "operator/runtime/plan.h"

/* One wait per pod (kind_pod, NULL-terminated) that is not ready and says why: unschedulable, image not to be had,
 * container keeps ending, or just starting. Returns how many waits it added. */
int pods_explain(Plan *plan, const Object *const *pods);
