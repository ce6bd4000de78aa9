/* SPDX-License-Identifier: Apache-2.0 */
/* Redis commands against a real server, and against stubs that answer what a real one never would. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/remote/fixture.h"
#include "lib/remote/redis.h"

#define COMMAND(redis, ret, err, ...)                                                                                  \
        redis_command(redis, (const char *const[]){ __VA_ARGS__ },                                                     \
                sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *), ret, err)

static Fixture server;

static RedisTarget target(void) {
        return (RedisTarget){ .host = "127.0.0.1", .port = server.port, .password = "pw", .timeout_ms = 5000 };
}

static Redis *connected(void) {
        RedisTarget where = target();
        Redis *redis = NULL;
        Error err = { 0 };

        if (!redis_connect(&where, &redis, &err))
                fail_msg("%s", err.text);
        return redis;
}

static void assert_string(Redis *redis, const char *expected, const char *const *args, size_t count) {
        CLEANUP(json_cleanup) Json *reply = NULL;
        Error err = { 0 };

        if (!redis_command(redis, args, count, &reply, &err))
                fail_msg("%s", err.text);
        assert_string_equal(json_string(reply, "not a string"), expected);
}

static void test_replies_become_json(void **state) {
        CLEANUP(redis_cleanup) Redis *redis = connected();
        CLEANUP(json_cleanup) Json *integer = NULL, *nil = NULL, *array = NULL;
        Error err = { 0 };

        (void)state;
        assert_string(redis, "OK", (const char *const[]){ "SET", "a key", "v\r\n\"1" }, 3);
        assert_string(redis, "v\r\n\"1", (const char *const[]){ "GET", "a key" }, 2);
        assert_true(COMMAND(redis, &integer, &err, "DBSIZE"));
        assert_int_equal(json_int(integer, -1), 1);
        assert_true(COMMAND(redis, &nil, &err, "GET", "none"));
        assert_int_equal(json_type(nil), JSON_NULL);
        assert_true(
                COMMAND(redis, &array, &err, "EVAL", "return {1,{'x',{}},false,redis.error_reply('E inside')}", "0"));
        assert_int_equal(json_find_int(array, "[0]", -1), 1);
        assert_string_equal(json_string(json_at(json_at(array, 1), 0), ""), "x");
        assert_int_equal(json_type(json_at(json_at(array, 1), 1)), JSON_ARRAY);
        assert_int_equal(json_type(json_at(array, 2)), JSON_NULL);
        assert_string_equal(json_string(json_at(array, 3), ""), "E inside");
}

static void test_a_reply_may_be_longer_than_one_read(void **state) {
        CLEANUP(redis_cleanup) Redis *redis = connected();
        CLEANUP(json_cleanup) Json *reply = NULL;
        Error err = { 0 };

        (void)state;
        assert_true(COMMAND(redis, &reply, &err, "EVAL", "return string.rep('x', 300000)", "0"));
        assert_int_equal(strlen(json_string(reply, "")), 300000);
}

static void test_a_reply_over_the_maximum_is_refused_and_ends_the_connection(void **state) {
        CLEANUP(redis_cleanup) Redis *redis = connected();
        Error err = { 0 };

        (void)state;
        assert_false(COMMAND(redis, NULL, &err, "EVAL", "return string.rep('x', 2000000)", "0"));
        assert_int_equal(err.code, ERROR_TOO_LARGE);
        assert_false(COMMAND(redis, NULL, &err, "PING"));
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
}

static void test_error_replies_have_a_code_and_leave_the_connection_usable(void **state) {
        static const struct {
                const char *script, *reason;
                ErrorCode code;
        } cases[] = {
                { "return redis.error_reply('READONLY you cannot write')", "READONLY", ERROR_CONFLICT },
                { "return redis.error_reply('NOREPLICAS not enough')", "NOREPLICAS", ERROR_UNAVAILABLE },
                { "return redis.error_reply('LOADING the dataset')", "LOADING", ERROR_UNAVAILABLE },
                { "return redis.error_reply('NOPERM no')", "NOPERM", ERROR_FORBIDDEN },
                { "return redis.error_reply('ERR what')", "ERR", ERROR_INVALID },
                { "return redis.error_reply('LOADINGS is another word')", "LOADINGS", ERROR_INVALID },
        };
        CLEANUP(redis_cleanup) Redis *redis = connected();

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                Error err = { 0 };

                assert_false(COMMAND(redis, NULL, &err, "EVAL", cases[i].script, "0"));
                assert_int_equal(err.code, cases[i].code);
                assert_string_equal(err.reason, cases[i].reason);
                assert_string(redis, "PONG", (const char *const[]){ "PING" }, 1);
        }
}

static void test_a_wrong_or_missing_password_is_unauthorized(void **state) {
        CLEANUP(redis_cleanup) Redis *redis = NULL;
        RedisTarget where = target();
        Error err = { 0 };

        (void)state;
        where.password = "guess";
        assert_false(redis_connect(&where, &redis, &err));
        assert_int_equal(err.code, ERROR_UNAUTHORIZED);
        assert_null(strstr(err.text, "guess"));
        where.password = NULL;
        assert_true(redis_connect(&where, &redis, &err));
        assert_false(COMMAND(redis, NULL, &err, "PING"));
        assert_int_equal(err.code, ERROR_UNAUTHORIZED);
}

static void test_a_password_where_none_is_set_is_unauthorized(void **state) {
        CLEANUP(redis_cleanup) Redis *redis = NULL;
        Fixture open_server = { 0 };
        RedisTarget where = target();
        Error err = { 0 };

        (void)state;
        fixture_start_redis(&open_server, NULL);
        where.port = open_server.port;
        assert_false(redis_connect(&where, &redis, &err));
        assert_int_equal(err.code, ERROR_UNAUTHORIZED);
        where.username = "nobody";
        assert_false(redis_connect(&where, &redis, &err));
        assert_int_equal(err.code, ERROR_UNAUTHORIZED);
        fixture_stop(&open_server);
}

static void test_nobody_listening_is_unavailable(void **state) {
        CLEANUP(redis_cleanup) Redis *redis = NULL;
        RedisTarget where = target();
        Error err = { 0 };

        (void)state;
        where.port = fixture_free_port();
        assert_false(redis_connect(&where, &redis, &err));
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
        assert_non_null(strstr(err.text, "Connection refused"));
        where.host = "no-such-host.invalid";
        assert_false(redis_connect(&where, &redis, &err));
        assert_true(err.code == ERROR_UNAVAILABLE || err.code == ERROR_TIMEOUT);
}

static void test_a_stopped_server_costs_the_timeout_and_no_more(void **state) {
        CLEANUP(redis_cleanup) Redis *redis = NULL;
        RedisTarget where = target();
        Error err = { 0 };
        int64_t started;

        (void)state;
        where.timeout_ms = 200;
        assert_true(redis_connect(&where, &redis, &err));
        fixture_signal(&server, SIGSTOP);
        started = clock_now_ms();
        assert_false(COMMAND(redis, NULL, &err, "PING"));
        fixture_signal(&server, SIGCONT);
        assert_int_equal(err.code, ERROR_TIMEOUT);
        assert_in_range(clock_now_ms() - started, 200, 1500);
        assert_false(COMMAND(redis, NULL, &err, "PING"));
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
}

static void test_a_deadline_cuts_the_timeout_short(void **state) {
        CLEANUP(redis_cleanup) Redis *redis = connected();
        Error err = { 0 };
        int64_t started = clock_now_ms();

        (void)state;
        redis_set_deadline(redis, started + 100);
        assert_false(COMMAND(redis, NULL, &err, "BLPOP", "empty", "3"));
        assert_int_equal(err.code, ERROR_TIMEOUT);
        assert_in_range(clock_now_ms() - started, 100, 1500);
}

static void test_strange_replies_are_protocol_errors(void **state) {
        static const struct {
                const char *reply;
                size_t size;
        } cases[] = {
                { "HTTP/1.1 400 Bad Request\r\n\r\n", 28 },
                { "$-7\r\n", 5 },
                { "$5\r\na\0b\0c\r\n", 11 },
                { "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", 44 },
                { "+OK\r\n+OK\r\n", 10 },
                { "*2\r\n$3\r\nabc\r\n!", 14 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(redis_cleanup) Redis *redis = NULL;
                CLEANUP(json_cleanup) Json *reply = NULL;
                Stub stub;
                RedisTarget where = { .host = "127.0.0.1", .timeout_ms = 2000 };
                Error err = { 0 };

                fixture_stub_start(&stub, cases[i].reply, cases[i].size, true);
                where.port = stub.port;
                assert_true(redis_connect(&where, &redis, &err));
                assert_false(COMMAND(redis, &reply, &err, "PING"));
                assert_int_equal(err.code, ERROR_PROTOCOL);
                fixture_stub_stop(&stub);
        }
}

static void test_an_announced_length_costs_nothing_and_a_cut_reply_is_unavailable(void **state) {
        static const char announced[] = "*2147483647\r\n$3\r\nabc\r\n";
        CLEANUP(redis_cleanup) Redis *redis = NULL;
        RedisTarget where = { .host = "127.0.0.1", .timeout_ms = 2000 };
        Error err = { 0 };
        Stub stub;

        (void)state;
        fixture_stub_start(&stub, announced, sizeof(announced) - 1, false);
        where.port = stub.port;
        assert_true(redis_connect(&where, &redis, &err));
        assert_false(COMMAND(redis, NULL, &err, "PING"));
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
        fixture_stub_stop(&stub);
}

static void test_info_becomes_an_object(void **state) {
        CLEANUP(json_cleanup)
        Json *info = redis_parse_info("# Server\r\nredis_version:8.0.2\r\n\r\n# Keyspace\r\n"
                                      "db0:keys=1,expires=0\r\nempty:\r\nno colon\r\nlast:a:b");

        (void)state;
        assert_int_equal(json_size(info), 4);
        assert_string_equal(json_find_string(info, "/redis_version", ""), "8.0.2");
        assert_string_equal(json_find_string(info, "/db0", ""), "keys=1,expires=0");
        assert_string_equal(json_find_string(info, "/empty", "?"), "");
        assert_string_equal(json_find_string(info, "/last", ""), "a:b");
}

static void test_addresses_are_parsed(void **state) {
        static const struct {
                const char *url, *host, *username, *password;
                int port;
        } cases[] = {
                { "redis://cache", "cache", NULL, NULL, 6379 },
                { "redis://:pw@cache:7000/0", "cache", NULL, "pw", 7000 },
                { "redis://default:p%40%3A%2f@10.0.0.1:6380/", "10.0.0.1", "default", "p@:/", 6380 },
                { "redis://:a@b@cache", "cache", NULL, "a@b", 6379 },
                { "redis://[::1]:6381", "::1", NULL, NULL, 6381 },
                { "redis://[::1]", "::1", NULL, NULL, 6379 },
                { "redis://:@cache", "cache", NULL, NULL, 6379 },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(arena_done) Arena arena = { 0 };
                RedisTarget parsed = { 0 };
                Error err = { 0 };

                if (!redis_parse_url(cases[i].url, &arena, &parsed, &err))
                        fail_msg("%s: %s", cases[i].url, err.text);
                assert_string_equal(parsed.host, cases[i].host);
                assert_int_equal(parsed.port, cases[i].port);
                assert_int_equal(parsed.username != NULL, cases[i].username != NULL);
                if (cases[i].username)
                        assert_string_equal(parsed.username, cases[i].username);
                assert_int_equal(parsed.password != NULL, cases[i].password != NULL);
                if (cases[i].password)
                        assert_string_equal(parsed.password, cases[i].password);
        }
}

static void test_bad_addresses_get_a_sentence_without_the_password(void **state) {
        static const char *const cases[] = { "http://cache", "rediss://cache", "redis://", "redis://:hush@",
                "redis://:hush@cache:0", "redis://:hush@cache:70000", "redis://:hush@cache:63x",
                "redis://cache:", "redis://:hush@cache/3", "redis://:hush@cache?db=1", "redis://hush@cache",
                "redis://:hush%zz@cache", "redis://:hush%00@cache", "redis://:hush%4@cache", "redis://[::1",
                "redis://[::1]x", "redis://[]" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(arena_done) Arena arena = { 0 };
                RedisTarget parsed = { 0 };
                Error err = { 0 };

                if (redis_parse_url(cases[i], &arena, &parsed, &err))
                        fail_msg("%s was taken", cases[i]);
                assert_int_equal(err.code, ERROR_INVALID);
                assert_null(strstr(err.text, "hush"));
        }
}

static int start_server(void **state) {
        (void)state;
        json_start();
        fixture_start_redis(&server, (const char *const[]){ "--requirepass", "pw", NULL });
        return 0;
}

static int stop_server(void **state) {
        (void)state;
        fixture_stop(&server);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_replies_become_json),
                cmocka_unit_test(test_a_reply_may_be_longer_than_one_read),
                cmocka_unit_test(test_a_reply_over_the_maximum_is_refused_and_ends_the_connection),
                cmocka_unit_test(test_error_replies_have_a_code_and_leave_the_connection_usable),
                cmocka_unit_test(test_a_wrong_or_missing_password_is_unauthorized),
                cmocka_unit_test(test_a_password_where_none_is_set_is_unauthorized),
                cmocka_unit_test(test_nobody_listening_is_unavailable),
                cmocka_unit_test(test_a_stopped_server_costs_the_timeout_and_no_more),
                cmocka_unit_test(test_a_deadline_cuts_the_timeout_short),
                cmocka_unit_test(test_strange_replies_are_protocol_errors),
                cmocka_unit_test(test_an_announced_length_costs_nothing_and_a_cut_reply_is_unavailable),
                cmocka_unit_test(test_info_becomes_an_object),
                cmocka_unit_test(test_addresses_are_parsed),
                cmocka_unit_test(test_bad_addresses_get_a_sentence_without_the_password),
        };

        return cmocka_run_group_tests_name("redis", tests, start_server, stop_server);
}
