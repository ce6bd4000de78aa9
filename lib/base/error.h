/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as values. A fallible function returns false and fills the Error passed last; success leaves it alone.
 * The code decides what the caller's caller does about it (error_retry); the text is one clear sentence for people. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"

typedef enum ErrorCode {
        ERROR_NONE = 0,
        ERROR_UNAVAILABLE,  /* the other side is down, slow, or cut us off; the outcome of a write is unknown */
        ERROR_TIMEOUT,      /* our deadline passed; as UNAVAILABLE */
        ERROR_THROTTLED,    /* 429 or 503 with Retry-After: retry_after_ms is set */
        ERROR_CONFLICT,     /* somebody wrote first, or the cache is behind: read again, soon */
        ERROR_NOT_FOUND,    /* the object (or its type) is not there, where that is not an answer */
        ERROR_EXISTS,       /* an object of that name is there and is not ours */
        ERROR_FORBIDDEN,    /* RBAC, admission policy, quota: a person must change something */
        ERROR_UNAUTHORIZED, /* our credentials are not accepted */
        ERROR_INVALID,      /* what we were given cannot work; only a changed spec helps */
        ERROR_EXPIRED,      /* 410: the resourceVersion is too old */
        ERROR_TOO_LARGE,    /* something from outside is over its named maximum */
        ERROR_PROTOCOL,     /* the other side said something we do not understand */
        ERROR_STOPPED,      /* we are shutting down or lost leadership */
        ERROR_BUG,          /* ours; counted and alerted on */
        ERROR_CODE_COUNT
} ErrorCode;

typedef enum Retry {
        RETRY_SOON,      /* at once, then quickly backing off */
        RETRY_BACKOFF,   /* exponential, capped at minutes */
        RETRY_AS_TOLD,   /* after retry_after_ms */
        RETRY_SLOW,      /* a person must act: once a minute and on every change */
        RETRY_ON_CHANGE, /* not before the object changes */
        RETRY_NEVER      /* we are stopping */
} Retry;

typedef struct Error {
        ErrorCode code;
        int http_status;         /* 0 when no HTTP answer stands behind it */
        uint32_t retry_after_ms; /* for ERROR_THROTTLED */
        char reason[48];         /* machine word from the API server's Status ("AlreadyExists"), or "" */
        char text[464];          /* cut with "..." when longer */
} Error;

/* Fills `err` (which may be NULL) and returns false, so that a failure is one line. */
bool error_set(Error *err, ErrorCode code, const char *format, ...) PRINTF(3, 4);
bool error_vset(Error *err, ErrorCode code, const char *format, va_list args) PRINTF(3, 0);
/* Puts "what: " before the text, keeping the rest; returns false. For callers that add knowledge. */
bool error_wrap(Error *err, const char *format, ...) PRINTF(2, 3);
/* The word for logs and metrics: "unavailable", "conflict", ... */
const char *error_name(ErrorCode code);
/* What each code means for a retry: the one table. */
Retry error_retry(ErrorCode code);
