/* SPDX-License-Identifier: Apache-2.0 */
/* Redis and Sentinel by hiredis, with a deadline on every call: the only caller of the library, which serves as codec
 * alone; the socket is ours. Works with hiredis 0.14 and 1.2. A connection belongs to one thread at a time. */
#pragma once

#include "lib/base/json.h"

typedef struct Redis Redis;

typedef struct RedisTarget {
        const char *host; /* name or address */
        int port;
        const char *password; /* NULL: none */
        int64_t timeout_ms;   /* of connecting and of each command */
        const char *username; /* NULL: "default" */
} RedisTarget;

/* Connects and authenticates. Errors: UNAVAILABLE, TIMEOUT, UNAUTHORIZED (the password is refused, or wanted). */
bool redis_connect(const RedisTarget *target, Redis **ret_redis, Error *err) MUST_USE;
void redis_close(Redis *redis);
/* For CLEANUP(redis_cleanup). */
void redis_cleanup(Redis **redis);
/* One command, binary-safe strings without NUL. The reply as JSON: bulk and status strings as strings, integers as
 * numbers, nil as null, arrays as arrays; the caller frees it (`ret_reply` may be NULL). Error replies: CONFLICT for
 * READONLY and INPROG, UNAVAILABLE for LOADING, MASTERDOWN, NOREPLICAS, BUSY, NOQUORUM and NOGOODSLAVE, FORBIDDEN for
 * NOPERM, UNAUTHORIZED for NOAUTH and WRONGPASS, INVALID for others; `reason` holds the first word. An error inside an
 * array is a string. At most REDIS_MAXIMUM_REPLY bytes (TOO_LARGE). PROTOCOL for what is not RESP2, or holds a NUL
 * byte. After TIMEOUT, PROTOCOL, TOO_LARGE, and UNAVAILABLE without a reason the connection is of no more use.
 * https://redis.io/docs/latest/develop/reference/protocol-spec/ */
enum { REDIS_MAXIMUM_REPLY = 1024 * 1024, REDIS_MAXIMUM_ARGS = 32 };
bool redis_command(Redis *redis, const char *const *args, size_t arg_count, Json **ret_reply, Error *err) MUST_USE;
/* From now on every command ends at this time (clock_now_ms) at the latest, whatever its timeout; 0 lifts it. For a
 * chain of commands with one deadline. */
void redis_set_deadline(Redis *redis, int64_t deadline_ms);
/* "key:value" lines of INFO into an object of strings. The caller frees it. */
Json *redis_parse_info(const char *info);
/* redis://[username][:password]@host[:port][/0], percent-encoded, into `ret_target` (strings in the arena; the timeout
 * is left at 0). INVALID with a sentence for anything else; the sentence never holds the password. */
bool redis_parse_url(const char *url, Arena *arena, RedisTarget *ret_target, Error *err) MUST_USE;
