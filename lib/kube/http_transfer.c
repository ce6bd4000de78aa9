/* SPDX-License-Identifier: Apache-2.0 */
/* Options of an easy handle, and what its callbacks do. Law: verified TLS and our CA alone, no proxy, no redirect, no
 * signal, every buffer capped. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <openssl/ssl.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/kube/credentials_internal.h"
#include "lib/kube/http_internal.h"

enum { KEEPALIVE_IDLE_S = 15, KEEPALIVE_INTERVAL_S = 5, KEEPALIVE_COUNT = 3, USER_TIMEOUT_MS = 30 * 1000 };

static const double RETRY_AFTER_SPREAD = 0.25;

/* A peer that vanished without a word is noticed after 30 s, whatever the transfer waits for. */
static int set_socket(void *context, curl_socket_t fd, curlsocktype purpose) {
        (void)context;
        (void)purpose;
        const struct {
                int level, name, value;
        } options[] = { { SOL_SOCKET, SO_KEEPALIVE, 1 }, { IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S },
                { IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S }, { IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT },
                { IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS } };
        for (size_t i = 0; i < ARRAY_LEN(options); i++)
                (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        return CURL_SOCKOPT_OK;
}

/* A connection at rest keeps no records' buffers, 33 KiB of them. */
static CURLcode set_context(CURL *easy, void *ssl_context, void *context) {
        (void)easy;
        (void)context;
        (void)SSL_CTX_set_mode(ssl_context, SSL_MODE_RELEASE_BUFFERS);
        return CURLE_OK;
}

static size_t receive(char *bytes, size_t one, size_t size, void *context) {
        HttpTransfer *transfer = context;
        Text *body = &transfer->response.body;
        (void)one;
        if (transfer->handing_over) {
                transfer->failed =
                        !transfer->request.on_bytes(transfer->request.context, bytes, size, &transfer->error);
                return transfer->failed ? CURL_WRITEFUNC_ERROR : size;
        }
        text_append_bytes(body, bytes, size);
        if (!body->failed)
                return size;
        transfer->failed = true;
        (void)error_set(&transfer->error, ERROR_TOO_LARGE, "the reply is larger than %zu bytes", body->maximum);
        return CURL_WRITEFUNC_ERROR;
}

/* "HTTP/2 200" and "HTTP/1.1 200 OK"; 0 for anything else. */
static int parse_status(const char *line, size_t size) {
        const char *space = memchr(line, ' ', size);
        if (size < 5 || strncmp(line, "HTTP/", 5) != 0 || !space || line + size - space < 4)
                return 0;
        char digits[4] = { space[1], space[2], space[3], '\0' };
        int64_t status = 0;
        return text_to_int(digits, 100, 599, &status) ? (int)status : 0;
}

/* Whole seconds; the other form, a date, is not sent by API servers. */
static uint32_t parse_retry_after(const char *value, size_t size) {
        char text[12] = "";
        int64_t seconds = 0;
        while (size && (*value == ' ' || *value == '\t')) {
                value++;
                size--;
        }
        while (size && strchr(" \t\r\n", value[size - 1]))
                size--;
        if (size >= sizeof text)
                return 0;
        memcpy(text, value, size);
        if (!text_to_int(text, 0, INT32_MAX, &seconds))
                return 0;
        int64_t ms = seconds * 1000;
        return ms < HTTP_MAXIMUM_RETRY_AFTER_MS ? (uint32_t)ms : HTTP_MAXIMUM_RETRY_AFTER_MS;
}

/* One header line per call. An interim reply (1xx) has a block of its own before the real one. */
static size_t receive_header(char *line, size_t one, size_t size, void *context) {
        static const char RETRY_AFTER[] = "retry-after:";
        HttpTransfer *transfer = context;
        HttpResponse *response = &transfer->response;
        int status = parse_status(line, size);
        (void)one;
        if (status) {
                response->status = status;
                response->retry_after_ms = 0;
                bool good = status / 100 == 2;
                transfer->handing_over = good && transfer->request.on_bytes;
                /* A watch goes on for minutes, and what let it in is not asked for again. */
                if (good && transfer->long_lived)
                        credentials_view_done(&transfer->credentials);
                response->body.maximum = good ? HTTP_MAXIMUM_BODY : HTTP_MAXIMUM_ERROR_BODY;
        } else if (size > strlen(RETRY_AFTER) && !strncasecmp(line, RETRY_AFTER, strlen(RETRY_AFTER))) {
                response->retry_after_ms = parse_retry_after(line + strlen(RETRY_AFTER), size - strlen(RETRY_AFTER));
        }
        return size;
}

static void set_blob(CURL *easy, CURLoption option, char *pem) {
        struct curl_blob blob = { .data = pem, .len = pem ? strlen(pem) : 0, .flags = CURL_BLOB_COPY };
        if (pem)
                (void)curl_easy_setopt(easy, option, &blob);
}

static void set_tls(HttpTransfer *transfer, CURL *easy) {
        const KubeConfig *config = transfer->http->config;
        CredentialsView *credentials = &transfer->credentials;
        (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        (void)curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, set_context);
        (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, config->insecure ? 0L : 1L);
        (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, config->insecure ? 0L : 2L);
        if (credentials->ca_pem) {
                /* Else the system's folder of CAs would be trusted besides. */
                (void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
                (void)curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
                set_blob(easy, CURLOPT_CAINFO_BLOB, credentials->ca_pem);
        }
        /* API servers look at certificates first: with ours, a caller's request would be made in our name. */
        if (transfer->request.authorization)
                return;
        set_blob(easy, CURLOPT_SSLCERT_BLOB, credentials->client_cert_pem);
        set_blob(easy, CURLOPT_SSLKEY_BLOB, credentials->client_key_pem);
}

static void add_header(HttpTransfer *transfer, const char *name, const char *value) {
        CLEANUP(text_done) Text line = { 0 };
        if (!value)
                return;
        text_append(&line, name);
        text_append(&line, value);
        transfer->headers = curl_slist_append(transfer->headers, text_string(&line));
}

static void set_request(HttpTransfer *transfer, CURL *easy) {
        const HttpRequest *request = &transfer->request;
        CLEANUP(text_done) Text url = { 0 };
        text_append(&url, transfer->http->base);
        text_append(&url, request->path);
        (void)curl_easy_setopt(easy, CURLOPT_URL, text_string(&url));
        if (request->body) {
                (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
                (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
        }
        (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
        add_header(transfer, "Accept: ", "application/json");
        add_header(transfer, "Content-Type: ", request->content_type);
        add_header(transfer, "Authorization: ",
                request->authorization ? request->authorization : transfer->credentials.authorization);
        /* No waiting for "100 Continue" before large bodies. */
        add_header(transfer, "Expect:", "");
        (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
        (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "madbase/" MADBASE_VERSION);
        if (transfer->http->connect) {
                transfer->connect_to = curl_slist_append(NULL, transfer->http->connect);
                (void)curl_easy_setopt(easy, CURLOPT_CONNECT_TO, transfer->connect_to);
        }
}

static void set_transport(HttpTransfer *transfer, CURL *easy) {
        int64_t timeout_ms = transfer->request.timeout_ms ? transfer->request.timeout_ms : HTTP_TIMEOUT_MS;
        (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
        (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http");
        /* One request at a time on a connection of its own has no use for streams, and a session of HTTP/2 costs 76
         * KiB; the watches, which share a connection, ask for it. */
        (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        /* Not less than libcurl's own 16 KiB: with several HTTP/2 streams on a connection, libcurl 7.88 writes behind
         * the end of a smaller buffer (a watch with 4 KiB, found by AddressSanitizer). */
        (void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)HTTP_BUFFER_SIZE);
        (void)curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)HTTP_BUFFER_SIZE);
        (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_TIMEOUT_MS);
        (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
        (void)curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, set_socket);
        (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->detail);
        (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
        (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
        (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, receive_header);
        (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
}

bool http_transfer_begin(HttpTransfer *transfer, Http *http, const HttpRequest *request, CURL *easy, Error *err) {
        *transfer = (HttpTransfer){ .http = http, .request = *request, .started_ns = clock_now_ns() };
        if (!credentials_get(http->credentials, &transfer->credentials, err))
                return false;
        set_transport(transfer, easy);
        set_tls(transfer, easy);
        set_request(transfer, easy);
        return true;
}

static void count(const HttpTransfer *transfer, bool answered) {
        const Http *http = transfer->http;
        char code[12] = "<error>";
        if (answered)
                (void)snprintf(code, sizeof code, "%d", transfer->response.status);
        const char *const request_labels[] = { code, transfer->request.method, http->host };
        const char *const duration_labels[] = { transfer->request.method, http->host };
        metric_add(http->requests, request_labels, 1);
        if (!transfer->long_lived)
                metric_observe(http->durations, duration_labels, (double)(clock_now_ns() - transfer->started_ns) / 1e9);
}

static bool fail(HttpTransfer *transfer, CURLcode code, Error *err) {
        const char *detail = *transfer->detail ? transfer->detail : curl_easy_strerror(code);
        if (transfer->failed) {
                if (err)
                        *err = transfer->error;
                return false;
        }
        return error_set(err, code == CURLE_OPERATION_TIMEDOUT ? ERROR_TIMEOUT : ERROR_UNAVAILABLE, "%s %s: %s",
                transfer->request.method, transfer->http->host, detail);
}

/* An eviction that a PodDisruptionBudget holds up is answered with 429 too; the server is not busy then. */
static bool is_eviction(const char *path) {
        static const char EVICTION[] = "/eviction";
        size_t length = strcspn(path, "?");
        return length >= strlen(EVICTION) && !strncmp(path + length - strlen(EVICTION), EVICTION, strlen(EVICTION));
}

bool http_transfer_end(HttpTransfer *transfer, CURLcode code, Error *err) {
        const HttpResponse *response = &transfer->response;
        count(transfer, code == CURLE_OK);
        if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR || code == CURLE_SSL_CERTPROBLEM)
                credentials_distrusted(transfer->http->credentials, &transfer->credentials);
        if (code != CURLE_OK)
                return fail(transfer, code, err);
        if (response->status == 401 && !transfer->request.authorization)
                credentials_rejected(transfer->http->credentials, &transfer->credentials);
        if (response->status == 429 && response->retry_after_ms && !is_eviction(transfer->request.path))
                http_close_gate(
                        transfer->http, clock_now_ms() + random_jitter(response->retry_after_ms, RETRY_AFTER_SPREAD));
        return true;
}

void http_transfer_done(HttpTransfer *transfer) {
        curl_slist_free_all(transfer->headers);
        curl_slist_free_all(transfer->connect_to);
        credentials_view_done(&transfer->credentials);
        http_response_done(&transfer->response);
        transfer->headers = transfer->connect_to = NULL;
}
