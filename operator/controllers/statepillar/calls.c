/* SPDX-License-Identifier: Apache-2.0 */
/* The table of calls, and what they share. */
#include "operator/controllers/statepillar/calls.h"

#include <poll.h>

#include "lib/base/clock.h"
#include "operator/controllers/kinds.h"

enum { COMMAND_TIMEOUT_MS = 2000, ADDRESS_RELEASE_MS = 1000, ADDRESS_RETRY_MS = 50 };

const Call pillar_calls[] = {
        { "secrets", call_secrets },
        { "delete-records", call_delete_records },
        { "service-again", call_service_again },
        { "patroni-config", call_patroni_config },
        { "postgres-restart", call_postgres_restart },
        { "switchover", call_switchover },
        { "confirm-primary", call_confirm_primary },
        { "confirm-master", call_confirm_master },
        { "redis-config", call_redis_config },
        { "redis-handover", call_redis_handover },
        { "sentinel-reset", call_sentinel_reset },
        { NULL, NULL },
};

const char *call_host(Arena *arena, const Object *about, const char *member) {
        return arena_printf(arena, "%s.%s.svc", member, about->namespace_);
}

bool call_credentials(Runtime *runtime, const Object *about, Arena *arena, PillarSecrets *ret_secrets, Error *err) {
        PillarSecrets secrets = { 0 };

        if (!pillar_secrets_read(runtime, about->namespace_, about->name, arena, &secrets, err))
                return false;
        if (!secrets.ca || !secrets.rest_password || !secrets.redis_password || !secrets.sentinel_password)
                return error_set(
                        err, ERROR_NOT_FOUND, "a password is missing; Secrets that are lost: %s", secrets.missing);
        *ret_secrets = secrets;
        return true;
}

bool call_connect(
        const Object *about, const char *member, int port, const char *password, Redis **ret_redis, Error *err) {
        CLEANUP(arena_done) Arena arena = { 0 };
        RedisTarget target = {
                .host = call_host(&arena, about, member),
                .port = port,
                .password = password,
                .timeout_ms = COMMAND_TIMEOUT_MS,
        };

        if (!redis_connect(&target, ret_redis, err))
                return error_wrap(err, "connecting to %s", member);
        return true;
}

void call_hurry(Runtime *runtime, const Object *about) {
        CLEANUP(arena_done) Arena arena = { 0 };

        prober_hurry(runtime->prober, runtime_owner(&statepillar_controller, about->namespace_, about->name, &arena));
}

bool call_tell(Redis *redis, const char *const *args, Error *err) {
        size_t count = 0;

        while (args[count])
                count++;
        if (!redis_command(redis, args, count, NULL, err))
                return error_wrap(err, "%s %s", args[0], count > 1 ? args[1] : "");
        return true;
}

/* The server lets an address go a moment after the Service that had it. */
static bool create_under_address(Runtime *runtime, const Json *service, Json **ret_reply, Error *err) {
        int64_t end = clock_now_ms() + ADDRESS_RELEASE_MS;

        while (!client_create(runtime->client, &kind_service, service, ret_reply, err)) {
                if (err->code != ERROR_INVALID || clock_now_ms() > end)
                        return false;
                (void)poll(NULL, 0, ADDRESS_RETRY_MS);
        }
        return true;
}

/* A lost Service is asked for under its former address; where another has taken that, the pillar takes a new one and
 * the configuration follows. */
bool call_service_again(Runtime *runtime, const Object *about, const Json *args, Error *err) {
        CLEANUP(json_cleanup) Json *service = json_copy(json_get(args, "service"));
        CLEANUP(json_cleanup) Json *reply = NULL;
        Error refused = { 0 };

        (void)about;
        bool made = create_under_address(runtime, service, &reply, &refused);
        if (!made && refused.code == ERROR_EXISTS)
                return true;
        if (!made && refused.code != ERROR_INVALID) {
                *err = refused;
                return false;
        }
        if (!made) {
                json_remove(json_get(service, "spec"), "clusterIP");
                if (!client_create(runtime->client, &kind_service, service, &reply, err))
                        return false;
        }
        runtime_wrote(runtime, &kind_service, reply);
        return true;
}
