/* SPDX-License-Identifier: Apache-2.0 */
/* What authenticates us now. Law: what was good stays until something better was read; a bad or empty file is as if it
 * had not been written yet. */
#include "lib/kube/credentials.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/kube/credentials_internal.h"
#include "lib/kube/read_file.h"

static const int64_t NEVER = INT64_MIN / 2;

struct Credentials {
        const KubeConfig *config;
        pthread_mutex_t lock; /* over all that follows */
        char *token;
        char *ca_pem, *client_cert_pem, *client_key_pem;
        int64_t token_read_ms, files_read_ms, rejected_ms;
        int64_t exec_until_ms; /* the plugin's answer holds until then */
        bool stale;            /* the server refused what we have */
        bool files_stale;      /* TLS failed with the files we have */
        uint64_t generation;
};

static void forget_secret(char *secret) {
        if (secret)
                explicit_bzero(secret, strlen(secret));
        free(secret);
}

/* Puts a copy in the place of what was there; true when that is a change. */
static bool put_copy(char **place, const char *value) {
        if (!value || (*place && !strcmp(*place, value)))
                return false;
        forget_secret(*place);
        *place = alloc_string(value);
        return true;
}

/* Anything else could end the header early. */
static bool is_token(const char *token) {
        for (const char *at = token; *at; at++)
                if (*at < 0x21 || *at > 0x7e)
                        return false;
        return *token;
}

static bool read_token(Credentials *credentials, Error *err) {
        CLEANUP(text_done) Text text = { .maximum = CREDENTIALS_MAXIMUM };
        const char *file = credentials->config->token_file;
        if (!read_file(file, &text, err))
                return false;
        while (text.size && strchr(" \t\r\n", text.data[text.size - 1]))
                text.data[--text.size] = '\0';
        bool fits = is_token(text_string(&text) + strspn(text_string(&text), " \t\r\n"));
        if (fits)
                put_copy(&credentials->token, text_string(&text) + strspn(text_string(&text), " \t\r\n"));
        if (text.data)
                explicit_bzero(text.data, text.size);
        return fits || error_set(err, ERROR_INVALID, "%s holds no token", file);
}

static bool read_pem(const char *file, char **place, bool *changed, Error *err) {
        CLEANUP(text_done) Text text = { .maximum = CREDENTIALS_MAXIMUM };
        if (!file)
                return true;
        if (!read_file(file, &text, err))
                return false;
        if (!strstr(text_string(&text), "-----BEGIN "))
                return error_set(err, ERROR_INVALID, "%s holds no PEM data", file);
        if (put_copy(place, text_string(&text)))
                *changed = true;
        return true;
}

/* All PEM files, as far as they can be read; the first failure is the error. A certificate that was replaced before its
 * key is seen in halves for a moment; the next look repairs that. */
static bool read_files(Credentials *credentials, Error *err) {
        const KubeConfig *config = credentials->config;
        Error first = { 0 }, *slot = &first;
        bool changed = false, good = true;
        good = read_pem(config->ca_file, &credentials->ca_pem, &changed, slot) && good;
        good = read_pem(config->client_cert_file, &credentials->client_cert_pem, &changed, slot) && good;
        good = read_pem(config->client_key_file, &credentials->client_key_pem, &changed, slot) && good;
        if (changed)
                credentials->generation++;
        if (!good && err)
                *err = first;
        return good;
}

bool credentials_new(const KubeConfig *config, Credentials **ret_credentials, Error *err) {
        Credentials *credentials = alloc_zero(sizeof *credentials);
        credentials->config = config;
        credentials->token_read_ms = credentials->files_read_ms = clock_now_ms();
        credentials->rejected_ms = credentials->exec_until_ms = NEVER;
        pthread_mutex_init(&credentials->lock, NULL);
        put_copy(&credentials->token, config->token);
        put_copy(&credentials->ca_pem, config->ca_data);
        put_copy(&credentials->client_cert_pem, config->client_cert_data);
        put_copy(&credentials->client_key_pem, config->client_key_data);
        if (!read_files(credentials, err) || (config->token_file && !read_token(credentials, err))) {
                credentials_free(credentials);
                return false;
        }
        *ret_credentials = credentials;
        return true;
}

void credentials_free(Credentials *credentials) {
        if (!credentials)
                return;
        forget_secret(credentials->token);
        free(credentials->ca_pem);
        free(credentials->client_cert_pem);
        forget_secret(credentials->client_key_pem);
        pthread_mutex_destroy(&credentials->lock);
        free(credentials);
}

/* False only when there is no answer to go on with. */
static bool ask_plugin(Credentials *credentials, int64_t now_ms, Error *err) {
        CLEANUP(exec_answer_done) ExecAnswer answer = { 0 };
        bool answered = exec_run(credentials->config, credentials->ca_pem, &answer, err);
        if (answered && answer.token && !is_token(answer.token))
                answered = error_set(err, ERROR_PROTOCOL, "credential plugin %s: its token is not printable",
                        credentials->config->exec.command);
        if (!answered && credentials->exec_until_ms == NEVER)
                return false;
        if (!answered) {
                credentials->exec_until_ms = now_ms + CREDENTIALS_EXEC_RETRY_MS;
                return true;
        }
        if (answer.token)
                put_copy(&credentials->token, answer.token);
        if (answer.client_cert_pem) {
                bool changed = put_copy(&credentials->client_cert_pem, answer.client_cert_pem);
                if (put_copy(&credentials->client_key_pem, answer.client_key_pem) || changed)
                        credentials->generation++;
        }
        credentials->exec_until_ms = answer.valid_ms < 0 ? INT64_MAX : now_ms + answer.valid_ms;
        return true;
}

static bool refresh(Credentials *credentials, int64_t now_ms, Error *err) {
        const KubeConfig *config = credentials->config;
        bool stale = credentials->stale, files_stale = stale || credentials->files_stale;
        credentials->stale = credentials->files_stale = false;
        if (config->token_file && (stale || now_ms - credentials->token_read_ms >= CREDENTIALS_TOKEN_MS)) {
                credentials->token_read_ms = now_ms;
                (void)read_token(credentials, NULL);
        }
        if (files_stale || now_ms - credentials->files_read_ms >= CREDENTIALS_FILES_MS) {
                credentials->files_read_ms = now_ms;
                (void)read_files(credentials, NULL);
        }
        if (config->exec.command && (stale || now_ms >= credentials->exec_until_ms))
                return ask_plugin(credentials, now_ms, err);
        return true;
}

/* In one allocation of its own, so that no growing buffer leaves copies of the token behind. */
static char *bearer(const char *token) {
        size_t size = strlen("Bearer ") + strlen(token) + 1;
        char *header = alloc_zero(size);
        (void)snprintf(header, size, "Bearer %s", token);
        return header;
}

bool credentials_get_at(Credentials *credentials, int64_t now_ms, CredentialsView *ret_view, Error *err) {
        pthread_mutex_lock(&credentials->lock);
        bool usable = refresh(credentials, now_ms, err);
        if (usable) {
                CredentialsView view = { .ca_pem = alloc_string(credentials->ca_pem),
                        .client_cert_pem = alloc_string(credentials->client_cert_pem),
                        .client_key_pem = alloc_string(credentials->client_key_pem),
                        .generation = credentials->generation };
                if (credentials->token)
                        view.authorization = bearer(credentials->token);
                *ret_view = view;
        }
        pthread_mutex_unlock(&credentials->lock);
        return usable;
}

bool credentials_get(Credentials *credentials, CredentialsView *ret_view, Error *err) {
        return credentials_get_at(credentials, clock_now_ms(), ret_view, err);
}

void credentials_view_done(CredentialsView *view) {
        forget_secret(view->authorization);
        free(view->ca_pem);
        free(view->client_cert_pem);
        forget_secret(view->client_key_pem);
        *view = (CredentialsView){ 0 };
}

void credentials_rejected_at(Credentials *credentials, int64_t now_ms, const CredentialsView *view) {
        pthread_mutex_lock(&credentials->lock);
        const char *refused = view->authorization ? view->authorization + strlen("Bearer ") : NULL;
        /* Somebody else may have brought newer ones meanwhile. */
        bool current = text_equal(refused, credentials->token) && view->generation == credentials->generation;
        if (current && now_ms - credentials->rejected_ms >= CREDENTIALS_REJECTED_MS) {
                credentials->rejected_ms = now_ms;
                credentials->stale = true;
        }
        pthread_mutex_unlock(&credentials->lock);
}

void credentials_rejected(Credentials *credentials, const CredentialsView *view) {
        credentials_rejected_at(credentials, clock_now_ms(), view);
}

void credentials_distrusted(Credentials *credentials, const CredentialsView *view) {
        pthread_mutex_lock(&credentials->lock);
        if (view->generation == credentials->generation &&
                clock_now_ms() - credentials->files_read_ms >= CREDENTIALS_REJECTED_MS)
                credentials->files_stale = true;
        pthread_mutex_unlock(&credentials->lock);
}
