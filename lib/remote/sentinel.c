/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a Sentinel.
 * Law: lists are sorted, so that the answer changes only when what is known changes. */
#include "lib/remote/sentinel.h"

#include <stdlib.h>
#include <string.h>

/* Sentinel describes a thing by an array of names and values in turn. */
static const char *field(const Json *pairs, const char *name) {
        for (const Json *at = json_first(pairs); at; at = json_next(json_next(at)))
                if (strcmp(json_string(at, ""), name) == 0)
                        return json_string(json_next(at), "");
        return "";
}

static int64_t number(const Json *pairs, const char *name) {
        int64_t value = 0;

        (void)text_to_int(field(pairs, name), 0, INT32_MAX, &value);
        return value;
}

/* Whether a comma-separated list of flags has this one. */
static bool flagged(const char *flags, const char *flag) {
        size_t length = strlen(flag);

        for (const char *at = flags; *at; at += strspn(at, ",")) {
                size_t size = strcspn(at, ",");

                if (size == length && strncmp(at, flag, length) == 0)
                        return true;
                at += size;
        }
        return false;
}

static SentinelPeer peer_of(const Json *pairs, Arena *arena) {
        const char *flags = field(pairs, "flags");

        return (SentinelPeer){
                .id = arena_string(arena, field(pairs, "runid")),
                .host = arena_string(arena, field(pairs, "ip")),
                .port = (int)number(pairs, "port"),
                .down = flagged(flags, "s_down") || flagged(flags, "disconnected"),
                .link_up = strcmp(field(pairs, "master-link-status"), "ok") == 0,
        };
}

static int compare_address(const void *a, const void *b) {
        const SentinelPeer *one = a, *other = b;
        int order = strcmp(one->host, other->host);

        return order ? order : (one->port > other->port) - (one->port < other->port);
}

static int compare_id(const void *a, const void *b) {
        const SentinelPeer *one = a, *other = b;
        int order = strcmp(one->id, other->id);

        return order ? order : compare_address(a, b);
}

static bool read_peers(const Json *list, int (*compare)(const void *, const void *), Arena *arena,
        const SentinelPeer **ret_peers, size_t *ret_count, Error *err) {
        size_t count = json_size(list), index = 0;
        SentinelPeer *peers;

        if (json_type(list) != JSON_ARRAY)
                return error_set(err, ERROR_PROTOCOL, "Sentinel did not answer with a list");
        if (count > SENTINEL_MAXIMUM_PEERS)
                return error_set(err, ERROR_TOO_LARGE, "Sentinel knows of %zu servers, more than %d", count,
                        SENTINEL_MAXIMUM_PEERS);
        peers = arena_alloc(arena, (count + 1) * sizeof(*peers));
        for (const Json *at = json_first(list); at; at = json_next(at))
                peers[index++] = peer_of(at, arena);
        qsort(peers, count, sizeof(*peers), compare);
        *ret_peers = peers;
        *ret_count = count;
        return true;
}

bool sentinel_parse(const Json *master, const Json *sentinels, const Json *replicas, Arena *arena,
        SentinelState *ret_state, Error *err) {
        const char *flags = field(master, "flags");
        SentinelState state = {
                .id = "",
                .known = true,
                .master_host = arena_string(arena, field(master, "ip")),
                .master_port = (int)number(master, "port"),
                .flags = arena_string(arena, flags),
                .quorum = number(master, "quorum"),
                .failover_in_progress = flagged(flags, "failover_in_progress"),
        };

        if (!*flags || !*state.master_host)
                return error_set(err, ERROR_PROTOCOL, "Sentinel's answer names no master");
        if (!read_peers(sentinels, compare_id, arena, &state.sentinels, &state.sentinel_count, err) ||
                !read_peers(replicas, compare_address, arena, &state.replicas, &state.replica_count, err))
                return false;
        *ret_state = state;
        return true;
}

static bool ask(Redis *redis, const char *question, const char *group, Json **ret_reply, Error *err) {
        return redis_command(
                redis, (const char *const[]){ "SENTINEL", question, group }, group ? 3 : 2, ret_reply, err);
}

bool sentinel_ask(Redis *redis, const char *group, Arena *arena, SentinelState *ret_state, Error *err) {
        CLEANUP(json_cleanup) Json *id = NULL;
        CLEANUP(json_cleanup) Json *master = NULL;
        CLEANUP(json_cleanup) Json *sentinels = NULL;
        CLEANUP(json_cleanup) Json *replicas = NULL;
        SentinelState state = { 0 };
        Error failure = { 0 };

        if (!ask(redis, "MYID", NULL, &id, err))
                return false;
        if (!ask(redis, "MASTER", group, &master, &failure)) {
                if (failure.code != ERROR_INVALID || !strstr(failure.text, "No such master")) {
                        if (err)
                                *err = failure;
                        return false;
                }
                *ret_state = (SentinelState){
                        .id = arena_string(arena, json_string(id, "")), .master_host = "", .flags = ""
                };
                return true;
        }
        if (!ask(redis, "SENTINELS", group, &sentinels, err) || !ask(redis, "REPLICAS", group, &replicas, err) ||
                !sentinel_parse(master, sentinels, replicas, arena, &state, err))
                return false;
        state.id = arena_string(arena, json_string(id, ""));
        state.quorum_ok = ask(redis, "CKQUORUM", group, NULL, &failure);
        if (!state.quorum_ok && strcmp(failure.reason, "NOQUORUM") != 0) {
                if (err)
                        *err = failure;
                return false;
        }
        *ret_state = state;
        return true;
}

static Json *add_peer(Json *list, const SentinelPeer *peer) {
        Json *json = json_add_object(list);

        json_put_string(json, "host", peer->host);
        json_put_int(json, "port", peer->port);
        json_put_bool(json, "down", peer->down);
        return json;
}

Json *sentinel_answer(const SentinelState *state) {
        Json *answer = json_new_object(), *sentinels, *replicas;

        json_put_string(answer, "id", state->id);
        json_put_bool(answer, "known", state->known);
        json_put_string(answer, "master_ip", state->master_host);
        json_put_int(answer, "master_port", state->master_port);
        json_put_string(answer, "flags", state->flags);
        json_put_bool(answer, "failover_in_progress", state->failover_in_progress);
        json_put_int(answer, "quorum", state->quorum);
        json_put_bool(answer, "quorum_ok", state->quorum_ok);
        json_put_int(answer, "sentinels", state->known ? (int64_t)state->sentinel_count + 1 : 0);
        json_put_int(answer, "replicas", (int64_t)state->replica_count);
        sentinels = json_put_array(answer, "known_sentinels");
        for (size_t i = 0; i < state->sentinel_count; i++)
                json_put_string(add_peer(sentinels, &state->sentinels[i]), "id", state->sentinels[i].id);
        replicas = json_put_array(answer, "known_replicas");
        for (size_t i = 0; i < state->replica_count; i++)
                json_put_bool(add_peer(replicas, &state->replicas[i]), "link_up", state->replicas[i].link_up);
        return answer;
}
