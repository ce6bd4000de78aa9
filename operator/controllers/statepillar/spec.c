/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the spec of a StatePillar and says how much CPU and memory each part gets. The sizes of a plan are shared out
 * here and nowhere else: what a plan promises for a member is the sum of its row. */
#include <stddef.h>
#include <string.h>

#include "operator/controllers/statepillar/statepillar.h"

enum { MI = 1024 * 1024 };

static const char *const profiles[] = { "Development", "Production", NULL };
static const char *const plans[] = { "CX21", "CX31", "CX41", NULL };
static const char *const dcs_kinds[] = { "Kubernetes", "Etcd", NULL };
static const char *const synchronous_modes[] = { "Disabled", "Enabled", "Quorum", NULL };
static const char *const deletion_policies[] = { "Retain", "Delete", NULL };

#define AT(member) offsetof(PillarSpec, member)
const Field pillar_fields[] = {
        { "/spec/members", FIELD_INT, .offset = AT(members), .fallback = 3 },
        { "/spec/plan", FIELD_CHOICE, .offset = AT(plan), .choices = plans },
        { "/spec/profile", FIELD_CHOICE, .offset = AT(profile), .choices = profiles, .fallback = PROFILE_PRODUCTION },
        { "/spec/dcs", FIELD_CHOICE, .offset = AT(dcs), .choices = dcs_kinds },
        { "/spec/deletionPolicy", FIELD_CHOICE, .offset = AT(deletion), .choices = deletion_policies },
        { "/spec/paused", FIELD_BOOL, .offset = AT(paused) },
        { "/spec/storage/size", FIELD_STRING, .offset = AT(storage_size), .required = true },
        { "/spec/storage/size", FIELD_QUANTITY, .offset = AT(storage_bytes), .required = true },
        { "/spec/storage/redisSize", FIELD_STRING, .offset = AT(redis_size) },
        { "/spec/storage/className", FIELD_STRING, .offset = AT(storage_class) },
        { "/spec/allowFrom", FIELD_TREE, .offset = AT(allow_from) },
        { "/spec/postgres/version", FIELD_INT, .offset = AT(version), .minimum = 17, .maximum = 17, .fallback = 17 },
        { "/spec/postgres/synchronous", FIELD_CHOICE, .offset = AT(synchronous), .choices = synchronous_modes },
        { "/spec/postgres/parameters", FIELD_TREE, .offset = AT(parameters) },
        { "/spec/images/postgres", FIELD_STRING, .offset = AT(images[IMAGE_POSTGRES]) },
        { "/spec/images/redis", FIELD_STRING, .offset = AT(images[IMAGE_REDIS]) },
        { "/spec/images/haproxy", FIELD_STRING, .offset = AT(images[IMAGE_HAPROXY]) },
        { "/spec/images/etcd", FIELD_STRING, .offset = AT(images[IMAGE_ETCD]) },
        { "/spec/resources/postgres/requests/cpu", FIELD_MILLI, .offset = AT(asked_postgres.cpu_request) },
        { "/spec/resources/postgres/requests/memory", FIELD_QUANTITY, .offset = AT(asked_postgres.memory_request) },
        { "/spec/resources/postgres/limits/cpu", FIELD_MILLI, .offset = AT(asked_postgres.cpu_limit) },
        { "/spec/resources/postgres/limits/memory", FIELD_QUANTITY, .offset = AT(asked_postgres.memory_limit) },
        { "/spec/resources/redis/requests/cpu", FIELD_MILLI, .offset = AT(asked_redis.cpu_request) },
        { "/spec/resources/redis/requests/memory", FIELD_QUANTITY, .offset = AT(asked_redis.memory_request) },
        { "/spec/resources/redis/limits/cpu", FIELD_MILLI, .offset = AT(asked_redis.cpu_limit) },
        { "/spec/resources/redis/limits/memory", FIELD_QUANTITY, .offset = AT(asked_redis.memory_limit) },
        { 0 },
};
#undef AT

/* One member of a plan: 3 CPU and 8 GiB, 4 and 16, 8 and 32, less what Sentinel and the entry take. */
static const struct {
        int64_t postgres_cpu, postgres_mi, redis_cpu, redis_mi, connections;
} shares[] = {
        { 2000, 5632, 800, 2304, 100 },
        { 2700, 11264, 1100, 4864, 200 },
        { 5600, 22528, 2200, 9984, 500 },
};
static const Size sentinel_production = { 100, 0, 64LL * MI, 64LL * MI };
static const Size sentinel_development = { 10, 0, 16LL * MI, 64LL * MI };
static const Size entry_production = { 100, 0, 128LL * MI, 128LL * MI };
static const Size entry_development = { 10, 0, 32LL * MI, 128LL * MI };
static const Size etcd_production = { 200, 0, 512LL * MI, 512LL * MI };
static const Size etcd_development = { 20, 0, 64LL * MI, 256LL * MI };
static const Size postgres_development = { 50, 0, 128LL * MI, 1024LL * MI };
static const Size redis_development = { 10, 0, 32LL * MI, 256LL * MI };

bool pillar_members_valid(int64_t members) {
        return members == 1 || members == 3 || members == 5;
}

static void meet(int64_t asked_request, int64_t asked_limit, int64_t *request, int64_t *limit) {
        if (asked_limit > 0)
                *limit = asked_limit;
        if (asked_request > 0)
                *request = asked_request;
        if (asked_limit > 0 && asked_request == 0 && *request > *limit)
                *request = *limit;
        if (asked_request > 0 && asked_limit == 0 && *limit > 0 && *limit < *request)
                *limit = *request;
}

static Size resolve(Size planned, const Size *asked) {
        meet(asked->cpu_request, asked->cpu_limit, &planned.cpu_request, &planned.cpu_limit);
        meet(asked->memory_request, asked->memory_limit, &planned.memory_request, &planned.memory_limit);
        return planned;
}

static Size whole(int64_t cpu, int64_t mi) {
        return (Size){ cpu, cpu, mi * MI, mi * MI };
}

static void resolve_sizes(PillarSpec *spec) {
        bool development = spec->profile == PROFILE_DEVELOPMENT;
        Size postgres = development ? postgres_development
                                    : whole(shares[spec->plan].postgres_cpu, shares[spec->plan].postgres_mi);
        Size redis = development ? redis_development : whole(shares[spec->plan].redis_cpu, shares[spec->plan].redis_mi);

        spec->postgres = resolve(postgres, &spec->asked_postgres);
        spec->redis = resolve(redis, &spec->asked_redis);
        spec->sentinel = development ? sentinel_development : sentinel_production;
        spec->entry = development ? entry_development : entry_production;
        spec->etcd = development ? etcd_development : etcd_production;
        spec->connections = shares[spec->plan].connections;
}

bool pillar_spec_parse(const Json *spec, Arena *arena, PillarSpec *ret_spec, Error *err) {
        Json *object = json_adopt(arena, json_new_object());
        PillarSpec parsed = { 0 };

        json_put(object, "spec", json_copy(spec));
        if (!fields_parse(pillar_fields, object, arena, &parsed, err))
                return false;
        resolve_sizes(&parsed);
        *ret_spec = parsed;
        return true;
}
