/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL by libpq's asynchronous calls, each wait a poll with a deadline.
 * Law: after anything but a clean end of the results the connection is lost; nobody ever reads an answer to an older
 * question. */
#include "lib/remote/pg.h"

#include <ctype.h>
#include <poll.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/remote/dial.h"
#include "lib/remote/pg_address.h"

enum { SQLSTATE_SIZE = 5 };

struct Pg {
        PGconn *conn;
        bool lost;
};

/* By SQLSTATE, the longest match counts. https://www.postgresql.org/docs/current/errcodes-appendix.html */
static const struct {
        const char *prefix;
        ErrorCode code;
} sqlstates[] = {
        { "08", ERROR_UNAVAILABLE },  /* connection exception */
        { "25006", ERROR_CONFLICT },  /* read only: a replica */
        { "28", ERROR_UNAUTHORIZED }, /* invalid authorization */
        { "40", ERROR_CONFLICT },     /* serialization failure, deadlock */
        { "42501", ERROR_FORBIDDEN }, /* insufficient privilege */
        { "53", ERROR_UNAVAILABLE },  /* insufficient resources: too many clients */
        { "57", ERROR_UNAVAILABLE },  /* operator intervention: shutting down, starting up */
        { "58", ERROR_UNAVAILABLE },  /* system error */
};

static ErrorCode code_of(const char *sqlstate) {
        for (size_t i = 0; i < ARRAY_LEN(sqlstates); i++)
                if (strncmp(sqlstate, sqlstates[i].prefix, strlen(sqlstates[i].prefix)) == 0)
                        return sqlstates[i].code;
        return ERROR_INVALID;
}

static bool refused(const char *sqlstate, const char *message, Error *err) {
        (void)error_set(err, code_of(sqlstate), "%.*s", (int)strcspn(message, "\r\n"), message);
        if (err)
                (void)snprintf(err->reason, sizeof(err->reason), "%s", sqlstate);
        return false;
}

/* libpq keeps the SQLSTATE of a refused connection to itself but prints it in verbose messages:
 * "... failed: FATAL:  28P01: password authentication failed". */
static bool find_sqlstate(const char *message, char ret_sqlstate[SQLSTATE_SIZE + 1]) {
        for (const char *at = strstr(message, ":  "); at; at = strstr(at + 1, ":  ")) {
                size_t size = 0;

                while (size < SQLSTATE_SIZE &&
                        (isupper((unsigned char)at[3 + size]) || isdigit((unsigned char)at[3 + size])))
                        size++;
                if (size != SQLSTATE_SIZE || at[3 + size] != ':')
                        continue;
                memcpy(ret_sqlstate, at + 3, SQLSTATE_SIZE);
                ret_sqlstate[SQLSTATE_SIZE] = '\0';
                return true;
        }
        return false;
}

static bool not_connected(PGconn *conn, Error *err) {
        const char *message = PQerrorMessage(conn);
        char sqlstate[SQLSTATE_SIZE + 1] = "";

        if (find_sqlstate(message, sqlstate))
                return refused(sqlstate, message, err);
        if (PQconnectionNeedsPassword(conn))
                return error_set(err, ERROR_UNAUTHORIZED, "PostgreSQL asks for a password and none is given");
        return error_set(err, ERROR_UNAVAILABLE, "%.*s", (int)strcspn(message, "\r\n"), message);
}

static void ignore_notice(void *context, const PGresult *notice) {
        (void)context;
        (void)notice;
}

static bool finish_connecting(PGconn *conn, int64_t deadline_ms, Error *err) {
        PostgresPollingStatusType status = PGRES_POLLING_WRITING;

        if (PQstatus(conn) == CONNECTION_BAD)
                return not_connected(conn, err);
        (void)PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
        while (status != PGRES_POLLING_OK) {
                if (!dial_wait(PQsocket(conn), status == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ms, err))
                        return error_wrap(err, "connecting to PostgreSQL at %s port %s", PQhost(conn), PQport(conn));
                status = PQconnectPoll(conn);
                if (status == PGRES_POLLING_FAILED)
                        return not_connected(conn, err);
        }
        (void)PQsetErrorVerbosity(conn, PQERRORS_TERSE);
        return true;
}

bool pg_connect(const char *conninfo, int64_t timeout_ms, Pg **ret_pg, Error *err) {
        int64_t deadline_ms = clock_now_ms() + timeout_ms;
        CLEANUP(arena_done) Arena arena = { 0 };
        CLEANUP(pg_cleanup) Pg *pg = NULL;
        PgAddress address;

        if (!pg_address_find(conninfo, deadline_ms, &arena, &address, err))
                return false;
        pg = alloc_zero(sizeof(*pg));
        pg->conn = PQconnectStartParams(address.keywords, address.values, 0);
        if (!pg->conn)
                abort();
        (void)PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
        if (!finish_connecting(pg->conn, deadline_ms, err))
                return false;
        if (PQsetnonblocking(pg->conn, 1) != 0) {
                (void)error_set(err, ERROR_UNAVAILABLE, "%s", PQerrorMessage(pg->conn));
                return false;
        }
        *ret_pg = TAKE(pg);
        return true;
}

void pg_close(Pg *pg) {
        if (!pg)
                return;
        PQfinish(pg->conn);
        free(pg);
}

void pg_cleanup(Pg **pg) {
        pg_close(*pg);
}

static bool connection_failed(Pg *pg, Error *err) {
        const char *message = PQerrorMessage(pg->conn);

        return error_set(err, ERROR_UNAVAILABLE, "PostgreSQL: %.*s", (int)strcspn(message, "\r\n"), message);
}

static bool flush(Pg *pg, int64_t deadline_ms, Error *err) {
        for (;;) {
                int left = PQflush(pg->conn);

                if (left == 0)
                        return true;
                if (left < 0)
                        return connection_failed(pg, err);
                if (!dial_wait(PQsocket(pg->conn), POLLIN | POLLOUT, deadline_ms, err))
                        return false;
                if (!PQconsumeInput(pg->conn))
                        return connection_failed(pg, err);
        }
}

/* The next result, NULL at the end of them. */
static bool next_result(Pg *pg, int64_t deadline_ms, PGresult **ret_result, Error *err) {
        while (PQisBusy(pg->conn)) {
                if (!dial_wait(PQsocket(pg->conn), POLLIN, deadline_ms, err))
                        return false;
                if (!PQconsumeInput(pg->conn))
                        return connection_failed(pg, err);
        }
        *ret_result = PQgetResult(pg->conn);
        return true;
}

static size_t add_row(Json *rows, const PGresult *result) {
        Json *row = json_add_object(rows);
        size_t bytes = 0;

        for (int column = 0; column < PQnfields(result); column++) {
                const char *name = PQfname(result, column);

                if (PQgetisnull(result, 0, column))
                        json_put_null(row, name);
                else
                        json_put_string(row, name, PQgetvalue(result, 0, column));
                bytes += (size_t)PQgetlength(result, 0, column);
        }
        return bytes;
}

/* What one result says; an error is kept in `refusal`, and the results behind it are still read. */
static bool take_result(const PGresult *result, Json *rows, size_t *bytes, Error *refusal, Error *err) {
        const char *sqlstate;

        switch (PQresultStatus(result)) {
        case PGRES_SINGLE_TUPLE:
                *bytes += add_row(rows, result);
                if (json_size(rows) > PG_MAXIMUM_ROWS || *bytes > PG_MAXIMUM_BYTES)
                        return error_set(err, ERROR_TOO_LARGE, "an answer over %d rows or %d bytes", PG_MAXIMUM_ROWS,
                                PG_MAXIMUM_BYTES);
                return true;
        case PGRES_TUPLES_OK:
        case PGRES_COMMAND_OK:
        case PGRES_EMPTY_QUERY:
                return true;
        case PGRES_FATAL_ERROR:
        case PGRES_BAD_RESPONSE:
                sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
                (void)refused(sqlstate ? sqlstate : "08000", PQresultErrorMessage(result), refusal);
                return true;
        default:
                return error_set(err, ERROR_INVALID, "COPY is not for this connection");
        }
}

static bool take_results(Pg *pg, int64_t deadline_ms, Json *rows, Error *refusal, Error *err) {
        size_t bytes = 0;

        for (;;) {
                PGresult *result = NULL;
                bool ok;

                if (!next_result(pg, deadline_ms, &result, err))
                        return false;
                if (!result)
                        return true;
                ok = take_result(result, rows, &bytes, refusal, err);
                PQclear(result);
                if (!ok)
                        return false;
        }
}

bool pg_query(Pg *pg, const char *sql, const char *const *params, size_t param_count, int64_t timeout_ms,
        Json **ret_rows, Error *err) {
        int64_t deadline_ms = clock_now_ms() + timeout_ms;
        CLEANUP(json_cleanup) Json *rows = NULL;
        Error refusal = { 0 };

        if (pg->lost)
                return error_set(err, ERROR_UNAVAILABLE, "the connection to PostgreSQL was lost");
        pg->lost = true;
        if (!PQsendQueryParams(pg->conn, sql, (int)param_count, NULL, params, NULL, NULL, 0))
                return connection_failed(pg, err);
        (void)PQsetSingleRowMode(pg->conn);
        rows = json_new_array();
        if (!flush(pg, deadline_ms, err) || !take_results(pg, deadline_ms, rows, &refusal, err))
                return false;
        pg->lost = PQstatus(pg->conn) != CONNECTION_OK;
        if (refusal.code != ERROR_NONE) {
                if (err)
                        *err = refusal;
                return false;
        }
        if (ret_rows)
                *ret_rows = TAKE(rows);
        return true;
}

bool pg_ping(const char *conninfo, int64_t timeout_ms, Error *err) {
        int64_t deadline_ms = clock_now_ms() + timeout_ms;
        CLEANUP(pg_cleanup) Pg *pg = NULL;

        return pg_connect(conninfo, timeout_ms, &pg, err) &&
               pg_query(pg, "SELECT 1", NULL, 0, deadline_ms - clock_now_ms(), NULL, err);
}
