/* SPDX-License-Identifier: Apache-2.0 */
/* INFO recorded from Redis 8.0.2, and asked of the Redis of this machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/remote/fixture.h"
#include "lib/remote/redis_state.h"

static RedisState state_of(const char *path, Arena *arena) {
        CLEANUP(cleanup_free) char *info = fixture_read(path);
        RedisState parsed = { 0 };
        Error err = { 0 };

        if (!redis_state_parse(info, arena, &parsed, &err))
                fail_msg("%s: %s", path, err.text);
        return parsed;
}

static void test_a_master_is_read(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        RedisState master = state_of("testdata/redis-master.info", &arena);
        const Json *answer = json_adopt(&arena, redis_state_answer(&master));

        (void)state;
        assert_true(redis_state_is_master(&master));
        assert_string_equal(master.version, "8.0.2");
        assert_int_equal(strlen(master.replid), 40);
        assert_true(master.offset > 0);
        assert_int_equal(master.replicas, 2);
        assert_string_equal(json_find_string(answer, "/role", "?"), "master");
        assert_string_equal(json_find_string(answer, "/link", "?"), "");
        assert_string_equal(json_find_string(answer, "/master_host", "?"), "");
        assert_true(json_find_bool(answer, "/offset_known", false));
        assert_false(json_find_bool(answer, "/empty", true));
        assert_false(json_find_bool(answer, "/loading", true));
}

static void test_a_replica_and_its_link_are_read(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        RedisState up = state_of("testdata/redis-replica.info", &arena);
        RedisState down = state_of("testdata/redis-replica-link-down.info", &arena);
        const Json *answer = json_adopt(&arena, redis_state_answer(&up));

        (void)state;
        assert_false(redis_state_is_master(&up));
        assert_true(up.link_up);
        assert_string_equal(json_find_string(answer, "/link", "?"), "Up");
        assert_string_equal(json_find_string(answer, "/master_host", "?"), "127.0.0.1");
        assert_int_equal(json_find_int(answer, "/master_port", 0), 46370);
        assert_false(down.link_up);
        assert_int_equal(down.offset, 10727);
        assert_int_equal(down.second_offset, 6602);
        assert_string_not_equal(down.replid, down.replid2);
        answer = json_adopt(&arena, redis_state_answer(&down));
        assert_string_equal(json_find_string(answer, "/link", "?"), "Down");
}

static void test_emptiness_is_seen_in_every_database(void **state) {
        static const struct {
                const char *info;
                bool empty;
        } cases[] = {
                { "role:master\r\n", true },
                { "role:master\r\ndb3:keys=1,expires=0\r\n", false },
                { "role:master\r\ndb0:keys=0,expires=0\r\n", true },
                { "role:master\r\ndb0_distrib_strings_sizes:1=1\r\n", true },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(arena_done) Arena arena = { 0 };
                RedisState parsed;
                Error err = { 0 };

                assert_true(redis_state_parse(cases[i].info, &arena, &parsed, &err));
                assert_int_equal(parsed.empty, cases[i].empty);
        }
}

static void test_what_is_not_info_is_a_protocol_error(void **state) {
        static const char *const cases[] = { "", "PONG", "role:sentinel\r\n", "# Sentinel\r\nsentinel_masters:1\r\n" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(arena_done) Arena arena = { 0 };
                RedisState parsed;
                Error err = { 0 };

                assert_false(redis_state_parse(cases[i], &arena, &parsed, &err));
                assert_int_equal(err.code, ERROR_PROTOCOL);
        }
}

static void test_a_running_server_is_looked_at_in_one_call(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Fixture server = { 0 };
        RedisTarget target = { .host = "localhost", .timeout_ms = 5000 };
        RedisState seen = { 0 };
        Error err = { 0 };

        (void)state;
        fixture_start_redis(&server, NULL);
        target.port = server.port;
        if (!redis_state_look(&target, &arena, &seen, &err))
                fail_msg("%s", err.text);
        assert_string_equal(seen.role, "master");
        assert_true(seen.empty);
        assert_int_equal(seen.offset, 0);
        fixture_stop(&server);
        assert_false(redis_state_look(&target, &arena, &seen, &err));
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_master_is_read),
                cmocka_unit_test(test_a_replica_and_its_link_are_read),
                cmocka_unit_test(test_emptiness_is_seen_in_every_database),
                cmocka_unit_test(test_what_is_not_info_is_a_protocol_error),
                cmocka_unit_test(test_a_running_server_is_looked_at_in_one_call),
        };

        return cmocka_run_group_tests_name("redis_state", tests, NULL, NULL);
}
