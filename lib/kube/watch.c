/* SPDX-License-Identifier: Apache-2.0 */
/* The watch thread: one curl multi for all reflectors, so that their streams share one HTTP/2 connection. It opens what
 * a reflector wants, feeds it, cuts what is silent, and sleeps in between. Law: reflectors run on this thread alone;
 * others see copies under a lock. */
#include "lib/kube/watch.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/kube/watch_internal.h"

/* libcurl (7.88) can hold frames of one stream after reading for another without asking to be called again. Calling it
 * until nothing moves finds them; that it is called each second all the same bounds what might be missed. */
enum { MAXIMUM_SLEEP_MS = 1000, IDLE_CONNECTIONS = 2 };

static CURLM *new_multi(void) {
        CURLM *multi = curl_multi_init();
        if (!multi)
                abort();
        (void)curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
        (void)curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS);
        return multi;
}

Watch *watch_new(Http *http, const WatchOptions *options, Metrics *metrics) {
        Watch *watch = alloc_zero(sizeof *watch);
        watch->http = http;
        watch->options = options ? *options : (WatchOptions){ 0 };
        watch->metrics = metrics;
        watch->multi = new_multi();
        atomic_init(&watch->stopping, false);
        watch_status_init(watch);
        return watch;
}

void watch_free(Watch *watch) {
        if (!watch)
                return;
        watch_stop(watch);
        for (size_t i = 0; i < watch->count; i++) {
                WatchStream *stream = watch->streams[i];
                curl_easy_cleanup(stream->easy);
                reflector_free(stream->reflector);
                text_done(&stream->path);
                free(stream);
        }
        curl_multi_cleanup(watch->multi);
        watch_status_done(watch);
        free(watch->streams);
        free(watch);
}

void watch_add(Watch *watch, Cache *cache, const char *scope, const char *label_selector) {
        WatchStream *stream = alloc_zero(sizeof *stream);
        stream->watch = watch;
        stream->cache = cache;
        stream->reflector = reflector_new(cache, scope, label_selector, &watch->options, watch->metrics);
        stream->easy = curl_easy_init();
        if (!stream->easy)
                abort();
        watch->streams = alloc_grow(watch->streams, (watch->count + 1) * sizeof(WatchStream *));
        watch->streams[watch->count++] = stream;
}

static void accept_reply(WatchStream *stream, int64_t now_ms) {
        if (stream->accepted || !stream->transfer.handing_over)
                return;
        stream->accepted = true;
        stream->watch->moved = true;
        stream->last_byte_ms = now_ms;
        reflector_accept(stream->reflector, now_ms);
}

static bool receive(void *context, const char *bytes, size_t size, Error *err) {
        WatchStream *stream = context;
        int64_t now_ms = clock_now_ms();
        accept_reply(stream, now_ms);
        stream->last_byte_ms = now_ms;
        stream->watch->moved = true;
        return reflector_feed(stream->reflector, now_ms, bytes, size, err);
}

/* Why a request did not bring a whole 2xx body; NONE when it did. */
static Error explain(WatchStream *stream, CURLcode code) {
        Error err = { 0 };
        const Reflector *reflector = stream->reflector;
        CLEANUP(text_done) Text what = { 0 };
        text_printf(&what, "cannot watch %s%s%s", reflector->resource, *reflector->scope ? " in namespace " : "",
                reflector->scope);
        if (!http_transfer_end(&stream->transfer, code, &err))
                (void)error_wrap(&err, "%s", text_string(&what));
        else if (stream->transfer.response.status / 100 != 2)
                (void)http_error(&stream->transfer.response, text_string(&what), &err);
        return err;
}

static void leave(WatchStream *stream) {
        (void)curl_multi_remove_handle(stream->watch->multi, stream->easy);
        curl_easy_reset(stream->easy);
        http_transfer_done(&stream->transfer);
        stream->active = false;
}

static void end_stream(WatchStream *stream, CURLcode code) {
        int64_t now_ms = clock_now_ms();
        accept_reply(stream, now_ms);
        Error err = explain(stream, code);
        leave(stream);
        reflector_close(stream->reflector, now_ms, err.code ? &err : NULL);
}

static void start_stream(WatchStream *stream, int64_t now_ms) {
        ReflectorRequest wanted = { .path = stream->path };
        Error err = { 0 };
        text_clear(&wanted.path);
        reflector_open(stream->reflector, now_ms, &wanted);
        stream->path = wanted.path;
        stream->request = (HttpRequest){ .method = "GET",
                .path = text_string(&stream->path),
                .timeout_ms = wanted.timeout_ms,
                .on_bytes = receive,
                .context = stream };
        stream->accepted = false;
        stream->last_byte_ms = now_ms;
        if (!http_transfer_begin(&stream->transfer, stream->watch->http, &stream->request, stream->easy, &err)) {
                http_transfer_done(&stream->transfer);
                reflector_close(stream->reflector, now_ms, &err);
                return;
        }
        stream->transfer.long_lived = true;
        stream->active = true;
        (void)curl_easy_setopt(stream->easy, CURLOPT_PRIVATE, stream);
        (void)curl_easy_setopt(stream->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
        (void)curl_easy_setopt(stream->easy, CURLOPT_PIPEWAIT, 1L);
        if (curl_multi_add_handle(stream->watch->multi, stream->easy) != CURLM_OK)
                end_stream(stream, CURLE_FAILED_INIT);
}

/* Whether some stream was heard of in the last half of the time that `silent` was not: then their connection works. */
static bool is_connection_alive(const Watch *watch, const WatchStream *silent, int64_t now_ms) {
        int64_t since_ms = now_ms - (now_ms - silent->last_byte_ms) / 2;
        for (size_t i = 0; i < watch->count; i++)
                if (watch->streams[i]->active && watch->streams[i]->last_byte_ms > since_ms)
                        return true;
        return false;
}

/* Ends all streams and closes their connection, which may be dead without knowing. */
static void reconnect(Watch *watch, int64_t now_ms) {
        Error err = { 0 };
        CURLM *multi = new_multi();
        (void)error_set(&err, ERROR_UNAVAILABLE, "the connection to the API server is silent");
        for (size_t i = 0; i < watch->count; i++) {
                if (!watch->streams[i]->active)
                        continue;
                leave(watch->streams[i]);
                reflector_close(watch->streams[i]->reflector, now_ms, &err);
        }
        pthread_mutex_lock(&watch->lock);
        CURLM *old = watch->multi;
        watch->multi = multi;
        pthread_mutex_unlock(&watch->lock);
        curl_multi_cleanup(old);
}

static void cut(WatchStream *stream, int64_t now_ms) {
        bool alive = is_connection_alive(stream->watch, stream, now_ms);
        leave(stream);
        reflector_cut(stream->reflector, now_ms);
        if (!alive)
                reconnect(stream->watch, now_ms);
}

/* Starts or cuts what is due; returns for how long nothing will be. */
static int64_t tend(WatchStream *stream, int64_t now_ms) {
        if (stream->active) {
                int64_t silence_ms = reflector_silence_ms(stream->reflector);
                int64_t left_ms = stream->last_byte_ms + silence_ms - now_ms;
                if (silence_ms == 0)
                        return MAXIMUM_SLEEP_MS;
                if (left_ms > 0)
                        return left_ms;
                cut(stream, now_ms);
        }
        int64_t gate_ms = http_gate_ms(stream->watch->http, now_ms);
        int64_t wait_ms = reflector_wait_ms(stream->reflector, now_ms);
        if (wait_ms > 0 || gate_ms > 0)
                return wait_ms > gate_ms ? wait_ms : gate_ms;
        start_stream(stream, now_ms);
        return stream->active ? MAXIMUM_SLEEP_MS : reflector_wait_ms(stream->reflector, now_ms);
}

/* Tells reflectors what came of their requests; true when some ended, so that something may be due. */
static bool collect(Watch *watch, int64_t now_ms) {
        CURLMsg *message;
        int left = 0;
        bool ended = false;
        for (size_t i = 0; i < watch->count; i++)
                if (watch->streams[i]->active)
                        accept_reply(watch->streams[i], now_ms);
        while ((message = curl_multi_info_read(watch->multi, &left))) {
                WatchStream *stream = NULL;
                CURLcode code = message->data.result;
                if (message->msg == CURLMSG_DONE &&
                        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &stream) == CURLE_OK && stream)
                        end_stream(stream, code);
                ended = true;
        }
        return ended;
}

/* After a burst of lists the heap has holes worth giving back. */
static void trim_when_listed(const Watch *watch, size_t *lists) {
        size_t now = 0;
        for (size_t i = 0; i < watch->count; i++) {
                now += watch->streams[i]->reflector->lists;
                if (watch->streams[i]->reflector->state == WATCH_LISTING)
                        return;
        }
        if (now != *lists)
                alloc_trim();
        *lists = now;
}

static void *run(void *context) {
        Watch *watch = context;
        size_t lists = 0;
        while (!atomic_load(&watch->stopping)) {
                int running = 0;
                int64_t now_ms = clock_now_ms(), sleep_ms = MAXIMUM_SLEEP_MS;
                for (size_t i = 0; i < watch->count; i++) {
                        int64_t wait_ms = tend(watch->streams[i], now_ms);
                        sleep_ms = wait_ms < sleep_ms ? wait_ms : sleep_ms;
                }
                (void)curl_multi_perform(watch->multi, &running);
                if (collect(watch, clock_now_ms()) || watch->moved)
                        sleep_ms = 0;
                watch->moved = false;
                trim_when_listed(watch, &lists);
                watch_publish(watch);
                (void)curl_multi_poll(watch->multi, NULL, 0, (int)sleep_ms, NULL);
        }
        for (size_t i = 0; i < watch->count; i++)
                if (watch->streams[i]->active)
                        leave(watch->streams[i]);
        watch_publish(watch);
        return NULL;
}

bool watch_start(Watch *watch, Error *err) {
        sigset_t all, before;
        sigfillset(&all);
        /* Signals are for the main thread. */
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        int failure = pthread_create(&watch->thread, NULL, run, watch);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (failure)
                return error_set(err, ERROR_BUG, "cannot start the watch thread: %s", strerror(failure));
        watch->started = true;
        return true;
}

void watch_stop(Watch *watch) {
        if (!watch->started)
                return;
        atomic_store(&watch->stopping, true);
        pthread_mutex_lock(&watch->lock);
        (void)curl_multi_wakeup(watch->multi);
        pthread_mutex_unlock(&watch->lock);
        (void)pthread_join(watch->thread, NULL);
        watch->started = false;
}
