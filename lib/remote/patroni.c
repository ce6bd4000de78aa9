/* SPDX-License-Identifier: Apache-2.0 */
/* Reading Patroni's view of a member.
 * Law: what moves by itself (positions, times) is read into numbers and kept out of the answer. */
#include "lib/remote/patroni.h"

#include <string.h>

static const char *copy(Arena *arena, const Json *json, const char *path) {
        return arena_string(arena, json_find_string(json, path, ""));
}

static const char *role_of(Arena *arena, const Json *json) {
        const char *role = json_find_string(json, "/role", "");

        return strcmp(role, "master") == 0 ? "primary" : arena_string(arena, role); /* Patroni 3 */
}

static const char *sync_of(const Json *json) {
        if (json_find_bool(json, "/sync_standby", false))
                return "sync";
        return json_find_bool(json, "/quorum_standby", false) ? "quorum" : "";
}

static void read_positions(const Json *json, PatroniState *state) {
        int64_t written = json_find_int(json, "/xlog/location", -1);
        int64_t replayed = json_find_int(json, "/xlog/replayed_location", -1);
        int64_t received = json_find_int(json, "/xlog/received_location", -1);

        state->position = written >= 0 ? written : replayed;
        state->received = written >= 0 ? written : received > replayed ? received : replayed;
}

bool patroni_parse(const char *body, size_t size, Arena *arena, PatroniState *ret_state, Error *err) {
        Json *json = NULL;

        if (!json_parse(body, size, &json, err))
                return error_wrap(err, "Patroni's answer");
        json = json_adopt(arena, json);
        if (!json_find_string(json, "/patroni/version", NULL) || !json_find_string(json, "/state", NULL))
                return error_set(err, ERROR_PROTOCOL, "the answer is not Patroni's");
        *ret_state = (PatroniState){
                .state = copy(arena, json, "/state"),
                .role = role_of(arena, json),
                .version = copy(arena, json, "/patroni/version"),
                .replication_state = copy(arena, json, "/replication_state"),
                .sync = sync_of(json),
                .started = copy(arena, json, "/postmaster_start_time"),
                .system_id = copy(arena, json, "/database_system_identifier"),
                .server_version = json_find_int(json, "/server_version", 0),
                .timeline = json_find_int(json, "/timeline", 0),
                .pending_restart = json_find_bool(json, "/pending_restart", false),
                .replay_paused = json_find_bool(json, "/xlog/paused", false),
                .paused = json_find_bool(json, "/pause", false),
                .unlocked = json_find_bool(json, "/cluster_unlocked", false),
                .failsafe = json_find_bool(json, "/failsafe_mode_is_active", false),
                .pending_restart_reason = json_find(json, "/pending_restart_reason"),
                .tags = json_find(json, "/tags"),
                .replication = json_find(json, "/replication"),
        };
        read_positions(json, ret_state);
        return true;
}

bool patroni_ask(HttpGet *client, const HttpGetTarget *target, Arena *arena, PatroniState *ret_state, Error *err) {
        Text body = { 0 };
        int status = 0;
        bool ok = http_get(client, target, &status, &body, err);

        if (ok && status != 200)
                ok = error_set(err, ERROR_UNAVAILABLE, "%s answers %d", target->url, status);
        else if (ok)
                ok = patroni_parse(text_string(&body), body.size, arena, ret_state, err);
        text_done(&body);
        return ok;
}

bool patroni_is_primary(const PatroniState *state) {
        return strcmp(state->role, "primary") == 0;
}

/* By name, since PostgreSQL lists its senders in any order. */
static void add_standbys(Json *answer, const Json *replication) {
        Json *standbys = json_put_object(answer, "standbys");

        for (const Json *at = json_first(replication); at; at = json_next(at)) {
                const char *name = json_find_string(at, "/application_name", "");

                if (!*name)
                        continue;
                json_put(standbys, name, json_new_object());
                json_put_string(json_get(standbys, name), "state", json_find_string(at, "/state", ""));
                json_put_string(json_get(standbys, name), "sync", json_find_string(at, "/sync_state", ""));
        }
}

Json *patroni_answer(const PatroniState *state) {
        Json *answer = json_new_object();

        json_put_string(answer, "state", state->state);
        json_put_string(answer, "role", state->role);
        json_put_int(answer, "timeline", state->timeline);
        json_put_string(answer, "version", state->version);
        json_put_int(answer, "server_version", state->server_version);
        json_put_string(answer, "replication_state", state->replication_state);
        json_put_string(answer, "sync", state->sync);
        json_put_string(answer, "started", state->started);
        json_put_string(answer, "system_id", state->system_id);
        json_put_bool(answer, "pending_restart", state->pending_restart);
        if (state->pending_restart_reason)
                json_put(answer, "pending_restart_reason", json_copy(state->pending_restart_reason));
        json_put_bool(answer, "replay_paused", state->replay_paused);
        json_put_bool(answer, "paused", state->paused);
        json_put_bool(answer, "unlocked", state->unlocked);
        json_put_bool(answer, "failsafe", state->failsafe);
        json_put(answer, "tags", state->tags ? json_copy(state->tags) : json_new_object());
        if (patroni_is_primary(state))
                add_standbys(answer, state->replication);
        return answer;
}
