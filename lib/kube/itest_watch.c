/* SPDX-License-Identifier: Apache-2.0 */
/* A program that the integration tests talk to: it keeps caches of what it is told to watch, prints every change as a
 * line of JSON, and answers commands on standard input. See e2e/integration/watch_program.py.
 *   --kubeconfig FILE --watch GROUP,VERSION,KIND,PLURAL[,cluster] ... [--namespace NS ...] [--selector LABELS]
 *   [--page N] [--no-watch-list] [--silence-ms N] [--timeout-s N] [--quiet]
 * Commands: wait MS | dump | size | seen NAMESPACE VERSION | when NAMESPACE VERSION | trouble | metrics | get KIND NS
 * NAME | quit */
#include <assert.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/kube/watch.h"

enum { MAXIMUM_KINDS = 32, MAXIMUM_SCOPES = 8, MAXIMUM_LINE = 1024 };

static const char *const PATHS[] = { "/data/v", "/metadata/labels/app", NULL };

typedef struct Program {
        const char *kubeconfig, *selector;
        Kind kinds[MAXIMUM_KINDS];
        Cache *caches[MAXIMUM_KINDS];
        size_t kind_count;
        const char *scopes[MAXIMUM_SCOPES];
        size_t scope_count;
        WatchOptions options;
        bool quiet;
        int64_t started_ms;
        Arena arena;
        KubeConfig config;
        Metrics *metrics;
        Http *http;
        Client *client;
        Watch *watch;
} Program;

/* One line per call: the watch thread and the main thread both print. */
static void print_line(Json *json) {
        CLEANUP(cleanup_free) char *text = json_print(json);
        (void)printf("%s\n", text);
        (void)fflush(stdout);
        json_free(json);
}

static void hear(void *context, const CacheChange *change) {
        const Program *program = context;
        if (program->quiet)
                return;
        const Object *about = change->after ? change->after : change->before;
        assert(about);
        Json *line = json_new_object();
        json_put_string(line, "type", !change->before ? "ADDED" : !change->after ? "DELETED" : "MODIFIED");
        json_put_string(line, "kind", about->kind->kind);
        json_put_string(line, "key", object_key(about));
        json_put_string(line, "version", about->resource_version);
        json_put_string(line, "value", object_value(about, 0));
        json_put_bool(line, "initial", change->initial);
        json_put_bool(line, "final_unknown", change->final_unknown);
        print_line(line);
}

static void add_kind(Program *program, const char *text) {
        char *words = arena_string(&program->arena, text);
        const char *fields[5] = { "", "", "", "", "" };
        for (size_t i = 0; words && i < ARRAY_LEN(fields); i++)
                fields[i] = strsep(&words, ",");
        if (program->kind_count == MAXIMUM_KINDS)
                return;
        program->kinds[program->kind_count++] = (Kind){ .group = fields[0],
                .version = fields[1],
                .kind = fields[2],
                .plural = fields[3],
                .cluster_scoped = !strcmp(fields[4], "cluster"),
                .paths = PATHS };
}

static int64_t number(const char *text) {
        int64_t value = 0;
        (void)text_to_int(text, 0, INT32_MAX, &value);
        return value;
}

static bool parse(Program *program, int argc, char **argv) {
        static const struct option options[] = { { "kubeconfig", required_argument, NULL, 'k' },
                { "watch", required_argument, NULL, 'w' }, { "namespace", required_argument, NULL, 'n' },
                { "selector", required_argument, NULL, 's' }, { "page", required_argument, NULL, 'p' },
                { "silence-ms", required_argument, NULL, 'i' }, { "timeout-s", required_argument, NULL, 't' },
                { "no-watch-list", no_argument, NULL, 'l' }, { "quiet", no_argument, NULL, 'q' }, { 0 } };
        int option = 0;
        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
                switch (option) {
                case 'k':
                        program->kubeconfig = optarg;
                        break;
                case 'w':
                        add_kind(program, optarg);
                        break;
                case 'n':
                        program->scopes[program->scope_count++ % MAXIMUM_SCOPES] = optarg;
                        break;
                case 's':
                        program->selector = optarg;
                        break;
                case 'p':
                        program->options.page = (int)number(optarg);
                        break;
                case 'i':
                        program->options.silence_ms = number(optarg);
                        break;
                case 't':
                        program->options.timeout_minimum_s = number(optarg);
                        break;
                case 'l':
                        program->options.no_watch_list = true;
                        break;
                case 'q':
                        program->quiet = true;
                        break;
                default:
                        return false;
                }
        }
        if (program->scope_count == 0)
                program->scopes[program->scope_count++] = "";
        return program->kubeconfig && program->kind_count;
}

static bool start(Program *program, Error *err) {
        program->metrics = metrics_new();
        if (!kube_config_load(program->kubeconfig, NULL, &program->arena, &program->config, err) ||
                !http_new(&program->config, program->metrics, &program->http, err))
                return false;
        program->client = client_new(program->http);
        program->watch = watch_new(program->http, &program->options, program->metrics);
        for (size_t i = 0; i < program->kind_count; i++) {
                program->caches[i] = cache_new(&program->kinds[i], SIZE_MAX);
                cache_add_handler(program->caches[i], hear, program);
                size_t scopes = program->kinds[i].cluster_scoped ? 1 : program->scope_count;
                for (size_t j = 0; j < scopes; j++)
                        watch_add(program->watch, program->caches[i],
                                program->kinds[i].cluster_scoped ? "" : program->scopes[j], program->selector);
        }
        program->started_ms = clock_now_ms();
        return watch_start(program->watch, err);
}

static void stop(Program *program) {
        watch_free(program->watch);
        for (size_t i = 0; i < program->kind_count; i++)
                cache_free(program->caches[i]);
        client_free(program->client);
        http_free(program->http);
        metrics_free(program->metrics);
        arena_done(&program->arena);
}

static void answer_wait(Program *program, Json *line, char *rest) {
        json_put_bool(line, "synced", watch_wait_synced(program->watch, number(rest)));
        json_put_int(line, "ms", clock_now_ms() - program->started_ms);
}

static void answer_dump(Program *program, Json *line, char *rest) {
        (void)rest;
        for (size_t i = 0; i < program->kind_count; i++) {
                CLEANUP(arena_done) Arena arena = { 0 };
                Json *objects = json_put_object(line, program->kinds[i].kind);
                const Object *const *all = cache_all(program->caches[i], &arena, NULL);
                for (; *all; all++)
                        json_put_string(objects, object_key(*all), (*all)->resource_version);
        }
}

static void answer_size(Program *program, Json *line, char *rest) {
        (void)rest;
        for (size_t i = 0; i < program->kind_count; i++)
                json_put_int(line, program->kinds[i].kind, (int64_t)cache_size(program->caches[i]));
}

static void answer_seen(Program *program, Json *line, char *rest) {
        const char *namespace_ = strsep(&rest, " ");
        json_put_bool(line, "seen", cache_has_seen(program->caches[0], namespace_, rest ? rest : ""));
        CLEANUP(cleanup_free) char *version = cache_version(program->caches[0], namespace_);
        json_put_string(line, "version", version);
}

static void wake(void *context, const char *key) {
        (void)context;
        Json *line = json_new_object();
        json_put_string(line, "woken", key);
        print_line(line);
}

static void answer_when(Program *program, Json *line, char *rest) {
        const char *namespace_ = strsep(&rest, " ");
        json_put_bool(line, "waiting", true);
        cache_when_seen(program->caches[0], namespace_, rest ? rest : "", wake, NULL, rest ? rest : "");
}

static void answer_trouble(Program *program, Json *line, char *rest) {
        char sentence[512] = "";
        (void)rest;
        (void)watch_trouble(program->watch, sentence, sizeof sentence);
        json_put_string(line, "trouble", sentence);
}

static void answer_metrics(Program *program, Json *line, char *rest) {
        CLEANUP(text_done) Text page = { 0 };
        (void)rest;
        metrics_print(program->metrics, &page);
        json_put_string(line, "metrics", text_string(&page));
}

static void answer_get(Program *program, Json *line, char *rest) {
        const char *namespace_ = strsep(&rest, " ");
        Json *object = NULL;
        Error err = { 0 };
        if (!client_get(program->client, &program->kinds[0], namespace_, rest ? rest : "", &object, &err)) {
                json_put_string(line, "error", err.text);
                json_put_string(line, "code", error_name(err.code));
        } else {
                json_put_string(line, "version", json_find_string(object, "/metadata/resourceVersion", ""));
                json_free(object);
        }
}

static bool answer(Program *program, char *command) {
        static const struct {
                const char *word;
                void (*answer)(Program *program, Json *line, char *rest);
        } table[] = { { "wait", answer_wait }, { "dump", answer_dump }, { "size", answer_size },
                { "seen", answer_seen }, { "when", answer_when }, { "trouble", answer_trouble },
                { "metrics", answer_metrics }, { "get", answer_get } };
        command[strcspn(command, "\n")] = '\0';
        char *rest = command;
        const char *word = strsep(&rest, " ");
        if (!strcmp(word, "quit"))
                return false;
        Json *line = json_new_object();
        json_put_string(line, "answer", word);
        for (size_t i = 0; i < ARRAY_LEN(table); i++)
                if (!strcmp(word, table[i].word))
                        table[i].answer(program, line, rest ? rest : command + strlen(command));
        print_line(line);
        return true;
}

int main(int argc, char **argv) {
        static Program program;
        char command[MAXIMUM_LINE] = "";
        Error err = { 0 };
        (void)signal(SIGPIPE, SIG_IGN);
        alloc_tune();
        json_start();
        if (!parse(&program, argc, argv)) {
                (void)fprintf(stderr, "usage: see the head of itest_watch.c\n");
                return 2;
        }
        bool started = start(&program, &err);
        if (!started)
                (void)fprintf(stderr, "%s\n", err.text);
        while (started && fgets(command, sizeof command, stdin) && answer(&program, command))
                ;
        stop(&program);
        return started ? 0 : 1;
}
