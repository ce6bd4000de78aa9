/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to Redis, Sentinel and the members' port by hiredis, each with a deadline. No call logs; a failed call leaves
 * a connection that is to be closed. */
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

enum { CALL_MS = 500 }; /* for one connect, and for one reply, unless said otherwise */

/* Connects and authenticates. The password may be NULL. NULL when not within ms. */
redisContext *call_connect(const char *address, int port, const char *password, int ms);
redisContext *call_connect_unix(const char *path, const char *password, int ms);
/* Sends a command of words; NULL when the connection broke. The caller frees the reply. */
redisReply *call(redisContext *context, const char *const *words, size_t n);
#define CALL(context, ...)                                                                                             \
        call(context, (const char *const[]){ __VA_ARGS__ },                                                            \
                sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))
/* Sends it and tells whether the answer was no error. */
bool call_done(redisContext *context, const char *const *words, size_t n);
#define CALL_DONE(context, ...)                                                                                        \
        call_done(context, (const char *const[]){ __VA_ARGS__ },                                                       \
                sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))
/* The value of "field:" in an INFO text, up to the line's end. False when it is not there or too long. */
bool call_info(const char *info, const char *field, char *ret, size_t size);
long long call_info_number(const char *info, const char *field, long long otherwise);
/* The value after `field` in a flat reply of fields and values; NULL when it is not there. */
const char *call_field(const redisReply *reply, const char *field);

void call_free_reply(redisReply **reply);
void call_free(redisContext **context);
#define REPLY   __attribute__((cleanup(call_free_reply))) redisReply *
#define CONTEXT __attribute__((cleanup(call_free))) redisContext *
