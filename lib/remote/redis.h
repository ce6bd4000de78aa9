/* SPDX-License-Identifier: Apache-2.0 */
/* Redis and Sentinel by hiredis, with a deadline on every call: the only caller of the library. Works with hiredis 0.14
 * and 1.2. A connection belongs to one thread at a time. */
#pragma once

#include "lib/base/json.h"

typedef struct Redis Redis;

typedef struct RedisTarget {
        const char *host; /* name or address */
        int port;
        const char *password; /* NULL: none */
        int64_t timeout_ms;   /* of connecting and of each command */
} RedisTarget;

/* Connects and authenticates. Errors: UNAVAILABLE, TIMEOUT, UNAUTHORIZED (WRONGPASS, NOAUTH). */
bool redis_connect(const RedisTarget *target, Redis **ret_redis, Error *err) MUST_USE;
void redis_close(Redis *redis);
/* One command, binary-safe strings without NUL. The reply as JSON: bulk and status strings as strings, integers as
 * numbers, nil as null, arrays as arrays; the caller frees it. Error replies: CONFLICT for READONLY, UNAVAILABLE for
 * LOADING, MASTERDOWN and NOREPLICAS, UNAUTHORIZED for NOAUTH and WRONGPASS, INVALID for others; `reason` holds the
 * first word. At most REDIS_MAXIMUM_REPLY bytes. */
enum { REDIS_MAXIMUM_REPLY = 1024 * 1024, REDIS_MAXIMUM_ARGS = 32 };
bool redis_command(Redis *redis, const char *const *args, size_t arg_count, Json **ret_reply, Error *err) MUST_USE;
/* "key:value" lines of INFO into an object of strings. */
Json *redis_parse_info(const char *info);
