/* SPDX-License-Identifier: Apache-2.0 */
/* Health endpoints.
 * Law: a probe asks only for what is known already; nothing here waits. */
#include "lib/server/health.h"

#include <string.h>

#include "lib/base/alloc.h"

enum { SENTENCE_SIZE = 256 };

typedef struct Check {
        const char *name;
        HealthCheck *run;
        void *context;
} Check;

typedef struct CheckList {
        Check checks[HEALTH_MAXIMUM_CHECKS + 1]; /* with "ping" */
        size_t count;
} CheckList;

struct Health {
        Metrics *metrics;
        CheckList live, ready;
};

static bool pass(void *context, char *ret_sentence, size_t size) {
        (void)context;
        (void)ret_sentence;
        (void)size;
        return true;
}

static void add(CheckList *list, const char *name, HealthCheck *check, void *context) {
        if (list->count == ARRAY_LEN(list->checks))
                abort();
        list->checks[list->count++] = (Check){ .name = name, .run = check, .context = context };
}

Health *health_new(Metrics *metrics) {
        Health *health = alloc_zero(sizeof(*health));

        health->metrics = metrics;
        add(&health->live, "ping", pass, NULL);
        add(&health->ready, "ping", pass, NULL);
        return health;
}

void health_free(Health *health) {
        free(health);
}

void health_add_live(Health *health, const char *name, HealthCheck *check, void *context) {
        add(&health->live, name, check, context);
}

void health_add_ready(Health *health, const char *name, HealthCheck *check, void *context) {
        add(&health->ready, name, check, context);
}

static bool run_check(const Check *check, char sentence[SENTENCE_SIZE]) {
        sentence[0] = '\0';
        return check->run(check->context, sentence, SENTENCE_SIZE);
}

static void answer_all(const CheckList *list, const char *endpoint, const ServerRequest *request, ServerReply *reply) {
        char sentence[SENTENCE_SIZE], ignored[SENTENCE_SIZE];
        bool passed = true;

        for (size_t i = 0; i < list->count; i++) {
                const Check *check = &list->checks[i];

                if (server_query_is(request, "exclude", check->name)) {
                        text_printf(&reply->body, "[+]%s excluded: ok\n", check->name);
                } else if (run_check(check, sentence)) {
                        text_printf(&reply->body, "[+]%s ok\n", check->name);
                } else {
                        text_printf(&reply->body, "[-]%s failed: %s\n", check->name, sentence);
                        passed = false;
                }
        }
        text_printf(&reply->body, "%s check %s\n", endpoint, passed ? "passed" : "failed");
        reply->status = passed ? 200 : 500;
        if (passed && !server_query(request, "verbose", ignored, sizeof(ignored))) {
                text_clear(&reply->body);
                text_append(&reply->body, "ok");
        }
}

static void answer_one(const CheckList *list, const char *name, ServerReply *reply) {
        char sentence[SENTENCE_SIZE];

        for (size_t i = 0; i < list->count; i++) {
                if (strcmp(list->checks[i].name, name) != 0)
                        continue;
                if (run_check(&list->checks[i], sentence)) {
                        text_append(&reply->body, "ok");
                } else {
                        reply->status = 500;
                        text_printf(&reply->body, "internal server error: %s\n", sentence);
                }
                return;
        }
        reply->status = 404;
        text_append(&reply->body, "404 page not found\n");
}

/* What stands behind "/readyz" in the path: "" for all checks, a name for one, NULL for another path. */
static const char *check_in(const char *path, const char *endpoint) {
        size_t length = strlen(endpoint);

        if (strncmp(path, endpoint, length) != 0)
                return NULL;
        path += length;
        if (*path == '/')
                return path + 1;
        return *path ? NULL : path;
}

static bool answer_endpoint(const CheckList *list, const char *path, const ServerRequest *request, ServerReply *reply) {
        const char *check = check_in(request->path, path);

        if (!check)
                return false;
        if (*check)
                answer_one(list, check, reply);
        else
                answer_all(list, path + 1, request, reply);
        return true;
}

void health_handle(void *health, const ServerRequest *request, ServerReply *reply) {
        const Health *own = health;

        if (own->metrics && strcmp(request->path, "/metrics") == 0) {
                reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
                metrics_print(own->metrics, &reply->body);
        } else if (!answer_endpoint(&own->live, "/healthz", request, reply) &&
                   !answer_endpoint(&own->live, "/livez", request, reply) &&
                   !answer_endpoint(&own->ready, "/readyz", request, reply)) {
                server_problem(reply, 404, "there is nothing at this path");
        }
}
