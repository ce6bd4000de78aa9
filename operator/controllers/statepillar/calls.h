/* SPDX-License-Identifier: Apache-2.0 */
/* What is done outside Kubernetes for a pillar: settings of running members, planned moves of leadership. Each call
 * looks at the member itself before it acts, may be cut short at any point and done again, and has a deadline. */
#pragma once

#include "lib/remote/redis.h"
#include "operator/controllers/statepillar/secrets.h"

/* "prod-pg-0.data.svc" for a member of the pillar `about`. */
const char *call_host(Arena *arena, const Object *about, const char *member);
/* The pillar's passwords and CA; NOT_FOUND while a Secret that is needed is lost. */
bool call_credentials(
        Runtime *runtime, const Object *about, Arena *arena, PillarSecrets *ret_secrets, Error *err) MUST_USE;
/* An authenticated connection to a Redis or Sentinel member. */
bool call_connect(const Object *about, const char *member, int port, const char *password, Redis **ret_redis,
        Error *err) MUST_USE;
/* The prober looks at the pillar's members again at once: something was changed. */
void call_hurry(Runtime *runtime, const Object *about);
/* One command without interest in its reply; `args` is NULL-terminated. */
bool call_tell(Redis *redis, const char *const *args, Error *err) MUST_USE;

/* What must be patched (RFC 7386) so that Patroni's `current` configuration says what `wanted` says: parameters that
 * are no longer wanted become null, what Patroni has beyond that stays. Pure; the caller frees it. */
Json *call_patroni_difference(const Json *current, const Json *wanted);
bool call_patroni_config(Runtime *runtime, const Object *about, const Json *args, Error *err);
bool call_postgres_restart(Runtime *runtime, const Object *about, const Json *args, Error *err);
bool call_switchover(Runtime *runtime, const Object *about, const Json *args, Error *err);
/* CONFLICT when the member does not lead any more. */
bool call_confirm_primary(Runtime *runtime, const Object *about, const Json *args, Error *err);
bool call_confirm_master(Runtime *runtime, const Object *about, const Json *args, Error *err);
bool call_redis_config(Runtime *runtime, const Object *about, const Json *args, Error *err);
bool call_redis_handover(Runtime *runtime, const Object *about, const Json *args, Error *err);
bool call_sentinel_reset(Runtime *runtime, const Object *about, const Json *args, Error *err);
bool call_service_again(Runtime *runtime, const Object *about, const Json *args, Error *err);
