/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as values, and the one table that says what each code means.
 * Law: a text is always whole UTF-8, since it ends in status fields and log lines. */
#include "lib/base/error.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

static const struct {
        const char *name;
        Retry retry;
} codes[ERROR_CODE_COUNT] = {
        [ERROR_NONE] = { "none", RETRY_ON_CHANGE },
        [ERROR_UNAVAILABLE] = { "unavailable", RETRY_BACKOFF },
        [ERROR_TIMEOUT] = { "timeout", RETRY_BACKOFF },
        [ERROR_THROTTLED] = { "throttled", RETRY_AS_TOLD },
        [ERROR_CONFLICT] = { "conflict", RETRY_SOON },
        [ERROR_NOT_FOUND] = { "not_found", RETRY_BACKOFF },
        [ERROR_EXISTS] = { "exists", RETRY_SLOW },
        [ERROR_FORBIDDEN] = { "forbidden", RETRY_SLOW },
        [ERROR_UNAUTHORIZED] = { "unauthorized", RETRY_BACKOFF },
        [ERROR_INVALID] = { "invalid", RETRY_ON_CHANGE },
        [ERROR_EXPIRED] = { "expired", RETRY_SOON },
        [ERROR_TOO_LARGE] = { "too_large", RETRY_SLOW },
        [ERROR_PROTOCOL] = { "protocol", RETRY_BACKOFF },
        [ERROR_STOPPED] = { "stopped", RETRY_NEVER },
        [ERROR_BUG] = { "bug", RETRY_BACKOFF },
};

/* Puts `text` into the error, cut with "..." at a character's end when it does not fit. */
static void store(Error *err, const char *text) {
        static const char more[] = "...";
        size_t length = strlen(text);

        if (length < sizeof(err->text)) {
                memcpy(err->text, text, length + 1);
                return;
        }
        length = text_cut(text, sizeof(err->text) - sizeof(more));
        memcpy(err->text, text, length);
        memcpy(err->text + length, more, sizeof(more));
}

bool error_set(Error *err, ErrorCode code, const char *format, ...) {
        va_list args;

        va_start(args, format);
        (void)error_vset(err, code, format, args);
        va_end(args);
        return false;
}

bool error_vset(Error *err, ErrorCode code, const char *format, va_list args) {
        char text[2 * sizeof(err->text)];

        if (!err)
                return false;
        /* Printed aside first: the arguments may point into the error itself. */
        (void)vsnprintf(text, sizeof(text), format, args);
        *err = (Error){ .code = code };
        store(err, text);
        return false;
}

bool error_wrap(Error *err, const char *format, ...) {
        char text[3 * sizeof(err->text)];
        int length;
        va_list args;

        if (!err)
                return false;
        va_start(args, format);
        length = vsnprintf(text, sizeof(err->text), format, args);
        va_end(args);
        if (length < 0)
                return false;
        if ((size_t)length >= sizeof(err->text))
                length = (int)text_cut(text, sizeof(err->text) - 1);
        (void)snprintf(text + length, sizeof(text) - (size_t)length, ": %s", err->text);
        store(err, text);
        return false;
}

const char *error_name(ErrorCode code) {
        assert(code < ERROR_CODE_COUNT);
        return codes[code].name;
}

Retry error_retry(ErrorCode code) {
        assert(code < ERROR_CODE_COUNT);
        return codes[code].retry;
}
