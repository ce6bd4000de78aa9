/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL by libpq, with a deadline on every call: the only caller of the library. A connection belongs to one
 * thread at a time. */
#pragma once

#include "lib/base/json.h"

typedef struct Pg Pg;

/* `conninfo` as libpq takes it (keywords or URI). Errors: UNAVAILABLE, TIMEOUT, UNAUTHORIZED (class 28). */
bool pg_connect(const char *conninfo, int64_t timeout_ms, Pg **ret_pg, Error *err) MUST_USE;
void pg_close(Pg *pg);
/* One statement with text parameters ($1...). *ret_rows (may be NULL) is an array of objects column -> text or null, at
 * most `PG_MAXIMUM_ROWS`; the caller frees it. Errors as above, INVALID with SQLSTATE in `reason` for a refused
 * statement. After TIMEOUT or UNAVAILABLE the connection is of no more use. */
enum { PG_MAXIMUM_ROWS = 10000 };
bool pg_query(Pg *pg, const char *sql, const char *const *params, size_t param_count, int64_t timeout_ms,
        Json **ret_rows, Error *err) MUST_USE;
/* Can a client connect and run SELECT 1? */
bool pg_ping(const char *conninfo, int64_t timeout_ms, Error *err) MUST_USE;
