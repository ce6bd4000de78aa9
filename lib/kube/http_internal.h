/* SPDX-License-Identifier: Apache-2.0 */
/* One exchange on one easy handle, whoever drives it: the pool of blocking calls (http.c) or the watch thread
 * (watch.c). Private to lib/kube. */
#pragma once

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/kube/http.h"

enum {
        HTTP_BUFFER_SIZE = 16 * 1024,
        HTTP_TIMEOUT_MS = 30 * 1000,
        HTTP_IDLE_MS = 5 * 1000, /* a second idle handle of the pool is closed then */
        HTTP_MAXIMUM_RETRY_AFTER_MS = 5 * 60 * 1000,
        HTTP_MAXIMUM_ERROR_BODY = 1024 * 1024 /* of a reply that is not 2xx */
};

typedef struct HttpHandle {
        struct HttpHandle *next;
        CURLM *multi; /* of its own: holds the connection, and can be woken from outside */
        CURL *easy;
        int64_t idle_since_ms;
} HttpHandle;

struct Http {
        const KubeConfig *config;
        Credentials *credentials;
        char *base;    /* what paths are appended to */
        char *connect; /* CURLOPT_CONNECT_TO, or NULL */
        char *host;    /* label of the metrics */
        Metric *requests, *durations, *waits, *retries;
        atomic_bool stopped;
        pthread_mutex_t lock; /* over all that follows */
        pthread_cond_t changed;
        HttpHandle *idle, *busy;
        int in_flight;
        int64_t gate_until_ms;
};

typedef struct HttpTransfer {
        Http *http;
        HttpRequest request; /* what it points at belongs to the caller and must outlive the transfer */
        HttpResponse response;
        CredentialsView credentials;
        struct curl_slist *headers, *connect_to;
        bool handing_over; /* a 2xx reply came: its body goes to on_bytes */
        bool long_lived;   /* a watch: how long it lasts is no latency */
        bool failed;       /* we ended it: `error` says why */
        Error error;
        int64_t started_ns;
        char detail[CURL_ERROR_SIZE];
} HttpTransfer;

/* Fills a reset easy handle. `transfer` must stay where it is until the end. Error: UNAUTHORIZED. */
bool http_transfer_begin(
        HttpTransfer *transfer, Http *http, const HttpRequest *request, CURL *easy, Error *err) MUST_USE;
/* After the last byte: counts the request, sets the gate, reports a 401. True when a reply arrived. */
bool http_transfer_end(HttpTransfer *transfer, CURLcode code, Error *err) MUST_USE;
void http_transfer_done(HttpTransfer *transfer);
/* For how long requests are held back from now on; 0: not. */
int64_t http_gate_ms(Http *http, int64_t now_ms);
/* Holds back all requests; grows only. */
void http_close_gate(Http *http, int64_t until_ms);
