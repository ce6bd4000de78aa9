/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers what a pass decides on: objects from the caches, the five Secrets by name, the prober's last answers. Nothing
 * here waits for a member. */
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "operator/controllers/statepillar/draft.h"
#include "operator/controllers/statepillar/secrets.h"

enum { TARGETS_MAXIMUM = 3 * PILLAR_MEMBERS_MAXIMUM };

/* Returns whether each was asked before. */
static bool want_probes(Runtime *runtime, const View *view, const PillarSecrets *secrets, const char *owner) {
        static const struct {
                ProbeKind kind;
                int port;
        } rows[] = {
                [SET_POSTGRES] = { PROBE_PATRONI, PILLAR_PORT_PATRONI },
                [SET_REDIS] = { PROBE_REDIS, PILLAR_PORT_REDIS },
                [SET_SENTINEL] = { PROBE_SENTINEL, PILLAR_PORT_SENTINEL },
        };
        ProbeTarget targets[TARGETS_MAXIMUM];
        size_t count = 0;
        bool asked = true;

        for (size_t set = 0; set < ARRAY_LEN(rows); set++)
                for (int i = 0; i < PILLAR_MEMBERS_MAXIMUM; i++) {
                        const PillarMember *member = &view->sets[set].members[i];
                        const char *password = set == SET_REDIS      ? secrets->redis_password
                                               : set == SET_SENTINEL ? secrets->sentinel_password
                                                                     : NULL;
                        if (!member->pod || !member->service || (set == SET_POSTGRES ? !secrets->ca : !password))
                                continue;
                        asked = asked && member->asked;
                        targets[count++] = (ProbeTarget){
                                .name = member->name,
                                .kind = rows[set].kind,
                                .host = pillar_host(view, member->name),
                                .port = rows[set].port,
                                .password = password,
                                .ca_pem = set == SET_POSTGRES ? secrets->ca : NULL,
                                .group = set == SET_SENTINEL ? pillar_group(view) : NULL,
                        };
                }
        prober_want(runtime->prober, owner, targets, count);
        return asked;
}

const char *pillar_host(const View *view, const char *member) {
        return arena_printf(view->arena, "%s.%s.svc", member, view->namespace_);
}

static const Object *const *labelled(Runtime *runtime, const Kind *kind, Arena *arena, const Object *pillar) {
        return cache_by_label(runtime_cache(runtime, kind), arena, pillar->namespace_, pillar->name, NULL);
}

bool pillar_observe(Runtime *runtime, const char *namespace_, const char *name, Arena *arena, View *ret_view,
        bool *ret_exists, Error *err) {
        const char *owner = runtime_owner(&statepillar_controller, namespace_, name, arena);
        const Object *pillar = cache_get_in(runtime_cache(runtime, &kind_statepillar), arena, namespace_, name);
        PillarSecrets secrets = { 0 };

        if (!pillar) {
                prober_want(runtime->prober, owner, NULL, 0);
                *ret_exists = false;
                return true;
        }
        if (!pillar_secrets_read(runtime, namespace_, name, arena, &secrets, err))
                return false;
        Seen seen = {
                .settings = runtime->settings,
                .pillar = pillar,
                .statefulsets = labelled(runtime, &kind_statefulset, arena, pillar),
                .deployments = labelled(runtime, &kind_deployment, arena, pillar),
                .pods = labelled(runtime, &kind_pod, arena, pillar),
                .services = labelled(runtime, &kind_service, arena, pillar),
                .configmaps = labelled(runtime, &kind_configmap, arena, pillar),
                .claims = labelled(runtime, &kind_claim, arena, pillar),
                .slices = cache_all(runtime_cache(runtime, &kind_endpointslice), arena, NULL),
                .now_ms = clock_now_ms(),
                .missing_secrets = secrets.missing,
                .odd_secrets = secrets.odd,
        };
        seen.answers = prober_answers(runtime->prober, owner, arena, &seen.answer_count);
        pillar_view(&seen, arena, ret_view);
        ret_view->asked = want_probes(runtime, ret_view, &secrets, owner);
        *ret_exists = true;
        return true;
}
