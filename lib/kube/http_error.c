/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of reply and action: what each status and reason of the API server means as an Error.
 * Law: a person reads the server's own sentence; a program reads code and reason. */
#include <string.h>

#include "lib/base/json.h"
#include "lib/kube/http.h"

enum { EXCERPT_BYTES = 200, MAXIMUM_CAUSES = 8, DEFAULT_RETRY_AFTER_MS = 1000, DISRUPTION_RETRY_MS = 10 * 1000 };

/* The first row that fits wins; a NULL reason fits all, a status of 0 all that were not named. */
static const struct {
        int status;
        const char *reason;
        ErrorCode code;
} TABLE[] = {
        { 400, NULL, ERROR_INVALID },
        { 401, NULL, ERROR_UNAUTHORIZED },
        { 403, NULL, ERROR_FORBIDDEN },
        { 404, NULL, ERROR_NOT_FOUND },
        { 405, NULL, ERROR_BUG },
        { 406, NULL, ERROR_BUG },
        { 408, NULL, ERROR_TIMEOUT },
        { 409, "NamespaceTerminating", ERROR_FORBIDDEN },
        { 409, "AlreadyExists", ERROR_EXISTS },
        { 409, NULL, ERROR_CONFLICT },
        { 410, NULL, ERROR_EXPIRED },
        { 413, NULL, ERROR_TOO_LARGE },
        { 415, NULL, ERROR_BUG },
        { 422, NULL, ERROR_INVALID },
        { 429, NULL, ERROR_THROTTLED },
        { 504, NULL, ERROR_TIMEOUT },
};

/* Causes that decide more than the reason they come with. */
static const char *const TELLING_CAUSES[] = { "NamespaceTerminating", "FieldManagerConflict", "ResourceVersionTooLarge",
        "DisruptionBudget" };

/* How the server calls an apply that does not fit the schema: it is no failure of the server. */
static const char UNFIT_APPLY[] = "failed to create typed patch object";

static ErrorCode find_code(const HttpResponse *response, const char *reason, const char *message) {
        if (response->status == 500 && !strncmp(message, UNFIT_APPLY, sizeof UNFIT_APPLY - 1))
                return ERROR_INVALID;
        for (size_t i = 0; i < ARRAY_LEN(TABLE); i++)
                if (TABLE[i].status == response->status && (!TABLE[i].reason || text_equal(TABLE[i].reason, reason)))
                        return TABLE[i].code;
        if (response->status >= 500)
                return response->retry_after_ms ? ERROR_THROTTLED : ERROR_UNAVAILABLE;
        return response->status >= 400 ? ERROR_INVALID : ERROR_PROTOCOL;
}

static const char *find_reason(const Json *status) {
        const Json *causes = json_find(status, "/details/causes");
        for (const Json *cause = json_first(causes); cause; cause = json_next(cause))
                for (size_t i = 0; i < ARRAY_LEN(TELLING_CAUSES); i++)
                        if (text_equal(json_string(json_get(cause, "reason"), NULL), TELLING_CAUSES[i]))
                                return TELLING_CAUSES[i];
        return json_string(json_get(status, "reason"), "");
}

/* What the message leaves out: which fields others own. */
static void print_conflicts(const Json *status, Text *text) {
        const Json *causes = json_find(status, "/details/causes");
        int count = 0;
        for (const Json *cause = json_first(causes); cause && count < MAXIMUM_CAUSES; cause = json_next(cause)) {
                const char *field = json_string(json_get(cause, "field"), "");
                if (!text_equal(json_string(json_get(cause, "reason"), NULL), "FieldManagerConflict"))
                        continue;
                /* A single conflict is named in the message already. */
                if (strstr(text_string(text), field))
                        continue;
                text_printf(text, "%s %s (%s)", count++ ? "," : ";", field,
                        json_string(json_get(cause, "message"), "another manager"));
        }
}

/* The start of a body that is no Status, in one line. */
static void print_excerpt(const HttpResponse *response, Text *text) {
        const char *body = text_string(&response->body);
        size_t size = response->body.size < EXCERPT_BYTES ? response->body.size : EXCERPT_BYTES;
        while (size && (body[size - 1] == '\n' || body[size - 1] == '\r'))
                size--;
        for (size_t i = 0; i < size; i++) {
                bool printable = (unsigned char)body[i] >= 0x20 && (unsigned char)body[i] < 0x7f;
                text_append_bytes(text, printable ? &body[i] : " ", 1);
        }
        if (!size)
                text_append(text, "no explanation");
}

static uint32_t find_retry_after(const HttpResponse *response, const Json *status, const char *reason) {
        int64_t seconds = json_find_int(status, "/details/retryAfterSeconds", 0);
        uint32_t told = response->retry_after_ms;
        if (!told && seconds > 0 && seconds <= 3600)
                told = (uint32_t)seconds * 1000;
        if (!told && response->status == 429)
                return text_equal(reason, "DisruptionBudget") ? DISRUPTION_RETRY_MS : DEFAULT_RETRY_AFTER_MS;
        return told;
}

bool http_error(const HttpResponse *response, const char *what, Error *err) {
        CLEANUP(json_cleanup) Json *status = NULL;
        CLEANUP(text_done) Text text = { 0 };
        if (!json_parse(text_string(&response->body), response->body.size, &status, NULL) ||
                !text_equal(json_string(json_get(status, "kind"), NULL), "Status")) {
                json_free(status);
                status = NULL;
        }
        const char *reason = find_reason(status);
        const char *message = json_string(json_get(status, "message"), "");
        if (*message)
                text_append(&text, message);
        else
                print_excerpt(response, &text);
        print_conflicts(status, &text);
        (void)error_set(err, find_code(response, reason, message), "%s: %s (HTTP %d%s%s)", what, text_string(&text),
                response->status, *reason ? " " : "", reason);
        if (!err)
                return false;
        err->http_status = response->status;
        err->retry_after_ms = find_retry_after(response, status, reason);
        size_t length = strnlen(reason, sizeof err->reason - 1);
        memcpy(err->reason, reason, length);
        err->reason[length] = '\0';
        return false;
}

void http_response_done(HttpResponse *response) {
        text_done(&response->body);
}

void http_escape(Text *url, const char *value) {
        static const char HEX[] = "0123456789ABCDEF";
        static const char PLAIN[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
        for (; *value; value++) {
                const unsigned char byte = (unsigned char)*value;
                const char escaped[] = { '%', HEX[byte >> 4], HEX[byte & 15] };
                if (strchr(PLAIN, *value))
                        text_append_bytes(url, value, 1);
                else
                        text_append_bytes(url, escaped, sizeof escaped);
        }
}
