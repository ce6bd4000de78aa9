/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on single objects. Law: every write passes the guard before and the hook after; nothing is read, changed and
 * written back. Lists are in client_list.c. */
#include "lib/kube/client.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"

struct Client {
        Http *http;
        ClientWriteHook *hook;
        void *hook_context;
        ClientWriteGuard *guard;
        void *guard_context;
};

/* One write, from the guard to the hook. */
typedef struct Write {
        const char *verb;
        const char *method;
        const char *content_type;
        const Kind *kind;
        const char *namespace_;
        const char *name; /* in the message; also of the path, unless it is a creation */
        const char *subresource;
        const char *query; /* with "?", or "" */
        bool dry_run;      /* neither guarded nor told */
} Write;

Client *client_new(Http *http) {
        Client *client = alloc_zero(sizeof *client);
        client->http = http;
        return client;
}

void client_free(Client *client) {
        free(client);
}

Http *client_http(Client *client) {
        return client->http;
}

void client_set_write_hook(Client *client, ClientWriteHook *hook, void *context) {
        client->hook = hook;
        client->hook_context = context;
}

void client_set_write_guard(Client *client, ClientWriteGuard *guard, void *context) {
        client->guard = guard;
        client->guard_context = context;
}

static void append_segment(Text *path, const char *segment) {
        text_append(path, "/");
        http_escape(path, segment);
}

void client_path(const Kind *kind, const char *namespace_, const char *name, const char *subresource, Text *path) {
        text_append(path, *kind->group ? "/apis" : "/api");
        if (*kind->group)
                append_segment(path, kind->group);
        append_segment(path, kind->version);
        if (namespace_ && *namespace_ && !kind->cluster_scoped) {
                text_append(path, "/namespaces");
                append_segment(path, namespace_);
        }
        append_segment(path, kind->plural);
        if (name)
                append_segment(path, name);
        if (subresource)
                append_segment(path, subresource);
}

/* "cannot apply StatefulSet prod/pg" for the start of an error. */
static char *describe(const char *verb, const Kind *kind, const char *namespace_, const char *name) {
        Text text = { 0 };
        text_printf(&text, "cannot %s %s %s%s%s", verb, kind->kind, namespace_ ? namespace_ : "",
                namespace_ && *namespace_ ? "/" : "", name);
        return text_take(&text);
}

static bool parse_body(const HttpResponse *response, Json **ret_json, Error *err) {
        return json_parse(text_string(&response->body), response->body.size, ret_json, err);
}

/* A 404 about the object itself names it; one about its type does not. */
static bool is_object_missing(const HttpResponse *response) {
        CLEANUP(json_cleanup) Json *status = NULL;
        return response->status == 404 && parse_body(response, &status, NULL) &&
               *json_find_string(status, "/details/name", "");
}

bool client_get(
        Client *client, const Kind *kind, const char *namespace_, const char *name, Json **ret_json, Error *err) {
        CLEANUP(text_done) Text path = { 0 };
        CLEANUP(http_response_done) HttpResponse response = { 0 };
        CLEANUP(cleanup_free) char *what = describe("get", kind, namespace_, name);
        client_path(kind, namespace_, name, NULL, &path);
        const HttpRequest request = { .method = "GET", .path = text_string(&path) };
        if (!http_exchange(client->http, &request, &response, err))
                return error_wrap(err, "%s", what);
        if (is_object_missing(&response)) {
                *ret_json = NULL;
                return true;
        }
        if (response.status != 200)
                return http_error(&response, what, err);
        return parse_body(&response, ret_json, err) || error_wrap(err, "%s", what);
}

/* Sends a write. The reply stays with the caller; whether its status is good too. */
static bool send_write(Client *client, const Write *write, const Json *body, HttpResponse *ret_response, Error *err) {
        CLEANUP(text_done) Text path = { 0 };
        CLEANUP(text_done) Text text = { 0 };
        if (!write->dry_run && client->guard && !client->guard(client->guard_context, err))
                return false;
        client_path(write->kind, write->namespace_, strcmp(write->method, "POST") != 0 ? write->name : NULL,
                write->subresource, &path);
        text_append(&path, write->query);
        json_append(body, &text);
        const HttpRequest request = { .method = write->method,
                .path = text_string(&path),
                .content_type = write->content_type,
                .body = text_string(&text),
                .body_size = text.size };
        return http_exchange(client->http, &request, ret_response, err);
}

/* After a 2xx: the hook, and the reply for the caller who wants it. */
static bool accept_reply(
        Client *client, const Write *write, const HttpResponse *response, Json **ret_json, Error *err) {
        CLEANUP(json_cleanup) Json *reply = NULL;
        if (!parse_body(response, &reply, err))
                return false;
        if (client->hook && !write->dry_run)
                client->hook(client->hook_context, write->verb, write->kind, reply);
        if (ret_json)
                *ret_json = TAKE(reply);
        return true;
}

static bool do_write(Client *client, const Write *write, const Json *body, Json **ret_json, Error *err) {
        CLEANUP(http_response_done) HttpResponse response = { 0 };
        CLEANUP(cleanup_free) char *what = describe(write->verb, write->kind, write->namespace_, write->name);
        if (!send_write(client, write, body, &response, err))
                return error_wrap(err, "%s", what);
        if (response.status / 100 != 2)
                return http_error(&response, what, err);
        return accept_reply(client, write, &response, ret_json, err) || error_wrap(err, "%s", what);
}

static const char *name_of(const Json *object) {
        return json_find_string(object, "/metadata/name", "");
}

static const char *namespace_of(const Json *object) {
        return json_find_string(object, "/metadata/namespace", NULL);
}

#define MANAGED "?fieldManager=" OBJECT_FIELD_MANAGER "&fieldValidation=Strict"

bool client_create(Client *client, const Kind *kind, const Json *object, Json **ret_json, Error *err) {
        const Write write = { .verb = "create",
                .method = "POST",
                .content_type = "application/json",
                .kind = kind,
                .namespace_ = namespace_of(object),
                .name = name_of(object),
                .query = MANAGED };
        return do_write(client, &write, object, ret_json, err);
}

bool client_replace(Client *client, const Kind *kind, const Json *object, Json **ret_json, Error *err) {
        const Write write = { .verb = "replace",
                .method = "PUT",
                .content_type = "application/json",
                .kind = kind,
                .namespace_ = namespace_of(object),
                .name = name_of(object),
                .query = MANAGED };
        return do_write(client, &write, object, ret_json, err);
}

bool client_apply(Client *client, const Json *object, const Kind *kind, const ApplyOptions *options, Json **ret_json,
        Error *err) {
        static const ApplyOptions USUAL = { 0 };
        CLEANUP(text_done) Text query = { 0 };
        options = options ? options : &USUAL;
        text_append(&query, "?fieldManager=");
        http_escape(&query, options->manager ? options->manager : OBJECT_FIELD_MANAGER);
        text_append(&query, options->no_force ? "" : "&force=true");
        text_append(&query, "&fieldValidation=Strict");
        text_append(&query, options->dry_run ? "&dryRun=All" : "");
        const Write write = { .verb = "apply",
                .method = "PATCH",
                .content_type = "application/apply-patch+yaml",
                .kind = kind,
                .namespace_ = namespace_of(object),
                .name = name_of(object),
                .subresource = options->subresource,
                .query = text_string(&query),
                .dry_run = options->dry_run };
        return do_write(client, &write, object, ret_json, err);
}

bool client_patch(Client *client, const Kind *kind, const char *namespace_, const char *name, const char *subresource,
        PatchType type, const Json *patch, Json **ret_json, Error *err) {
        static const char *const TYPES[] = { [PATCH_MERGE] = "application/merge-patch+json",
                [PATCH_JSON] = "application/json-patch+json",
                [PATCH_STRATEGIC] = "application/strategic-merge-patch+json" };
        const Write write = { .verb = "patch",
                .method = "PATCH",
                .content_type = TYPES[type],
                .kind = kind,
                .namespace_ = namespace_,
                .name = name,
                .subresource = subresource,
                .query = MANAGED };
        return do_write(client, &write, patch, ret_json, err);
}

static Json *delete_body(const DeleteOptions *options) {
        Json *body = json_new_object();
        json_put_string(body, "apiVersion", "v1");
        json_put_string(body, "kind", "DeleteOptions");
        json_put_string(body, "propagationPolicy", options->propagation ? options->propagation : "Background");
        if (options->at_once || options->grace_seconds > 0)
                json_put_int(body, "gracePeriodSeconds", options->at_once ? 0 : options->grace_seconds);
        if (options->uid || options->resource_version) {
                Json *preconditions = json_put_object(body, "preconditions");
                json_put_string(preconditions, "uid", options->uid);
                json_put_string(preconditions, "resourceVersion", options->resource_version);
        }
        return body;
}

/* After a 409: whether the object that was meant is not there any more. */
static bool is_gone(Client *client, const Write *write, const char *uid) {
        CLEANUP(json_cleanup) Json *now = NULL;
        if (!uid || !client_get(client, write->kind, write->namespace_, write->name, &now, NULL))
                return false;
        return !now || strcmp(json_find_string(now, "/metadata/uid", ""), uid) != 0;
}

bool client_delete(Client *client, const Kind *kind, const char *namespace_, const char *name,
        const DeleteOptions *options, bool *ret_deleted, Error *err) {
        static const DeleteOptions USUAL = { 0 };
        CLEANUP(http_response_done) HttpResponse response = { 0 };
        CLEANUP(cleanup_free) char *what = describe("delete", kind, namespace_, name);
        const Write write = { .verb = "delete",
                .method = "DELETE",
                .content_type = "application/json",
                .kind = kind,
                .namespace_ = namespace_,
                .name = name,
                .query = "" };
        options = options ? options : &USUAL;
        CLEANUP(json_cleanup) Json *body = delete_body(options);
        if (!send_write(client, &write, body, &response, err))
                return error_wrap(err, "%s", what);
        bool gone = is_object_missing(&response) || (response.status == 409 && is_gone(client, &write, options->uid));
        if (!gone && response.status / 100 != 2)
                return http_error(&response, what, err);
        if (!gone && !accept_reply(client, &write, &response, NULL, err))
                return error_wrap(err, "%s", what);
        if (ret_deleted)
                *ret_deleted = !gone;
        return true;
}
