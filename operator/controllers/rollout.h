/* SPDX-License-Identifier: Apache-2.0 */
/* When pods are replaced: only when the user asked. Two hashes stand on every pod template: madbase.io/roll covers what
 * the user set that needs a restart, madbase.io/template the whole template. A pod whose template differs while its
 * roll is the same was made by another version of the operator: it is left alone and reported as pending. Pure. */
#pragma once

#include "lib/base/json.h"
#include "lib/kube/object.h"

/* Puts both hashes on spec.template of a Deployment or StatefulSet; `roll` is any text that changes exactly when the
 * user asks for a restart. Call it last, when the template is whole. */
void rollout_stamp(Json *workload, const char *roll);

typedef struct Rollout {
        bool pending; /* some pod runs an older template though nothing the user set has changed */
        bool rolling; /* some pod is yet to be replaced because of what the user set */
} Rollout;
/* What the pods (NULL-terminated, kind_pod) say about a stamped workload. */
Rollout rollout_judge(const Json *workload, const Object *const *pods);
/* For a Deployment: holds its pods while an update is only pending (a paused Deployment keeps scaling). */
void rollout_hold(Json *deployment, Rollout judged);
