/* SPDX-License-Identifier: Apache-2.0 */
/* Replies recorded from three Sentinels 8.0.2 through a failover and a lost quorum, and a Sentinel of this machine. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/remote/fixture.h"
#include "lib/remote/sentinel.h"

enum { PATIENCE_MS = 20000, PAUSE_MS = 50 };

static SentinelState state_of(const char *path, Arena *arena) {
        CLEANUP(cleanup_free) char *body = fixture_read(path);
        SentinelState parsed = { 0 };
        Json *json = NULL;
        Error err = { 0 };

        assert_true(json_parse(body, strlen(body), &json, &err));
        json = json_adopt(arena, json);
        if (!sentinel_parse(json_get(json, "master"), json_get(json, "sentinels"), json_get(json, "replicas"), arena,
                    &parsed, &err))
                fail_msg("%s: %s", path, err.text);
        return parsed;
}

static void test_a_healthy_group_is_read(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        SentinelState seen = state_of("testdata/sentinel-ok.json", &arena);
        const Json *answer = json_adopt(&arena, sentinel_answer(&seen));

        (void)state;
        assert_string_equal(json_find_string(answer, "/master_ip", "?"), "127.0.0.1");
        assert_int_equal(json_find_int(answer, "/master_port", 0), 46370);
        assert_string_equal(json_find_string(answer, "/flags", "?"), "master");
        assert_int_equal(json_find_int(answer, "/sentinels", 0), 3);
        assert_int_equal(json_find_int(answer, "/replicas", 0), 2);
        assert_int_equal(json_find_int(answer, "/quorum", 0), 2);
        assert_true(json_find_bool(answer, "/known", false));
        assert_false(json_find_bool(answer, "/failover_in_progress", true));
        assert_int_equal(json_find_int(answer, "/known_replicas[0]/port", 0), 46371);
        assert_int_equal(json_find_int(answer, "/known_replicas[1]/port", 0), 46372);
        assert_true(json_find_bool(answer, "/known_replicas[0]/link_up", false));
        assert_int_equal(strlen(json_find_string(answer, "/known_sentinels[0]/id", "")), 40);
        assert_true(strcmp(seen.sentinels[0].id, seen.sentinels[1].id) < 0);
}

static void test_a_failover_and_what_comes_after_are_read(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        SentinelState during = state_of("testdata/sentinel-failover.json", &arena);
        SentinelState after = state_of("testdata/sentinel-after-failover.json", &arena);
        SentinelState returned = state_of("testdata/sentinel-after-return.json", &arena);

        (void)state;
        assert_true(during.failover_in_progress);
        assert_int_equal(during.master_port, 46370);
        assert_false(after.failover_in_progress);
        assert_int_equal(after.master_port, 46372);
        assert_int_equal(after.replicas[0].port, 46370);
        assert_true(after.replicas[0].down);
        assert_false(after.replicas[1].down);
        assert_false(returned.replicas[0].down);
        assert_false(returned.replicas[0].link_up);
}

static void test_lost_sentinels_are_down_but_known(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        SentinelState seen = state_of("testdata/sentinel-no-quorum.json", &arena);
        const Json *answer = json_adopt(&arena, sentinel_answer(&seen));

        (void)state;
        assert_int_equal(json_find_int(answer, "/sentinels", 0), 3);
        assert_true(json_find_bool(answer, "/known_sentinels[0]/down", false));
        assert_true(json_find_bool(answer, "/known_sentinels[1]/down", false));
        seen = state_of("testdata/sentinel-master-down.json", &arena);
        assert_string_equal(seen.flags, "s_down,master");
        assert_false(seen.failover_in_progress);
}

static void test_what_is_not_sentinel_is_a_protocol_error(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        CLEANUP(json_cleanup) Json *text = json_new_string("OK");
        CLEANUP(json_cleanup) Json *list = json_new_array();
        SentinelState parsed;
        Error err = { 0 };

        (void)state;
        assert_false(sentinel_parse(text, list, list, &arena, &parsed, &err));
        assert_int_equal(err.code, ERROR_PROTOCOL);
        json_add_string(list, "flags");
        assert_false(sentinel_parse(list, list, list, &arena, &parsed, &err));
        assert_int_equal(err.code, ERROR_PROTOCOL);
}

/* A quorum of two cannot be reached by one Sentinel alone. */
static void test_a_running_sentinel_is_asked(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        CLEANUP(redis_cleanup) Redis *redis = NULL;
        Fixture master = { 0 }, sentinel = { 0 };
        RedisTarget target = { .host = "127.0.0.1", .timeout_ms = 5000 };
        int64_t end_ms = clock_now_ms() + PATIENCE_MS;
        SentinelState seen = { 0 };
        Error err = { 0 };

        (void)state;
        fixture_start_redis(&master, (const char *const[]){ "--requirepass", "pw", NULL });
        fixture_start_sentinel(&sentinel, "prod-redis", master.port, "pw");
        target.port = sentinel.port;
        assert_true(redis_connect(&target, &redis, &err));
        while (!seen.quorum_ok && clock_now_ms() < end_ms) {
                (void)poll(NULL, 0, PAUSE_MS);
                if (!sentinel_ask(redis, "prod-redis", &arena, &seen, &err))
                        fail_msg("%s", err.text);
        }
        assert_true(seen.quorum_ok);
        assert_true(seen.known);
        assert_int_equal(seen.id ? strlen(seen.id) : 0, 40);
        assert_int_equal(seen.master_port, master.port);
        assert_int_equal(seen.sentinel_count, 0);
        assert_true(redis_command(
                redis, (const char *const[]){ "SENTINEL", "SET", "prod-redis", "quorum", "2" }, 5, NULL, &err));
        assert_true(sentinel_ask(redis, "prod-redis", &arena, &seen, &err));
        assert_false(seen.quorum_ok);
        assert_true(sentinel_ask(redis, "another", &arena, &seen, &err));
        assert_false(seen.known);
        assert_string_equal(seen.master_host, "");
        assert_int_equal(strlen(seen.id), 40);
        fixture_stop(&sentinel);
        fixture_stop(&master);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_healthy_group_is_read),
                cmocka_unit_test(test_a_failover_and_what_comes_after_are_read),
                cmocka_unit_test(test_lost_sentinels_are_down_but_known),
                cmocka_unit_test(test_what_is_not_sentinel_is_a_protocol_error),
                cmocka_unit_test(test_a_running_sentinel_is_asked),
        };

        return cmocka_run_group_tests_name("sentinel", tests, NULL, NULL);
}
