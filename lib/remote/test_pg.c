/* SPDX-License-Identifier: Apache-2.0 */
/* Statements against a real PostgreSQL, and connections to what is none. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/remote/fixture.h"
#include "lib/remote/pg.h"

static Fixture server;
static char conninfo[256];
enum { PATIENCE_MS = 20000 };

static Pg *connected(void) {
        Pg *pg = NULL;
        Error err = { 0 };

        if (!pg_connect(conninfo, PATIENCE_MS, &pg, &err))
                fail_msg("%s", err.text);
        return pg;
}

static Json *rows_of(Pg *pg, const char *sql, const char *const *params, size_t count) {
        Json *rows = NULL;
        Error err = { 0 };

        if (!pg_query(pg, sql, params, count, PATIENCE_MS, &rows, &err))
                fail_msg("%s", err.text);
        return rows;
}

static ErrorCode connect_error(const char *to, Error *err) {
        CLEANUP(pg_cleanup) Pg *pg = NULL;

        if (pg_connect(to, PATIENCE_MS, &pg, err))
                fail_msg("connected to %s", to);
        assert_null(strstr(err->text, "secret"));
        assert_null(strstr(err->text, "guess"));
        return err->code;
}

static void test_rows_are_objects_of_texts(void **state) {
        static const char *const params[] = { "it's", NULL };
        CLEANUP(pg_cleanup) Pg *pg = connected();
        CLEANUP(json_cleanup)
        Json *rows =
                rows_of(pg, "select g, $1::text as said, $2::text as nothing from generate_series(1, 3) g", params, 2);

        (void)state;
        assert_int_equal(json_size(rows), 3);
        assert_string_equal(json_string(json_get(json_at(rows, 2), "g"), ""), "3");
        assert_string_equal(json_string(json_get(json_at(rows, 0), "said"), ""), "it's");
        assert_int_equal(json_type(json_get(json_at(rows, 0), "nothing")), JSON_NULL);
}

static void test_statements_without_rows_give_an_empty_array(void **state) {
        CLEANUP(pg_cleanup) Pg *pg = connected();
        CLEANUP(json_cleanup) Json *made = rows_of(pg, "create temp table t (a int)", NULL, 0);
        CLEANUP(json_cleanup) Json *none = rows_of(pg, "select * from t", NULL, 0);

        (void)state;
        assert_int_equal(json_size(made), 0);
        assert_int_equal(json_type(none), JSON_ARRAY);
        assert_int_equal(json_size(none), 0);
}

static void test_a_refused_statement_has_its_sqlstate_and_leaves_the_connection_usable(void **state) {
        static const struct {
                const char *sql, *sqlstate;
                ErrorCode code;
        } cases[] = {
                { "select * from nowhere", "42P01", ERROR_INVALID },
                { "select 1; select 2", "42601", ERROR_INVALID },
                { "select 1/(5-g) from generate_series(1, 9) g", "22012", ERROR_INVALID },
                { "do $$begin raise exception using errcode = '40001'; end$$", "40001", ERROR_CONFLICT },
                { "do $$begin raise exception using errcode = '25006'; end$$", "25006", ERROR_CONFLICT },
                { "do $$begin raise exception using errcode = '42501'; end$$", "42501", ERROR_FORBIDDEN },
                { "do $$begin raise exception using errcode = '57014'; end$$", "57014", ERROR_UNAVAILABLE },
        };
        CLEANUP(pg_cleanup) Pg *pg = connected();

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(json_cleanup) Json *rows = NULL;
                CLEANUP(json_cleanup) Json *after = NULL;
                Error err = { 0 };

                assert_false(pg_query(pg, cases[i].sql, NULL, 0, PATIENCE_MS, &rows, &err));
                assert_null(rows);
                assert_string_equal(err.reason, cases[i].sqlstate);
                assert_int_equal(err.code, cases[i].code);
                after = rows_of(pg, "select 1 as one", NULL, 0);
                assert_int_equal(json_size(after), 1);
        }
}

static void test_answers_over_the_maximum_are_refused(void **state) {
        static const char *const cases[] = { "select g from generate_series(1, 10001) g",
                "select repeat('x', 1000000) from generate_series(1, 17)" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(pg_cleanup) Pg *pg = connected();
                Error err = { 0 };

                assert_false(pg_query(pg, cases[i], NULL, 0, PATIENCE_MS, NULL, &err));
                assert_int_equal(err.code, ERROR_TOO_LARGE);
                assert_false(pg_query(pg, "select 1", NULL, 0, PATIENCE_MS, NULL, &err));
                assert_int_equal(err.code, ERROR_UNAVAILABLE);
        }
}

static void test_copy_is_refused(void **state) {
        CLEANUP(pg_cleanup) Pg *pg = connected();
        Error err = { 0 };

        (void)state;
        assert_false(pg_query(pg, "copy (select 1) to stdout", NULL, 0, PATIENCE_MS, NULL, &err));
        assert_int_equal(err.code, ERROR_INVALID);
}

static void test_a_long_statement_is_sent_whole(void **state) {
        CLEANUP(pg_cleanup) Pg *pg = connected();
        CLEANUP(cleanup_free) char *long_text = malloc(4000001);
        CLEANUP(json_cleanup) Json *rows = NULL;

        (void)state;
        memset(long_text, 'x', 4000000);
        long_text[4000000] = '\0';
        rows = rows_of(pg, "select length($1) as n", (const char *const[]){ long_text }, 1);
        assert_string_equal(json_find_string(json_at(rows, 0), "/n", ""), "4000000");
}

static void test_a_slow_statement_costs_the_timeout_and_no_more(void **state) {
        CLEANUP(pg_cleanup) Pg *pg = connected();
        int64_t started = clock_now_ms();
        Error err = { 0 };

        (void)state;
        assert_false(pg_query(pg, "select pg_sleep(5)", NULL, 0, 200, NULL, &err));
        assert_int_equal(err.code, ERROR_TIMEOUT);
        assert_in_range(clock_now_ms() - started, 200, 2500);
        assert_false(pg_query(pg, "select 1", NULL, 0, 200, NULL, &err));
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
}

static void test_a_refused_connection_says_why(void **state) {
        char to[256];
        Error err = { 0 };

        (void)state;
        (void)snprintf(to, sizeof(to), "host=localhost port=%d user=app password=guess dbname=app", server.port);
        assert_int_equal(connect_error(to, &err), ERROR_UNAUTHORIZED);
        assert_string_equal(err.reason, "28P01");
        (void)snprintf(to, sizeof(to), "host=127.0.0.1 port=%d user=app dbname=app", server.port);
        assert_int_equal(connect_error(to, &err), ERROR_UNAUTHORIZED);
        (void)snprintf(to, sizeof(to), "postgresql://app:secret@127.0.0.1:%d/none", server.port);
        assert_int_equal(connect_error(to, &err), ERROR_INVALID);
        assert_string_equal(err.reason, "3D000");
        (void)snprintf(to, sizeof(to), "host=127.0.0.1 port=%d user=app password=secret", fixture_free_port());
        assert_int_equal(connect_error(to, &err), ERROR_UNAVAILABLE);
        assert_int_equal(connect_error("host=no-such-host.invalid user=app password=secret", &err), ERROR_UNAVAILABLE);
        assert_int_equal(connect_error("host=127.0.0.1 password=secret dbname='x", &err), ERROR_INVALID);
        assert_int_equal(connect_error("postgresql://app:secret%zz@127.0.0.1/app", &err), ERROR_INVALID);
}

static void test_too_many_clients_are_unavailable(void **state) {
        Pg *held[32] = { 0 };
        size_t count = 0;
        Error err = { 0 };

        (void)state;
        while (count < ARRAY_LEN(held) && pg_connect(conninfo, PATIENCE_MS, &held[count], &err))
                count++;
        assert_in_range(count, 1, ARRAY_LEN(held) - 1);
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
        assert_string_equal(err.reason, "53300");
        while (count > 0)
                pg_close(held[--count]);
}

static void test_the_second_of_two_hosts_is_tried(void **state) {
        CLEANUP(pg_cleanup) Pg *pg = NULL;
        char to[256];
        Error err = { 0 };

        (void)state;
        (void)snprintf(to, sizeof(to),
                "host=no-such-host.invalid,localhost,127.0.0.1 port=1,%d,%d user=app password=secret",
                fixture_free_port(), server.port);
        if (!pg_connect(to, PATIENCE_MS, &pg, &err))
                fail_msg("%s", err.text);
}

static void test_a_server_that_says_nothing_costs_the_timeout_and_no_more(void **state) {
        int64_t started = clock_now_ms();
        char to[128];
        Stub stub;
        Error err = { 0 };

        (void)state;
        fixture_stub_start(&stub, NULL, 0, true);
        (void)snprintf(to, sizeof(to), "host=127.0.0.1 port=%d user=app", stub.port);
        assert_false(pg_ping(to, 200, &err));
        assert_int_equal(err.code, ERROR_TIMEOUT);
        assert_in_range(clock_now_ms() - started, 200, 2000);
        fixture_stub_stop(&stub);
}

static void test_a_lost_server_is_unavailable_until_it_is_back(void **state) {
        CLEANUP(pg_cleanup) Pg *pg = connected();
        Error err = { 0 };

        (void)state;
        assert_true(pg_ping(conninfo, PATIENCE_MS, &err));
        fixture_kill(&server);
        assert_false(pg_query(pg, "select 1", NULL, 0, PATIENCE_MS, NULL, &err));
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
        assert_false(pg_query(pg, "select 1", NULL, 0, PATIENCE_MS, NULL, &err));
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
        assert_false(pg_ping(conninfo, PATIENCE_MS, &err));
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
        fixture_start_postgres(&server);
        for (int64_t end_ms = clock_now_ms() + PATIENCE_MS; !pg_ping(conninfo, PATIENCE_MS, &err);)
                if (clock_now_ms() > end_ms)
                        fail_msg("%s", err.text);
}

static int start_server(void **state) {
        (void)state;
        json_start();
        fixture_start_postgres(&server);
        (void)snprintf(
                conninfo, sizeof(conninfo), "host=localhost port=%d user=app password=secret dbname=app", server.port);
        return 0;
}

static int stop_server(void **state) {
        (void)state;
        fixture_stop(&server);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows_are_objects_of_texts),
                cmocka_unit_test(test_statements_without_rows_give_an_empty_array),
                cmocka_unit_test(test_a_refused_statement_has_its_sqlstate_and_leaves_the_connection_usable),
                cmocka_unit_test(test_answers_over_the_maximum_are_refused),
                cmocka_unit_test(test_copy_is_refused),
                cmocka_unit_test(test_a_long_statement_is_sent_whole),
                cmocka_unit_test(test_a_slow_statement_costs_the_timeout_and_no_more),
                cmocka_unit_test(test_a_refused_connection_says_why),
                cmocka_unit_test(test_too_many_clients_are_unavailable),
                cmocka_unit_test(test_the_second_of_two_hosts_is_tried),
                cmocka_unit_test(test_a_server_that_says_nothing_costs_the_timeout_and_no_more),
                cmocka_unit_test(test_a_lost_server_is_unavailable_until_it_is_back),
        };

        return cmocka_run_group_tests_name("pg", tests, start_server, stop_server);
}
