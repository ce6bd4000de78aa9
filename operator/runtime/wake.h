/* SPDX-License-Identifier: Apache-2.0 */
/* Which keys of a controller a change of an object wakes. Law: of what changed nothing is passed on but the key. */
#pragma once

#include "operator/runtime/controller.h"

/* Told once per key, possibly twice the same; `context` is the caller's. */
typedef void WakeFunction(void *context, const char *key);

/* Keys that a change in the cache of `kind` wakes: the owner or label before and after it, all objects in `own` (the
 * controller's own cache) for WAKE_ALL, the object itself for the controller's own kind. That includes the status that
 * a pass wrote itself: what it recorded there may be what the next step stands on. Status is written only when it
 * differs, so this ends with one pass that finds nothing to do. */
void wake_keys(const Controller *controller, const Kind *kind, const CacheChange *change, Cache *own,
        WakeFunction *wake, void *context);
/* "namespace/name" or "name" into its parts; `ret_namespace` "" without one. In the arena. */
void wake_split(const char *key, Arena *arena, const char **ret_namespace, const char **ret_name);
