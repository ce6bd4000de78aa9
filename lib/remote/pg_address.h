/* SPDX-License-Identifier: Apache-2.0 */
/* Connection parameters with the names already looked up, since libpq's own look-up knows no deadline. Private to pg.c.
 */
#pragma once

#include <libpq-fe.h>

#include "lib/base/arena.h"
#include "lib/base/error.h"

enum { PG_ADDRESS_MAXIMUM = 64 };

/* As PQconnectStartParams takes them, NULL-terminated; strings in the arena. */
typedef struct PgAddress {
        const char *keywords[PG_ADDRESS_MAXIMUM];
        const char *values[PG_ADDRESS_MAXIMUM];
        size_t count;
} PgAddress;

/* INVALID when the string cannot be parsed; TIMEOUT or UNAVAILABLE when no host of it has an address. */
bool pg_address_find(
        const char *conninfo, int64_t deadline_ms, Arena *arena, PgAddress *ret_address, Error *err) MUST_USE;
