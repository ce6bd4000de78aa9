/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1.1 server for unit tests, on loopback: it plays prepared replies in order and notes what it was asked. */
#pragma once

#include "lib/base/text.h"

typedef struct ScriptedServer ScriptedServer;

/* Replies are whole, with status line and headers; see scripted_reply. The last one is given again and again. Three
 * words stand for themselves: "close" ends the connection without an answer, "hang" never answers, "cut REPLY" ends it
 * in the middle (after the bytes given),
 * "hold REPLY" leaves it open and silent there. */
ScriptedServer *scripted_server_new(const char *const *replies, size_t count);
void scripted_server_free(ScriptedServer *server);
/* "http://127.0.0.1:PORT" */
const char *scripted_server_url(const ScriptedServer *server);
/* Every request so far, as "METHOD PATH [Authorization] [Content-Type] body\n"; the caller frees it. */
char *scripted_server_log(ScriptedServer *server);
size_t scripted_server_requests(ScriptedServer *server);
size_t scripted_server_connections(ScriptedServer *server);
/* Blocks until that many requests have come. */
void scripted_server_await(ScriptedServer *server, size_t requests);

/* A whole reply with extra header lines (each ended by "\r\n") and a body, kept in `text`, which must outlive the
 * server. */
const char *scripted_reply(Text *text, int status, const char *headers, const char *body);
