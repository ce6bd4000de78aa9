/* SPDX-License-Identifier: Apache-2.0 */
/* The small questions that controllers ask their runtime. */
#include "operator/runtime/applied.h"
#include "operator/runtime/caches.h"
#include "operator/runtime/controller.h"
#include "operator/runtime/freshness.h"

Cache *runtime_cache(const Runtime *runtime, const Kind *kind) {
        return caches_find(runtime->caches, kind);
}

const char *runtime_owner(const Controller *controller, const char *namespace_, const char *name, Arena *arena) {
        return arena_printf(arena, "%s/%s/%s", controller->name, namespace_, name);
}

void runtime_wrote(Runtime *runtime, const Kind *kind, const Json *reply) {
        const char *version = json_find_string(reply, "/metadata/resourceVersion", NULL);
        Cache *cache = caches_find(runtime->caches, kind);

        /* What the watch does not show moves its version at bookmarks only: not worth waiting for. */
        if (!runtime->freshness || !cache || !version || !caches_show(runtime->caches, kind, reply))
                return;
        freshness_wrote(
                runtime->freshness, runtime->key, cache, json_find_string(reply, "/metadata/namespace", ""), version);
}

void runtime_deleted(Runtime *runtime, const Kind *kind, const char *namespace_, const char *name, const char *uid) {
        Cache *cache = caches_find(runtime->caches, kind);

        if (runtime->freshness && cache)
                freshness_deleted(runtime->freshness, runtime->key, cache, namespace_, name, uid);
}
