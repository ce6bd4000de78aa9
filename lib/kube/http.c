/* SPDX-License-Identifier: Apache-2.0 */
/* Blocking calls: who may go (gate, cap), on which handle, and when a handle is closed.
 * Law: no lock is held while a byte moves. */
#include "lib/kube/http.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/kube/http_internal.h"

enum { POLL_MS = 1000 };

static const double DURATION_BUCKETS[] = { .005, .025, .1, .25, .5, 1, 2, 4, 8, 15, 30, 60 };
static const char *const REQUEST_LABELS[] = { "code", "method", "host", NULL };
static const char *const RETRY_LABELS[] = { "code", "verb", "host", NULL };
static const char *const DURATION_LABELS[] = { "verb", "host", NULL };

static void make_metrics(Http *http, Metrics *metrics) {
        if (!metrics)
                return;
        http->requests = metrics_counter(metrics, "rest_client_requests_total",
                "Number of HTTP requests, partitioned by status code, method, and host.", REQUEST_LABELS);
        http->retries = metrics_counter(metrics, "rest_client_request_retries_total",
                "Number of request retries, partitioned by status code, verb, and host.", RETRY_LABELS);
        http->durations = metrics_histogram(metrics, "rest_client_request_duration_seconds",
                "Request latency in seconds. Broken down by verb, and host.", DURATION_LABELS, DURATION_BUCKETS,
                ARRAY_LEN(DURATION_BUCKETS));
        http->waits = metrics_histogram(metrics, "rest_client_rate_limiter_duration_seconds",
                "Client side rate limiter latency in seconds. Broken down by verb, and host.", DURATION_LABELS,
                DURATION_BUCKETS, ARRAY_LEN(DURATION_BUCKETS));
}

/* libcurl verifies the host of the URL, so another server name has to stand there; the connection then goes to the real
 * host all the same. */
static void make_addresses(Http *http, const char *server, const char *tls_server_name) {
        const char *authority = strstr(server, "://") + 3;
        size_t length = strcspn(authority, "/");
        http->host = alloc_bytes(authority, length);
        if (!tls_server_name) {
                http->base = alloc_string(server);
                return;
        }
        const char *port = strrchr(http->host, ':');
        if (port && strchr(port, ']'))
                port = NULL;
        const char *default_port = strncmp(server, "http://", 7) == 0 ? ":80" : ":443";
        CLEANUP(text_done) Text base = { 0 };
        CLEANUP(text_done) Text connect = { 0 };
        text_printf(&base, "%.*s%s%s%s", (int)(authority - server), server, tls_server_name, port ? port : "",
                authority + length);
        text_printf(&connect, "::%s%s", http->host, port ? "" : default_port);
        http->base = text_take(&base);
        http->connect = text_take(&connect);
}

bool http_new(const KubeConfig *config, Metrics *metrics, Http **ret_http, Error *err) {
        Credentials *credentials = NULL;
        if (!config->server || !strstr(config->server, "://"))
                return error_set(err, ERROR_INVALID, "the API server's address is missing");
        if (!credentials_new(config, &credentials, err))
                return false;
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
                credentials_free(credentials);
                return error_set(err, ERROR_BUG, "libcurl cannot be initialised");
        }
        Http *http = alloc_zero(sizeof *http);
        http->config = config;
        http->credentials = credentials;
        make_addresses(http, config->server, config->tls_server_name);
        make_metrics(http, metrics);
        atomic_init(&http->stopped, false);
        pthread_mutex_init(&http->lock, NULL);
        pthread_condattr_t attributes;
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&http->changed, &attributes);
        pthread_condattr_destroy(&attributes);
        *ret_http = http;
        return true;
}

static void handle_free(HttpHandle *handle) {
        curl_easy_cleanup(handle->easy);
        curl_multi_cleanup(handle->multi);
        free(handle);
}

void http_free(Http *http) {
        if (!http)
                return;
        while (http->idle) {
                HttpHandle *next = http->idle->next;
                handle_free(http->idle);
                http->idle = next;
        }
        credentials_free(http->credentials);
        pthread_cond_destroy(&http->changed);
        pthread_mutex_destroy(&http->lock);
        free(http->base);
        free(http->connect);
        free(http->host);
        free(http);
        curl_global_cleanup();
}

void http_stop(Http *http) {
        atomic_store(&http->stopped, true);
        pthread_mutex_lock(&http->lock);
        for (const HttpHandle *handle = http->busy; handle; handle = handle->next)
                (void)curl_multi_wakeup(handle->multi);
        pthread_cond_broadcast(&http->changed);
        pthread_mutex_unlock(&http->lock);
}

int64_t http_gate_ms(Http *http, int64_t now_ms) {
        pthread_mutex_lock(&http->lock);
        int64_t left = http->gate_until_ms - now_ms;
        pthread_mutex_unlock(&http->lock);
        return left > 0 ? left : 0;
}

void http_close_gate(Http *http, int64_t until_ms) {
        pthread_mutex_lock(&http->lock);
        if (until_ms > http->gate_until_ms)
                http->gate_until_ms = until_ms;
        pthread_mutex_unlock(&http->lock);
}

static void wait_for_change(Http *http, int64_t wait_ms) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += wait_ms / 1000;
        until.tv_nsec += wait_ms % 1000 * 1000000;
        if (until.tv_nsec >= 1000000000) {
                until.tv_sec++;
                until.tv_nsec -= 1000000000;
        }
        (void)pthread_cond_timedwait(&http->changed, &http->lock, &until);
}

/* Waits until this request may go. Under the lock. */
static bool await_turn(Http *http, int64_t deadline_ms, Error *err) {
        for (;;) {
                int64_t now = clock_now_ms(), gated = http->gate_until_ms - now, left = deadline_ms - now;
                if (atomic_load(&http->stopped))
                        return error_set(err, ERROR_STOPPED, "requests to the API server are stopped");
                if (gated > left) {
                        (void)error_set(err, ERROR_THROTTLED, "the API server asked for %lld s without requests",
                                (long long)(gated / 1000));
                        if (err)
                                err->retry_after_ms = (uint32_t)gated;
                        return false;
                }
                if (left <= 0)
                        return error_set(err, ERROR_TIMEOUT, "%d requests are under way already", http->in_flight);
                if (gated <= 0 && http->in_flight < HTTP_MAXIMUM_IN_FLIGHT)
                        return true;
                wait_for_change(http, gated > 0 ? gated : left);
        }
}

static HttpHandle *handle_new(void) {
        HttpHandle *handle = alloc_zero(sizeof *handle);
        handle->multi = curl_multi_init();
        handle->easy = curl_easy_init();
        if (!handle->multi || !handle->easy)
                abort();
        /* With one place, a connection made with an earlier CA or certificate goes when a new one comes. */
        (void)curl_multi_setopt(handle->multi, CURLMOPT_MAXCONNECTS, 1L);
        return handle;
}

/* A handle for one request; NULL with an error when it may not go. */
static HttpHandle *enter(Http *http, const HttpRequest *request, int64_t deadline_ms, Error *err) {
        int64_t started_ns = clock_now_ns();
        HttpHandle *handle = NULL;
        pthread_mutex_lock(&http->lock);
        bool may = request->ungated || await_turn(http, deadline_ms, err);
        if (may) {
                http->in_flight += request->ungated ? 0 : 1;
                handle = http->idle;
                if (handle)
                        http->idle = handle->next;
                else
                        handle = handle_new();
                handle->next = http->busy;
                http->busy = handle;
        }
        pthread_mutex_unlock(&http->lock);
        const char *const labels[] = { request->method, http->host };
        if (!request->ungated)
                metric_observe(http->waits, labels, (double)(clock_now_ns() - started_ns) / 1e9);
        return handle;
}

/* Takes out what has been idle too long, but the freshest. Under the lock. */
static HttpHandle *take_surplus(Http *http, int64_t now_ms) {
        HttpHandle *surplus = NULL, **link = http->idle ? &http->idle->next : &http->idle;
        while (*link) {
                HttpHandle *handle = *link;
                if (now_ms - handle->idle_since_ms < HTTP_IDLE_MS) {
                        link = &handle->next;
                        continue;
                }
                *link = handle->next;
                handle->next = surplus;
                surplus = handle;
        }
        return surplus;
}

static void free_handles(HttpHandle *handles) {
        while (handles) {
                HttpHandle *next = handles->next;
                handle_free(handles);
                handles = next;
        }
}

static void leave(Http *http, const HttpRequest *request, HttpHandle *handle) {
        pthread_mutex_lock(&http->lock);
        HttpHandle **link = &http->busy;
        while (*link != handle)
                link = &(*link)->next;
        *link = handle->next;
        handle->idle_since_ms = clock_now_ms();
        handle->next = http->idle;
        http->idle = handle;
        http->in_flight -= request->ungated ? 0 : 1;
        HttpHandle *surplus = take_surplus(http, handle->idle_since_ms);
        pthread_cond_signal(&http->changed);
        pthread_mutex_unlock(&http->lock);
        free_handles(surplus);
}

void http_trim(Http *http) {
        pthread_mutex_lock(&http->lock);
        HttpHandle *surplus = TAKE(http->idle);
        pthread_mutex_unlock(&http->lock);
        free_handles(surplus);
}

/* Drives one transfer to its end. */
static CURLcode drive(Http *http, const HttpHandle *handle, HttpTransfer *transfer) {
        CURLcode code = CURLE_FAILED_INIT;
        int running = 1, left = 0;
        if (curl_multi_add_handle(handle->multi, handle->easy) != CURLM_OK)
                return code;
        while (curl_multi_perform(handle->multi, &running) == CURLM_OK && running && !atomic_load(&http->stopped))
                (void)curl_multi_poll(handle->multi, NULL, 0, POLL_MS, NULL);
        const CURLMsg *message = curl_multi_info_read(handle->multi, &left);
        if (message && message->msg == CURLMSG_DONE) {
                code = message->data.result;
        } else if (running && atomic_load(&http->stopped)) {
                transfer->failed = true;
                (void)error_set(&transfer->error, ERROR_STOPPED, "requests to the API server are stopped");
        }
        (void)curl_multi_remove_handle(handle->multi, handle->easy);
        return code;
}

static bool attempt(
        Http *http, const HttpRequest *request, const HttpHandle *handle, HttpTransfer *transfer, Error *err) {
        bool answered = http_transfer_begin(transfer, http, request, handle->easy, err) &&
                        http_transfer_end(transfer, drive(http, handle, transfer), err);
        /* An idle handle must not point into what ends here. */
        curl_easy_reset(handle->easy);
        return answered;
}

/* Whether the server would now be shown something else than it refused. */
static bool has_fresher(Http *http, const CredentialsView *refused) {
        CLEANUP(credentials_view_done) CredentialsView fresh = { 0 };
        if (!credentials_get(http->credentials, &fresh, NULL))
                return false;
        return fresh.generation != refused->generation || !text_equal(fresh.authorization, refused->authorization);
}

static bool exchange_on(
        Http *http, const HttpRequest *request, const HttpHandle *handle, HttpResponse *ret_response, Error *err) {
        HttpTransfer transfer = { 0 };
        bool answered = attempt(http, request, handle, &transfer, err);
        if (answered && transfer.response.status == 401 && !request->authorization &&
                has_fresher(http, &transfer.credentials)) {
                const char *const labels[] = { "401", request->method, http->host };
                metric_add(http->retries, labels, 1);
                http_transfer_done(&transfer);
                answered = attempt(http, request, handle, &transfer, err);
        }
        if (answered) {
                *ret_response = transfer.response;
                transfer.response.body = (Text){ 0 };
        }
        http_transfer_done(&transfer);
        return answered;
}

bool http_exchange(Http *http, const HttpRequest *request, HttpResponse *ret_response, Error *err) {
        int64_t timeout_ms = request->timeout_ms ? request->timeout_ms : HTTP_TIMEOUT_MS;
        int64_t deadline_ms = clock_now_ms() + timeout_ms;
        if (atomic_load(&http->stopped))
                return error_set(err, ERROR_STOPPED, "requests to the API server are stopped");
        HttpHandle *handle = enter(http, request, deadline_ms, err);
        if (!handle)
                return false;
        HttpRequest timed = *request;
        timed.timeout_ms = deadline_ms - clock_now_ms();
        if (timed.timeout_ms <= 0)
                timed.timeout_ms = 1;
        bool done = exchange_on(http, &timed, handle, ret_response, err);
        leave(http, request, handle);
        return done;
}
