/* SPDX-License-Identifier: Apache-2.0 */
/* A MadCluster in the API's own words: what its status says, without Kubernetes' bookkeeping. */
#include "api/api.h"

static void take_string(const Json *status, const char *key, Json *into) {
        json_put_string(into, key, json_string(json_get(status, key), NULL));
}

static void take_tree(const Json *status, const char *key, Json *into) {
        const Json *tree = json_get(status, key);

        json_put(into, key, tree ? json_copy(tree) : json_new_array());
}

Json *api_describe(const Json *cluster) {
        static const char *const pillars[] = { "system", "proxy", "worker", "state" };
        const Json *status = json_get(cluster, "status");
        Json *answer = json_new_object(), *parts;

        json_put_string(answer, "name", json_find_string(cluster, "/metadata/name", NULL));
        json_put_string(answer, "namespace", json_find_string(cluster, "/metadata/namespace", NULL));
        take_string(status, "phase", answer);
        take_string(status, "ready", answer);
        take_string(status, "quorum", answer);
        json_put_int(answer, "db_count", json_find_int(cluster, "/spec/state/members", 0));
        parts = json_put_object(answer, "pillars");
        for (size_t i = 0; i < ARRAY_LEN(pillars); i++)
                take_string(status, pillars[i], parts);
        json_put_bool(answer, "current",
                json_find_int(cluster, "/metadata/generation", 0) == json_find_int(status, "/observedGeneration", -1));
        take_tree(status, "waitingFor", answer);
        take_tree(status, "conditions", answer);
        return answer;
}
