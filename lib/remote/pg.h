/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL by libpq, with a deadline on every call, name look-ups included: the only caller of the library. A
 * connection belongs to one thread at a time. https://www.postgresql.org/docs/current/libpq-async.html */
#pragma once

#include "lib/base/json.h"

typedef struct Pg Pg;

enum { PG_MAXIMUM_ROWS = 10000, PG_MAXIMUM_BYTES = 16 * 1024 * 1024 };

/* `conninfo` as libpq takes it (keywords or URI); GSSAPI encryption is off unless it is asked for, and every address of
 * a host is tried. Errors: UNAVAILABLE (also "the database system is starting up" and "too many clients"), TIMEOUT,
 * UNAUTHORIZED (class 28), INVALID (a string that cannot be parsed, a database that is not there). `reason` is the
 * SQLSTATE where the server gave one. No text ever holds the password. */
bool pg_connect(const char *conninfo, int64_t timeout_ms, Pg **ret_pg, Error *err) MUST_USE;
void pg_close(Pg *pg);
/* For CLEANUP(pg_cleanup). */
void pg_cleanup(Pg **pg);
/* One statement with text parameters ($1..., NULL for null). *ret_rows (may be NULL) is an array of objects column ->
 * text or null, at most PG_MAXIMUM_ROWS rows and PG_MAXIMUM_BYTES of values (TOO_LARGE); the caller frees it. Errors as
 * above, with SQLSTATE in `reason` for what the server refused: CONFLICT for class 40 and for writing to a replica
 * (25006), FORBIDDEN for 42501, INVALID for the rest. After TIMEOUT, TOO_LARGE or a lost connection the connection is
 * of no more use; the server may still carry the statement out. */
bool pg_query(Pg *pg, const char *sql, const char *const *params, size_t param_count, int64_t timeout_ms,
        Json **ret_rows, Error *err) MUST_USE;
/* Can a client connect and run SELECT 1? */
bool pg_ping(const char *conninfo, int64_t timeout_ms, Error *err) MUST_USE;
/* Whether libpq can parse it; INVALID with a sentence that shows nothing of it. */
bool pg_check_conninfo(const char *conninfo, Error *err) MUST_USE;
