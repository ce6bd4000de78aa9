/* SPDX-License-Identifier: Apache-2.0 */
/* From changes to keys. An object that moved from one owner to another wakes both. */
#include "operator/runtime/wake.h"

#include <stdio.h>
#include <string.h>

/* A namespace and a name have at most 63 and 253 characters. */
enum { KEY_SIZE = 320 };

static void wake_name(
        const Controller *controller, const char *namespace_, const char *name, WakeFunction *wake, void *context) {
        char key[KEY_SIZE];
        int length;

        if (controller->kind->cluster_scoped || !*namespace_)
                length = snprintf(key, sizeof(key), "%s", name);
        else
                length = snprintf(key, sizeof(key), "%s/%s", namespace_, name);
        if (length > 0 && (size_t)length < sizeof(key))
                wake(context, key);
}

static void wake_by_object(
        const Controller *controller, const Watched *watched, const Object *object, WakeFunction *wake, void *context) {
        const char *label;

        if (!object)
                return;
        if (watched->wake == WAKE_OWNER && object->owner_name && text_equal(object->owner_kind, controller->kind->kind))
                wake_name(controller, object->namespace_, object->owner_name, wake, context);
        if (watched->wake != WAKE_LABEL || watched->label_path >= object->value_count)
                return;
        label = object_value(object, watched->label_path);
        if (*label)
                wake_name(controller, object->namespace_, label, wake, context);
}

static void wake_all(Cache *own, WakeFunction *wake, void *context) {
        CLEANUP(arena_done) Arena arena = { 0 };
        const Object *const *objects = cache_all(own, &arena, NULL);

        for (; *objects; objects++)
                wake(context, object_key(*objects));
}

void wake_keys(const Controller *controller, const Kind *kind, const CacheChange *change, Cache *own,
        WakeFunction *wake, void *context) {
        if (kind == controller->kind)
                wake(context, object_key(change->after ? change->after : change->before));
        for (const Watched *watched = controller->watches; watched && watched->kind; watched++) {
                if (watched->kind != kind)
                        continue;
                if (watched->wake == WAKE_ALL)
                        wake_all(own, wake, context);
                wake_by_object(controller, watched, change->before, wake, context);
                wake_by_object(controller, watched, change->after, wake, context);
        }
}

void wake_split(const char *key, Arena *arena, const char **ret_namespace, const char **ret_name) {
        const char *slash = strchr(key, '/');

        *ret_namespace = slash ? arena_bytes(arena, key, (size_t)(slash - key)) : "";
        *ret_name = slash ? slash + 1 : key;
}
