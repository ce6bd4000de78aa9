/* SPDX-License-Identifier: Apache-2.0 */
/* Answers recorded from Patroni 4.0.7 with PostgreSQL 17: three members on etcd, through restarts, synchronous modes,
 * a pause, a broken replica and a lost leader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/remote/fixture.h"
#include "lib/remote/patroni.h"

typedef struct Case {
        Arena arena;
        PatroniState state;
        Json *answer;
} Case;

static void read_case(Case *c, const char *path) {
        CLEANUP(cleanup_free) char *body = fixture_read(path);
        Error err = { 0 };

        *c = (Case){ 0 };
        if (!patroni_parse(body, strlen(body), &c->arena, &c->state, &err))
                fail_msg("%s: %s", path, err.text);
        c->answer = json_adopt(&c->arena, patroni_answer(&c->state));
}

static const char *text(const Case *c, const char *path) {
        return json_find_string(c->answer, path, "?");
}

static void test_a_primary_names_its_standbys(void **state) {
        Case c;

        (void)state;
        read_case(&c, "testdata/patroni-primary.json");
        assert_true(patroni_is_primary(&c.state));
        assert_string_equal(text(&c, "/state"), "running");
        assert_string_equal(text(&c, "/role"), "primary");
        assert_string_equal(text(&c, "/version"), "4.0.7");
        assert_int_equal(json_find_int(c.answer, "/timeline", -1), 1);
        assert_int_equal(json_find_int(c.answer, "/server_version", -1), 170012);
        assert_string_equal(text(&c, "/system_id"), "7710400763141229734");
        assert_string_equal(text(&c, "/standbys/prod-pg-1/state"), "streaming");
        assert_string_equal(text(&c, "/standbys/prod-pg-2/sync"), "async");
        assert_int_equal(c.state.position, 67108960);
        assert_int_equal(c.state.received, 67108960);
        arena_done(&c.arena);
}

static void test_a_replica_says_how_it_streams(void **state) {
        Case c;

        (void)state;
        read_case(&c, "testdata/patroni-replica.json");
        assert_false(patroni_is_primary(&c.state));
        assert_string_equal(text(&c, "/role"), "replica");
        assert_string_equal(text(&c, "/replication_state"), "streaming");
        assert_string_equal(text(&c, "/sync"), "");
        assert_null(json_find(c.answer, "/standbys"));
        assert_int_equal(c.state.position, 67108960);
        arena_done(&c.arena);
        read_case(&c, "testdata/patroni-replica-broken.json");
        assert_string_equal(text(&c, "/state"), "running");
        assert_string_equal(text(&c, "/replication_state"), "");
        arena_done(&c.arena);
}

static void test_what_moves_by_itself_is_not_in_the_answer(void **state) {
        CLEANUP(cleanup_free) char *body = fixture_read("testdata/patroni-replica.json");
        CLEANUP(arena_done) Arena arena = { 0 };
        CLEANUP(json_cleanup) Json *before = NULL;
        CLEANUP(json_cleanup) Json *after = NULL;
        PatroniState first, second;
        Json *json = NULL;
        char *moved;
        Error err = { 0 };

        (void)state;
        assert_true(json_parse(body, strlen(body), &json, &err));
        json_put_int(json, "dcs_last_seen", 1999999999);
        json_put_int(json_get(json, "xlog"), "received_location", 99999999);
        json_put_int(json_get(json, "xlog"), "replayed_location", 99999998);
        json_put_string(json_get(json, "xlog"), "replayed_timestamp", "2030-01-01 00:00:00.000000+00:00");
        moved = json_print(json);
        json_free(json);
        assert_true(patroni_parse(body, strlen(body), &arena, &first, &err));
        assert_true(patroni_parse(moved, strlen(moved), &arena, &second, &err));
        free(moved);
        assert_int_equal(second.received, 99999999);
        assert_int_equal(second.position, 99999998);
        before = patroni_answer(&first);
        after = patroni_answer(&second);
        assert_true(json_equal(before, after));
}

static void test_a_pending_restart_names_the_parameters(void **state) {
        static const char *const files[] = { "testdata/patroni-primary-pending-restart.json",
                "testdata/patroni-replica-pending-restart.json" };
        Case c;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                read_case(&c, files[i]);
                assert_true(json_find_bool(c.answer, "/pending_restart", false));
                assert_string_equal(text(&c, "/pending_restart_reason/max_connections/old_value"), "30");
                assert_string_equal(text(&c, "/pending_restart_reason/shared_buffers/new_value"), "24MB");
                arena_done(&c.arena);
        }
        read_case(&c, "testdata/patroni-primary.json");
        assert_false(json_find_bool(c.answer, "/pending_restart", true));
        assert_null(json_find(c.answer, "/pending_restart_reason"));
        arena_done(&c.arena);
}

static void test_synchronous_standbys_are_told_apart(void **state) {
        static const struct {
                const char *file, *sync;
        } cases[] = {
                { "testdata/patroni-replica-sync-a.json", "sync" },
                { "testdata/patroni-replica-sync-b.json", "" },
                { "testdata/patroni-replica-quorum.json", "quorum" },
        };
        Case c;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                read_case(&c, cases[i].file);
                assert_string_equal(text(&c, "/sync"), cases[i].sync);
                arena_done(&c.arena);
        }
        read_case(&c, "testdata/patroni-primary-quorum.json");
        assert_string_equal(text(&c, "/standbys/prod-pg-1/sync"), "quorum");
        arena_done(&c.arena);
}

static void test_states_of_the_cluster_are_bools(void **state) {
        Case c;

        (void)state;
        read_case(&c, "testdata/patroni-primary-paused.json");
        assert_true(json_find_bool(c.answer, "/paused", false));
        assert_false(json_find_bool(c.answer, "/unlocked", true));
        arena_done(&c.arena);
        read_case(&c, "testdata/patroni-uninitialized.json");
        assert_true(json_find_bool(c.answer, "/unlocked", false));
        assert_string_equal(text(&c, "/role"), "uninitialized");
        assert_string_equal(text(&c, "/state"), "stopped");
        assert_string_equal(text(&c, "/started"), "");
        assert_int_equal(json_find_int(c.answer, "/server_version", -1), 0);
        assert_int_equal(c.state.position, -1);
        arena_done(&c.arena);
}

static void test_what_is_not_patroni_is_a_protocol_error(void **state) {
        static const char *const cases[] = { "", "{", "[]", "{}", "null", "{\"state\":\"running\"}",
                "{\"patroni\":{\"version\":\"4\"}}", "{\"state\":1,\"patroni\":{\"version\":\"4\"}}", "<html>" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(arena_done) Arena arena = { 0 };
                PatroniState parsed;
                Error err = { 0 };

                assert_false(patroni_parse(cases[i], strlen(cases[i]), &arena, &parsed, &err));
                assert_int_equal(err.code, ERROR_PROTOCOL);
        }
}

static void test_patroni_3_calls_its_primary_master(void **state) {
        static const char body[] = "{\"state\":\"running\",\"role\":\"master\",\"patroni\":{\"version\":\"3.3.0\"}}";
        CLEANUP(arena_done) Arena arena = { 0 };
        PatroniState parsed;
        Error err = { 0 };

        (void)state;
        assert_true(patroni_parse(body, strlen(body), &arena, &parsed, &err));
        assert_string_equal(parsed.role, "primary");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_primary_names_its_standbys),
                cmocka_unit_test(test_a_replica_says_how_it_streams),
                cmocka_unit_test(test_what_moves_by_itself_is_not_in_the_answer),
                cmocka_unit_test(test_a_pending_restart_names_the_parameters),
                cmocka_unit_test(test_synchronous_standbys_are_told_apart),
                cmocka_unit_test(test_states_of_the_cluster_are_bools),
                cmocka_unit_test(test_what_is_not_patroni_is_a_protocol_error),
                cmocka_unit_test(test_patroni_3_calls_its_primary_master),
        };

        return cmocka_run_group_tests_name("patroni", tests, NULL, NULL);
}
