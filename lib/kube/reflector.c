/* SPDX-License-Identifier: Apache-2.0 */
/* What a reflector does next. Each end of a request leads to one of four: list again (and why), go on from the version
 * it has, the same again at once, or the same after a pause. */
#include "lib/kube/reflector.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/random.h"

enum { NO_PAGES = -1 };

static const char *const RELIST_LABELS[] = { "resource", "reason", NULL };
static const char *const EVENT_LABELS[] = { "resource", "type", NULL };

Reflector *reflector_new(
        Cache *cache, const char *scope, const char *selector, const WatchOptions *options, Metrics *metrics) {
        Reflector *reflector = alloc_zero(sizeof *reflector);
        CLEANUP(text_done) Text resource = { 0 };
        const Kind *kind = cache_kind(cache);
        text_printf(&resource, "%s%s%s", kind->plural, *kind->group ? "." : "", kind->group);
        *reflector = (Reflector){ .cache = cache,
                .kind = kind,
                .scope = alloc_string(scope),
                .selector = alloc_string(selector),
                .options = options,
                .resource = text_take(&resource),
                .no_watch_list = options->no_watch_list,
                .reason = "start",
                .state = WATCH_COLD,
                .listed_ms = INT64_MIN / 2,
                .failed_ms = INT64_MIN / 2,
                .resume_ms = INT64_MIN / 2 };
        reflector->reader = (ListReader){ .kind = kind, .on_item = reflector_keep_item, .context = reflector };
        reflector->phase = reflector->no_watch_list ? PHASE_PAGE : PHASE_REPLAY;
        if (metrics) {
                reflector->relists = metrics_counter(
                        metrics, "watch_relists_total", "Lists of a resource, by why they were needed.", RELIST_LABELS);
                reflector->events = metrics_counter(
                        metrics, "watch_events_total", "Events of watches, by resource and type.", EVENT_LABELS);
        }
        cache_add_scope(cache, scope);
        return reflector;
}

void reflector_free(Reflector *reflector) {
        if (!reflector)
                return;
        reflector_drop_side(reflector);
        list_reader_done(&reflector->reader);
        json_stream_done(&reflector->frames);
        free(reflector->scope);
        free(reflector->selector);
        free(reflector->resource);
        free(reflector->version);
        free(reflector);
}

int64_t reflector_wait_ms(const Reflector *reflector, int64_t now_ms) {
        return reflector->resume_ms > now_ms ? reflector->resume_ms - now_ms : 0;
}

/* The version to list at: not older than what the cache has, or the newest. */
static const char *list_version(const Reflector *reflector) {
        return reflector->version_unusable ? NULL : reflector->version;
}

static int64_t watch_path(Reflector *reflector, Text *path) {
        int64_t minimum_s = reflector->options->timeout_minimum_s;
        int64_t timeout_s = random_jitter(minimum_s > 0 ? minimum_s : REFLECTOR_WATCH_TIMEOUT_S, 1.0);
        const char *version = reflector->replaying ? list_version(reflector) : reflector->version;
        client_path(reflector->kind, reflector->scope, NULL, NULL, path);
        text_printf(path, "?watch=1&allowWatchBookmarks=true&timeoutSeconds=%lld", (long long)timeout_s);
        if (reflector->replaying)
                text_append(path, "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
        if (version) {
                text_append(path, "&resourceVersion=");
                http_escape(path, version);
        }
        if (reflector->selector) {
                text_append(path, "&labelSelector=");
                http_escape(path, reflector->selector);
        }
        return timeout_s * 1000 + REFLECTOR_GRACE_MS;
}

static int64_t page_path(Reflector *reflector, Text *path) {
        const ListOptions options = { .label_selector = reflector->selector,
                .resource_version = list_version(reflector),
                .page = reflector->full_list ? NO_PAGES : reflector->options->page };
        list_reader_path(&reflector->reader, reflector->scope, &options, path);
        list_reader_start(&reflector->reader);
        return REFLECTOR_LIST_TIMEOUT_MS;
}

void reflector_open(Reflector *reflector, int64_t now_ms, ReflectorRequest *ret_request) {
        reflector->now_ms = reflector->opened_ms = now_ms;
        reflector->state = reflector->phase == PHASE_FOLLOW ? WATCH_OPENING : WATCH_LISTING;
        reflector->replaying = reflector->phase == PHASE_REPLAY;
        if (reflector->phase != PHASE_FOLLOW && reflector->reason) {
                metric_add(reflector->relists, (const char *const[]){ reflector->resource, reflector->reason }, 1);
                reflector->reason = NULL;
        }
        if (reflector->phase == PHASE_PAGE) {
                ret_request->timeout_ms = page_path(reflector, &ret_request->path);
                return;
        }
        reflector_start_frames(reflector);
        ret_request->timeout_ms = watch_path(reflector, &ret_request->path);
}

void reflector_accept(Reflector *reflector, int64_t now_ms) {
        reflector->now_ms = now_ms;
        reflector->unauthorized = false;
        reflector->trouble = (Error){ 0 };
        if (reflector->phase == PHASE_FOLLOW)
                reflector->state = WATCH_LIVE;
}

int64_t reflector_silence_ms(const Reflector *reflector) {
        int64_t silence_ms = reflector->options->silence_ms > 0 ? reflector->options->silence_ms : REFLECTOR_SILENCE_MS;
        if (reflector->replaying)
                return silence_ms < REFLECTOR_LIST_TIMEOUT_MS ? silence_ms : REFLECTOR_LIST_TIMEOUT_MS;
        return reflector->phase != PHASE_PAGE && reflector->bookmark_seen ? silence_ms : 0;
}

/* After a pause that grows; `floor_ms` at least. */
static void back_off(Reflector *reflector, int64_t floor_ms) {
        int64_t now_ms = reflector->now_ms;
        bool forgiven = now_ms - reflector->failed_ms > REFLECTOR_FORGIVE_MS;
        if (forgiven || reflector->backoff_ms == 0)
                reflector->backoff_ms = REFLECTOR_BACKOFF_MS;
        else if (reflector->backoff_ms < REFLECTOR_MAXIMUM_BACKOFF_MS / 2)
                reflector->backoff_ms *= 2;
        else
                reflector->backoff_ms = REFLECTOR_MAXIMUM_BACKOFF_MS;
        int64_t pause_ms = reflector->backoff_ms > floor_ms ? reflector->backoff_ms : floor_ms;
        reflector->failed_ms = reflector->resume_ms = now_ms + random_jitter(pause_ms, 1.0);
        reflector->state = WATCH_BACKOFF;
}

static void resume_now(Reflector *reflector) {
        reflector->resume_ms = reflector->now_ms;
}

/* The next request starts a list from its beginning. */
static void list_again(Reflector *reflector, const char *reason) {
        reflector_drop_side(reflector);
        list_reader_done(&reflector->reader);
        reflector->reason = reason;
        reflector->phase = reflector->no_watch_list ? PHASE_PAGE : PHASE_REPLAY;
}

/* As above, and at once; lists that follow each other closely are a storm, and wait. */
static void list_soon(Reflector *reflector, const char *reason) {
        list_again(reflector, reason);
        if (reflector->now_ms - reflector->listed_ms < REFLECTOR_BACKOFF_MS)
                back_off(reflector, 0);
        else
                resume_now(reflector);
}

static void follow(Reflector *reflector) {
        reflector->phase = PHASE_FOLLOW;
        reflector->state = WATCH_OPENING;
        resume_now(reflector);
}

/* 410. What was followed is listed at its version first, which a server can still have; else at the newest. */
static void expire(Reflector *reflector, const char *reason) {
        if (reflector->phase == PHASE_PAGE && reflector->reader.next) {
                reflector->full_list = true;
                list_soon(reflector, "page_expired");
        } else if (reflector->phase == PHASE_FOLLOW) {
                list_soon(reflector, strcmp(reason, "Regression") == 0 ? "regression" : "expired");
        } else if (!reflector->version_unusable && reflector->version) {
                reflector->version_unusable = true;
                list_soon(reflector, "expired");
        } else {
                list_again(reflector, "expired");
                back_off(reflector, 0);
        }
}

/* Which failures /readyz tells: those that waiting does not cure. */
static bool is_trouble(ErrorCode code) {
        switch (code) {
        case ERROR_UNAVAILABLE:
        case ERROR_TIMEOUT:
        case ERROR_THROTTLED:
        case ERROR_STOPPED:
                return false;
        default:
                return true;
        }
}

static void fail_while_listing(Reflector *reflector, const Error *err) {
        bool passing = !is_trouble(err->code);
        /* A page can be asked for again; a replay starts over. */
        if (reflector->phase == PHASE_REPLAY || !passing)
                list_again(reflector, "failed");
        back_off(reflector, passing ? (int64_t)err->retry_after_ms : REFLECTOR_SLOW_MS);
}

static void fail_while_following(Reflector *reflector, const Error *err) {
        bool passing = !is_trouble(err->code);
        bool in_stream = reflector->state == WATCH_LIVE && err->code != ERROR_STOPPED && (err->http_status || !passing);
        if (in_stream && reflector->stream_events + reflector->stream_bookmarks > 0)
                reflector->stream_errors = 0;
        if (in_stream && ++reflector->stream_errors >= REFLECTOR_MAXIMUM_STREAM_ERRORS) {
                reflector->stream_errors = 0;
                list_again(reflector, "error");
        }
        back_off(reflector, passing || in_stream ? (int64_t)err->retry_after_ms : REFLECTOR_SLOW_MS);
}

static void fail(Reflector *reflector, const Error *err) {
        if (err->code == ERROR_UNAUTHORIZED && !reflector->unauthorized) {
                /* Credentials are read again for the next request. */
                reflector->unauthorized = true;
                resume_now(reflector);
                return;
        }
        if (is_trouble(err->code) && err->code != ERROR_EXPIRED)
                reflector->trouble = *err;
        if (err->code == ERROR_EXPIRED) {
                expire(reflector, err->reason);
        } else if (!strcmp(err->reason, "ResourceVersionTooLarge")) {
                reflector->version_unusable = true;
                list_again(reflector, "too_new");
                back_off(reflector, (int64_t)err->retry_after_ms);
        } else if (reflector->phase == PHASE_REPLAY && (err->http_status == 400 || err->http_status == 422)) {
                reflector->trouble = (Error){ 0 };
                reflector->no_watch_list = true;
                list_again(reflector, "no_watch_list");
                resume_now(reflector);
        } else if (reflector->phase != PHASE_FOLLOW) {
                fail_while_listing(reflector, err);
        } else {
                fail_while_following(reflector, err);
        }
}

static void end_page(Reflector *reflector) {
        Error err = { 0 };
        if (!list_reader_end(&reflector->reader, &err)) {
                fail(reflector, &err);
        } else if (reflector->reader.next) {
                resume_now(reflector);
        } else {
                reflector_deliver(reflector, reflector->reader.version);
                list_reader_done(&reflector->reader);
                follow(reflector);
        }
}

static void end_watch(Reflector *reflector) {
        bool empty = reflector->stream_events + reflector->stream_bookmarks == 0;
        if (reflector->replaying) {
                list_again(reflector, "incomplete");
                back_off(reflector, 0);
                return;
        }
        reflector->stream_errors = 0;
        follow(reflector);
        if (empty && reflector->now_ms - reflector->opened_ms < REFLECTOR_SHORT_WATCH_MS)
                back_off(reflector, 0);
}

void reflector_close(Reflector *reflector, int64_t now_ms, const Error *err) {
        reflector->now_ms = now_ms;
        if (err)
                fail(reflector, err);
        else if (reflector->phase == PHASE_PAGE)
                end_page(reflector);
        else
                end_watch(reflector);
        reflector->replaying = false;
        json_stream_done(&reflector->frames);
}

void reflector_cut(Reflector *reflector, int64_t now_ms) {
        reflector->now_ms = now_ms;
        if (reflector->replaying || reflector->stream_events + reflector->stream_bookmarks == 0)
                /* Not one bookmark: the version may lie ahead of a server that was set back, where nothing ever comes.
                 */
                list_soon(reflector, "silent");
        else
                follow(reflector);
        reflector->replaying = false;
        json_stream_done(&reflector->frames);
}
