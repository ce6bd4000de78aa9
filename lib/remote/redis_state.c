/* SPDX-License-Identifier: Apache-2.0 */
/* Reading INFO.
 * Law: offsets are numbers for decisions and metrics, never part of the answer. */
#include "lib/remote/redis_state.h"

#include <string.h>

static const char *copy(Arena *arena, const Json *info, const char *key) {
        return arena_string(arena, json_string(json_get(info, key), ""));
}

static int64_t number(const Json *info, const char *key, int64_t fallback) {
        int64_t value = fallback;

        (void)text_to_int(json_string(json_get(info, key), NULL), INT64_MIN, INT64_MAX, &value);
        return value;
}

static bool says(const Json *info, const char *key, const char *value) {
        return strcmp(json_string(json_get(info, key), ""), value) == 0;
}

/* "dbN:keys=K,..." stands there for each database that has keys. */
static bool is_empty(const Json *info) {
        for (const Json *at = json_first(info); at; at = json_next(at))
                if (strncmp(json_key(at), "db", 2) == 0 && strncmp(json_string(at, ""), "keys=", 5) == 0 &&
                        strncmp(json_string(at, ""), "keys=0,", 7) != 0)
                        return false;
        return true;
}

bool redis_state_parse(const char *info, Arena *arena, RedisState *ret_state, Error *err) {
        const Json *json = json_adopt(arena, redis_parse_info(info));
        bool master = says(json, "role", "master");
        int64_t own_offset = number(json, "master_repl_offset", 0);

        if (!master && !says(json, "role", "slave"))
                return error_set(err, ERROR_PROTOCOL, "INFO does not say the role of a Redis server");
        *ret_state = (RedisState){
                .role = master ? "master" : "replica",
                .replid = copy(arena, json, "master_replid"),
                .replid2 = copy(arena, json, "master_replid2"),
                .run_id = copy(arena, json, "run_id"),
                .version = copy(arena, json, "redis_version"),
                .master_host = copy(arena, json, "master_host"),
                .master_port = (int)number(json, "master_port", 0),
                .offset = master ? own_offset : number(json, "slave_repl_offset", own_offset),
                .second_offset = number(json, "second_repl_offset", -1),
                .replicas = number(json, "connected_slaves", 0),
                .link_up = says(json, "master_link_status", "up"),
                .syncing = says(json, "master_sync_in_progress", "1"),
                .loading = says(json, "loading", "1"),
                .empty = is_empty(json),
        };
        return true;
}

bool redis_state_ask(Redis *redis, Arena *arena, RedisState *ret_state, Error *err) {
        CLEANUP(json_cleanup) Json *reply = NULL;

        return redis_command(redis, (const char *const[]){ "INFO" }, 1, &reply, err) &&
               redis_state_parse(json_string(reply, ""), arena, ret_state, err);
}

bool redis_state_look(const RedisTarget *target, Arena *arena, RedisState *ret_state, Error *err) {
        CLEANUP(redis_cleanup) Redis *redis = NULL;

        return redis_connect(target, &redis, err) && redis_state_ask(redis, arena, ret_state, err);
}

bool redis_state_is_master(const RedisState *state) {
        return strcmp(state->role, "master") == 0;
}

Json *redis_state_answer(const RedisState *state) {
        Json *answer = json_new_object();

        json_put_string(answer, "role", state->role);
        json_put_string(answer, "replid", state->replid);
        json_put_bool(answer, "offset_known", state->offset > 0);
        json_put_string(answer, "link", redis_state_is_master(state) ? "" : state->link_up ? "Up" : "Down");
        json_put_bool(answer, "syncing", state->syncing);
        json_put_string(answer, "master_host", state->master_host);
        json_put_int(answer, "master_port", state->master_port);
        json_put_int(answer, "replicas", state->replicas);
        json_put_bool(answer, "loading", state->loading);
        json_put_bool(answer, "empty", state->empty);
        json_put_string(answer, "run_id", state->run_id);
        json_put_string(answer, "version", state->version);
        return answer;
}
