/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an HTTP/1.x request, read strictly: what two servers could understand in two ways is refused. Pure: bytes
 * in, a struct out. https://www.rfc-editor.org/rfc/rfc9112 https://www.rfc-editor.org/rfc/rfc9110 */
#pragma once

#include "lib/base/arena.h"
#include "lib/server/server.h"

/* Strings belong to the arena. */
typedef struct HttpRequest {
        ServerRequest request; /* without body; body_size is what the head announces */
        size_t head_size;      /* bytes, with the empty line */
        bool keep_alive;
        bool head_only;      /* a HEAD: the reply has no body */
        bool wants_continue; /* "Expect: 100-continue" */
} HttpRequest;

/* Why a request is refused. */
typedef struct HttpRefusal {
        int status;
        const char *sentence; /* string constant */
} HttpRefusal;

/* Where the head ends (the bytes up to and with the empty line), 0 when that is not there yet. `*scanned` is 0 at first
 * and keeps what need not be looked at again. */
size_t http_request_find_end(const char *bytes, size_t size, size_t *scanned);
/* `size` is what http_request_find_end gave. False with a refusal. */
bool http_request_parse(
        const char *head, size_t size, Arena *arena, HttpRequest *ret_request, HttpRefusal *ret_refusal) MUST_USE;
/* Undoes percent-encoding; with `plus`, '+' is a blank. NULL for a broken escape and for an escaped NUL byte. */
char *http_request_decode(const char *text, size_t size, bool plus, Arena *arena);
