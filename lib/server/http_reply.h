/* SPDX-License-Identifier: Apache-2.0 */
/* A reply as bytes of HTTP/1.1. Pure. */
#pragma once

#include "lib/server/server.h"

/* Appends status line, headers and body to `out`. `head_only` leaves the body out but announces its length. `allow` is
 * the value of the Allow header of a 405, or NULL. */
typedef struct HttpReplyOptions {
        bool keep_alive;
        bool head_only;
        const char *allow;
} HttpReplyOptions;

void http_reply_write(const ServerReply *reply, const HttpReplyOptions *options, Text *out);
/* "Not Found" for 404; "Status 299" for what has no name here. */
const char *http_reply_reason(int status);
