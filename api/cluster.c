/* SPDX-License-Identifier: Apache-2.0 */
/* Status and scaling of the MadCluster, asked of Kubernetes with the caller's own token. */
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "embedded/api.h"

enum { ASK_TIMEOUT_MS = 10000 };

static const Kind kind_madcluster = {
        .group = "madbase.io",
        .version = "v1alpha1",
        .kind = "MadCluster",
        .plural = "madclusters",
};

void api_problem(ServerReply *reply, int status, const char *title, const char *detail) {
        CLEANUP(json_cleanup) Json *problem = json_new_object();

        json_put_string(problem, "type", "about:blank");
        json_put_string(problem, "title", title);
        json_put_int(problem, "status", status);
        json_put_string(problem, "detail", detail);
        text_clear(&reply->body);
        json_append(problem, &reply->body);
        reply->status = status;
        reply->content_type = "application/problem+json";
        if (status == 401)
                reply->extra_header = "WWW-Authenticate: Bearer";
}

static void answer_json(ServerReply *reply, const Json *json) {
        json_append(json, &reply->body);
        reply->content_type = "application/json";
}

/* Kubernetes' own verdict on the caller or on the change, in its own words. */
static void pass_on(ServerReply *reply, const HttpResponse *response) {
        CLEANUP(json_cleanup) Json *status = NULL;
        const char *message;

        if (!json_parse(text_string(&response->body), response->body.size, &status, NULL))
                status = NULL;
        message = json_find_string(status, "/message", "Kubernetes gave no reason");
        switch (response->status) {
        case 401:
                api_problem(reply, 401, "Unauthorized", "Kubernetes does not accept this token");
                break;
        case 403:
                api_problem(reply, 403, "Forbidden", message);
                break;
        case 404:
                api_problem(reply, 404, "Not Found", message);
                break;
        case 400:
        case 422:
                api_problem(reply, 400, "Bad Request", message);
                break;
        case 409:
                api_problem(reply, 409, "Conflict", message);
                break;
        case 429:
                api_problem(reply, 503, "Service Unavailable", "Kubernetes is busy; try again in a few seconds");
                reply->extra_header = "Retry-After: 5";
                break;
        default:
                api_problem(reply, 502, "Bad Gateway", message);
        }
}

/* One request with the caller's token; false after the reply was made a problem. A 2xx body is parsed. */
static bool ask(
        const Api *api, const ServerRequest *request, HttpRequest *question, Json **ret_json, ServerReply *reply) {
        HttpResponse response = { 0 };
        Error err = { 0 };
        bool fine = false;

        if (!request->authorization || strncmp(request->authorization, "Bearer ", strlen("Bearer ")) != 0) {
                api_problem(reply, 401, "Unauthorized", "send your Kubernetes token: Authorization: Bearer TOKEN");
                return false;
        }
        question->authorization = request->authorization;
        question->timeout_ms = ASK_TIMEOUT_MS;
        question->ungated = true;
        if (!http_exchange(api->http, question, &response, &err)) {
                api_problem(reply, 503, "Service Unavailable", err.text);
                reply->extra_header = "Retry-After: 2";
                return false;
        }
        if (response.status / 100 != 2)
                pass_on(reply, &response);
        else if (!json_parse(text_string(&response.body), response.body.size, ret_json, &err))
                api_problem(reply, 502, "Bad Gateway", err.text);
        else
                fine = true;
        http_response_done(&response);
        return fine;
}

void api_status(void *context, const ServerRequest *request, ServerReply *reply) {
        const Api *api = context;
        CLEANUP(text_done) Text path = { 0 };
        CLEANUP(json_cleanup) Json *cluster = NULL, *answer = NULL;
        HttpRequest question = { .method = "GET" };

        client_path(&kind_madcluster, api->namespace_, api->cluster, NULL, &path);
        question.path = text_string(&path);
        if (!ask(api, request, &question, &cluster, reply))
                return;
        answer = api_describe(cluster);
        answer_json(reply, answer);
}

void api_scale(void *context, const ServerRequest *request, ServerReply *reply) {
        const Api *api = context;
        CLEANUP(text_done) Text path = { 0 };
        CLEANUP(json_cleanup) Json *scale = NULL, *answer = NULL;
        HttpRequest question = { .method = "PATCH", .content_type = "application/merge-patch+json" };
        ScaleRequest wanted = { 0 };
        Error err = { 0 };
        char patch[64];

        if (!api_parse_scale(request->body, request->body_size, &wanted, &err)) {
                api_problem(reply, 400, "Bad Request", err.text);
                return;
        }
        client_path(&kind_madcluster, api->namespace_, api->cluster, "scale", &path);
        text_append(&path, "?fieldManager=madbase-api");
        (void)snprintf(patch, sizeof(patch), "{\"spec\":{\"replicas\":%lld}}", (long long)wanted.target_db_count);
        question.path = text_string(&path);
        question.body = patch;
        question.body_size = strlen(patch);
        if (!ask(api, request, &question, &scale, reply))
                return;
        answer = json_new_object();
        json_put_int(answer, "target_db_count", json_find_int(scale, "/spec/replicas", 0));
        json_put_int(answer, "db_count", json_find_int(scale, "/status/replicas", 0));
        reply->status = 202;
        answer_json(reply, answer);
}

void api_openapi(void *context, const ServerRequest *request, ServerReply *reply) {
        (void)context;
        (void)request;
        text_append(&reply->body, api_openapi_json);
        reply->content_type = "application/json";
}
