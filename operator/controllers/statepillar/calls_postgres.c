/* SPDX-License-Identifier: Apache-2.0 */
/* Patroni's REST API: settings in its DCS and the planned move of the primary. patronictl is not used: it may say done
 * where nothing was. https://patroni.readthedocs.io/en/latest/rest_api.html */
#include <string.h>

#include "lib/remote/http_get.h"
#include "operator/controllers/statepillar/calls.h"

enum { LOOK_TIMEOUT_MS = 3000, CONFIG_TIMEOUT_MS = 10000, SWITCHOVER_TIMEOUT_MS = 60000 };

#define REST_USER "madbase"

typedef struct Rest {
        Arena *arena;
        const Object *about;
        PillarSecrets secrets;
} Rest;

/* One request to a member. `ret_json` (may be NULL) is adopted by the arena; NULL when the body is no JSON. */
static bool ask(const Rest *rest, const char *member, const char *method, const char *path, const Json *body,
        int *ret_status, const Json **ret_json, Error *err) {
        CLEANUP(http_get_cleanup) HttpGet *client = http_get_new();
        CLEANUP(cleanup_free) char *text = body ? json_print(body) : NULL;
        CLEANUP(text_done) Text reply = { 0 };
        bool looking = strcmp(method, "GET") == 0;
        Json *json = NULL;
        Error ignored = { 0 };
        HttpGetTarget target = {
                .url = arena_printf(rest->arena, "https://%s:%d%s", call_host(rest->arena, rest->about, member),
                        PILLAR_PORT_PATRONI, path),
                .method = method,
                .body = text,
                .ca_pem = rest->secrets.ca,
                .username = looking ? NULL : REST_USER,
                .password = looking ? NULL : rest->secrets.rest_password,
                .timeout_ms = looking                       ? LOOK_TIMEOUT_MS
                              : strcmp(method, "POST") == 0 ? SWITCHOVER_TIMEOUT_MS
                                                            : CONFIG_TIMEOUT_MS,
        };

        if (!http_get(client, &target, ret_status, &reply, err))
                return error_wrap(err, "%s %s of %s", method, path, member);
        if (ret_json) {
                *ret_json = NULL;
                if (json_parse(text_string(&reply), reply.size, &json, &ignored))
                        *ret_json = json_adopt(rest->arena, json);
        }
        if (*ret_status == 401)
                return error_set(err, ERROR_UNAUTHORIZED, "%s refuses the password of its REST API", member);
        return true;
}

/* Members of `wanted` that `current` has otherwise, but for the one named `aside`. */
static Json *differing(const Json *current, const Json *wanted, const char *aside) {
        Json *patch = json_new_object();

        for (const Json *item = json_first(wanted); item; item = json_next(item))
                if (!text_equal(json_key(item), aside) && !json_equal(item, json_get(current, json_key(item))))
                        json_put(patch, json_key(item), json_copy(item));
        return patch;
}

static void put_unless_empty(Json *object, const char *key, Json *taken) {
        if (json_size(taken) > 0)
                json_put(object, key, taken);
        else
                json_free(taken);
}

Json *call_patroni_difference(const Json *current, const Json *wanted) {
        const Json *has = json_get(current, "postgresql"), *wants = json_get(wanted, "postgresql");
        const Json *had = json_get(has, "parameters"), *parameters = json_get(wants, "parameters");
        Json *patch = differing(current, wanted, "postgresql");
        Json *postgres = differing(has, wants, "parameters");
        Json *changed = differing(had, parameters, NULL);

        for (const Json *item = json_first(had); item; item = json_next(item))
                if (!json_get(parameters, json_key(item)))
                        json_put_null(changed, json_key(item));
        put_unless_empty(postgres, "parameters", changed);
        put_unless_empty(patch, "postgresql", postgres);
        return patch;
}

bool call_patroni_config(Runtime *runtime, const Object *about, const Json *args, Error *err) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Rest rest = { .arena = &arena, .about = about };
        const char *member = json_find_string(args, "/member", "");
        const Json *current = NULL;
        int status = 0;

        if (!call_credentials(runtime, about, &arena, &rest.secrets, err) ||
                !ask(&rest, member, "GET", "/config", NULL, &status, &current, err))
                return false;
        if (status != 200 || !current)
                return error_set(err, ERROR_UNAVAILABLE, "%s has no configuration of Patroni yet (%d)", member, status);
        Json *patch = json_adopt(&arena, call_patroni_difference(current, json_get(args, "config")));
        if (json_size(patch) == 0)
                return true;
        if (!ask(&rest, member, "PATCH", "/config", patch, &status, NULL, err))
                return false;
        if (status == 409)
                return error_set(err, ERROR_CONFLICT, "somebody else changed Patroni's configuration meanwhile");
        if (status != 200)
                return error_set(err, ERROR_UNAVAILABLE, "%s did not take the configuration (%d)", member, status);
        return true;
}

static bool still_leads(const Rest *rest, const char *leader, bool *ret_leads, Error *err) {
        const Json *says = NULL;
        int status = 0;

        if (!ask(rest, leader, "GET", "/patroni", NULL, &status, &says, err))
                return false;
        *ret_leads = status == 200 && text_equal(json_find_string(says, "/role", ""), "primary");
        return true;
}

/* Asked of the candidate itself, just before: the prober's answer may be a second old. */
static bool can_take_over(const Rest *rest, const char *candidate, Error *err) {
        const Json *says = NULL;
        int status = 0;

        if (!ask(rest, candidate, "GET", "/patroni", NULL, &status, &says, err))
                return false;
        if (status == 200 && text_equal(json_find_string(says, "/state", ""), "running") &&
                text_equal(json_find_string(says, "/replication_state", ""), "streaming"))
                return true;
        return error_set(err, ERROR_UNAVAILABLE, "%s does not stream from the primary", candidate);
}

bool call_postgres_restart(Runtime *runtime, const Object *about, const Json *args, Error *err) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Rest rest = { .arena = &arena, .about = about };
        const char *member = json_find_string(args, "/member", "");
        Json *body = json_adopt(&arena, json_new_object());
        int status = 0;

        if (!call_credentials(runtime, about, &arena, &rest.secrets, err))
                return false;
        /* Only if it still waits for one: the plan may be older than the last restart. 503 says that it does not. */
        json_put_bool(body, "restart_pending", true);
        if (!ask(&rest, member, "POST", "/restart", body, &status, NULL, err))
                return false;
        call_hurry(runtime, about);
        if (status != 200 && status != 503)
                return error_set(err, ERROR_UNAVAILABLE, "%s did not restart its PostgreSQL (%d)", member, status);
        return true;
}

bool call_switchover(Runtime *runtime, const Object *about, const Json *args, Error *err) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Rest rest = { .arena = &arena, .about = about };
        const char *from = json_find_string(args, "/from", ""), *to = json_find_string(args, "/to", "");
        Json *body = json_adopt(&arena, json_new_object());
        bool leads = false;
        int status = 0;

        if (!call_credentials(runtime, about, &arena, &rest.secrets, err) || !still_leads(&rest, from, &leads, err))
                return false;
        if (!leads) {
                /* The plan is older than the last move. */
                call_hurry(runtime, about);
                return true;
        }
        if (!can_take_over(&rest, to, err))
                return false;
        json_put_string(body, "leader", from);
        json_put_string(body, "candidate", to);
        if (!ask(&rest, from, "POST", "/switchover", body, &status, NULL, err))
                return false;
        call_hurry(runtime, about);
        if (status != 200)
                return error_set(err, status == 412 ? ERROR_CONFLICT : ERROR_UNAVAILABLE,
                        "Patroni did not switch over from %s to %s (%d)", from, to, status);
        return true;
}

bool call_confirm_primary(Runtime *runtime, const Object *about, const Json *args, Error *err) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Rest rest = { .arena = &arena, .about = about };
        const char *leader = json_find_string(args, "/leader", "");
        bool leads = false;

        if (!call_credentials(runtime, about, &arena, &rest.secrets, err) || !still_leads(&rest, leader, &leads, err))
                return false;
        if (leads)
                return true;
        call_hurry(runtime, about);
        return error_set(err, ERROR_CONFLICT, "%s is not the primary any more", leader);
}
