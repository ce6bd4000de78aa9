/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the caches into what cluster_view takes. No request leaves from here. */
#include <string.h>

#include "operator/controllers/madcluster/observe.h"

bool cluster_observe(Runtime *runtime, const char *namespace_, const char *name, Arena *arena, ClusterView *ret_view) {
        ClusterSeen seen = { .settings = runtime->settings };

        seen.cluster = cache_get_in(runtime_cache(runtime, &kind_madcluster), arena, namespace_, name);
        if (!seen.cluster)
                return false;
        seen.pillar = cache_get_in(runtime_cache(runtime, &kind_statepillar), arena, namespace_, name);
        seen.deployments = cache_by_label(runtime_cache(runtime, &kind_deployment), arena, namespace_, name, NULL);
        seen.statefulsets = cache_by_label(runtime_cache(runtime, &kind_statefulset), arena, namespace_, name, NULL);
        seen.pods = cache_by_label(runtime_cache(runtime, &kind_pod), arena, namespace_, name, NULL);
        seen.autoscalers = cache_by_label(runtime_cache(runtime, &kind_autoscaler), arena, namespace_, name, NULL);
        seen.slices = cache_all(runtime_cache(runtime, &kind_endpointslice), arena, NULL);
        cluster_view(&seen, arena, ret_view);
        return true;
}
