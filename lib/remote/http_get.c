/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to members by libcurl's easy interface.
 * Law: a handle is reset before each request, so that nothing of one target (password, CA) reaches the next. */
#include "lib/remote/http_get.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <string.h>

#include "lib/base/alloc.h"

enum { BUFFER_SIZE = 4096, KEPT_CONNECTIONS = 4 };

struct HttpGet {
        CURL *curl;
        char sentence[CURL_ERROR_SIZE];
};

typedef struct Sink {
        Text *body;
        size_t maximum;
        bool too_large;
} Sink;

static const struct {
        CURLcode curl;
        ErrorCode code;
} codes[] = {
        { CURLE_OPERATION_TIMEDOUT, ERROR_TIMEOUT },
        { CURLE_PEER_FAILED_VERIFICATION, ERROR_UNAUTHORIZED },
        { CURLE_SSL_CACERT_BADFILE, ERROR_UNAUTHORIZED },
        { CURLE_SSL_ISSUER_ERROR, ERROR_UNAUTHORIZED },
        { CURLE_SSL_CERTPROBLEM, ERROR_UNAUTHORIZED },
        { CURLE_UNSUPPORTED_PROTOCOL, ERROR_PROTOCOL }, /* "HTTP/0.9" */
        { CURLE_URL_MALFORMAT, ERROR_INVALID },
        { CURLE_WEIRD_SERVER_REPLY, ERROR_PROTOCOL },
};

HttpGet *http_get_new(void) {
        HttpGet *client = alloc_zero(sizeof(*client));

        client->curl = curl_easy_init();
        if (!client->curl)
                abort();
        return client;
}

void http_get_free(HttpGet *client) {
        if (!client)
                return;
        curl_easy_cleanup(client->curl);
        free(client);
}

void http_get_cleanup(HttpGet **client) {
        http_get_free(*client);
}

static size_t take_body(char *bytes, size_t one, size_t size, void *context) {
        Sink *sink = context;

        (void)one; /* always 1 */
        if (sink->body->size + size > sink->maximum) {
                sink->too_large = true;
                return 0;
        }
        text_append_bytes(sink->body, bytes, size);
        return size;
}

/* A connection at rest keeps no records' buffers, 33 KiB of them. */
static CURLcode set_context(CURL *curl, void *ssl_context, void *context) {
        (void)curl;
        (void)context;
        (void)SSL_CTX_set_mode(ssl_context, SSL_MODE_RELEASE_BUFFERS);
        return CURLE_OK;
}

static void set_security(CURL *curl, const HttpGetTarget *target) {
        (void)curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, set_context);
        if (target->ca_pem) {
                struct curl_blob pem = { .len = strlen(target->ca_pem), .flags = CURL_BLOB_COPY };

                /* The blob is copied, never written to. */
                pem.data = (void *)(uintptr_t)target->ca_pem;
                (void)curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &pem);
                (void)curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
        }
        if (target->username) {
                (void)curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
                (void)curl_easy_setopt(curl, CURLOPT_USERNAME, target->username);
                (void)curl_easy_setopt(curl, CURLOPT_PASSWORD, target->password ? target->password : "");
        }
}

static void set_request(HttpGet *client, const HttpGetTarget *target, struct curl_slist *headers, Sink *sink) {
        CURL *curl = client->curl;

        curl_easy_reset(curl);
        client->sentence[0] = '\0';
        (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->sentence);
        (void)curl_easy_setopt(curl, CURLOPT_URL, target->url);
        (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
        (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)target->timeout_ms);
        (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)target->timeout_ms);
        (void)curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)BUFFER_SIZE);
        (void)curl_easy_setopt(curl, CURLOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
        /* A member's Service that was made again has another address at once. */
        (void)curl_easy_setopt(curl, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
        (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, sink);
        if (target->body)
                (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, target->body);
        if (target->method && strcmp(target->method, "HEAD") == 0)
                (void)curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
        else
                (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, target->method ? target->method : "GET");
        (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        set_security(curl, target);
}

static bool failed(const HttpGet *client, CURLcode status, const Sink *sink, const char *url, Error *err) {
        ErrorCode code = ERROR_UNAVAILABLE;

        if (sink->too_large)
                return error_set(err, ERROR_TOO_LARGE, "%s: a reply over %zu bytes", url, sink->maximum);
        for (size_t i = 0; i < ARRAY_LEN(codes); i++)
                if (codes[i].curl == status)
                        code = codes[i].code;
        return error_set(err, code, "%s: %s", url, *client->sentence ? client->sentence : curl_easy_strerror(status));
}

bool http_get(HttpGet *client, const HttpGetTarget *target, int *ret_status, Text *ret_body, Error *err) {
        Sink sink = { .body = ret_body, .maximum = target->maximum ? target->maximum : HTTP_GET_MAXIMUM };
        /* "Expect" is kept away: a member answers at once, and waiting for its 100 costs a second. */
        struct curl_slist accept = { .data = (char[]){ "Accept: application/json" } };
        struct curl_slist expect = { .data = (char[]){ "Expect:" }, .next = &accept };
        struct curl_slist type = { .data = (char[]){ "Content-Type: application/json" }, .next = &expect };
        CURLcode status;
        long answer = 0;

        text_clear(ret_body);
        if (strncmp(target->url, "http://", 7) != 0 && strncmp(target->url, "https://", 8) != 0)
                return error_set(err, ERROR_INVALID, "\"%s\" is no http or https address", target->url);
        set_request(client, target, target->body ? &type : &accept, &sink);
        status = curl_easy_perform(client->curl);
        (void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer);
        if (status != CURLE_OK || answer == 0) {
                text_clear(ret_body);
                return failed(client, status, &sink, target->url, err);
        }
        *ret_status = (int)answer;
        return true;
}
