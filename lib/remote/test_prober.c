/* SPDX-License-Identifier: Apache-2.0 */
/* The prober against real Redis servers and stubs that play Patroni: what wakes the owner, and what does not. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/remote/fixture.h"
#include "lib/remote/prober.h"
#include "lib/remote/redis.h"

enum { PATIENCE_MS = 30000, PAUSE_MS = 5, INTERVAL_MS = 40, DEADLINE_MS = 2000 };
static const char owner[] = "statepillar/ns/prod";

/* What the callback was told. */
typedef struct Heard {
        pthread_mutex_t lock;
        int changes;
} Heard;

typedef struct Bench {
        Heard heard;
        Metrics *metrics;
        Prober *prober;
        Arena arena;
} Bench;

static void hear(void *context, const char *key) {
        Heard *heard = context;

        (void)pthread_mutex_lock(&heard->lock);
        if (strcmp(key, owner) == 0)
                heard->changes++;
        (void)pthread_mutex_unlock(&heard->lock);
}

static int changes_of(Bench *bench) {
        int changes;

        (void)pthread_mutex_lock(&bench->heard.lock);
        changes = bench->heard.changes;
        (void)pthread_mutex_unlock(&bench->heard.lock);
        return changes;
}

static void start(Bench *bench, int threads) {
        *bench = (Bench){ .metrics = metrics_new() };
        (void)pthread_mutex_init(&bench->heard.lock, NULL);
        bench->prober = prober_new(threads, hear, &bench->heard, bench->metrics);
}

static void stop(Bench *bench) {
        prober_free(bench->prober);
        metrics_free(bench->metrics);
        arena_done(&bench->arena);
        (void)pthread_mutex_destroy(&bench->heard.lock);
}

static const ProbeAnswer *answers(Bench *bench, size_t expected) {
        size_t count = 0;
        const ProbeAnswer *found = prober_answers(bench->prober, owner, &bench->arena, &count);

        assert_int_equal(count, expected);
        return found;
}

/* The answer of target `index` of `count` once the claim holds of it. */
static const ProbeAnswer *wait_for(Bench *bench, size_t index, size_t count, bool (*claim)(const ProbeAnswer *answer)) {
        int64_t end_ms = clock_now_ms() + PATIENCE_MS;

        for (;;) {
                const ProbeAnswer *answer = &answers(bench, count)[index];

                if (claim(answer))
                        return answer;
                if (clock_now_ms() > end_ms)
                        fail_msg("%s: reachable %d, %s", answer->name, answer->reachable, answer->error);
                (void)poll(NULL, 0, PAUSE_MS);
        }
}

static bool is_reachable(const ProbeAnswer *answer) {
        return answer->reachable;
}

static bool is_unreachable(const ProbeAnswer *answer) {
        return answer->asked && !answer->reachable;
}

static bool is_replica(const ProbeAnswer *answer) {
        return strcmp(json_find_string(answer->answer, "/role", ""), "replica") == 0;
}

static bool has_replica(const ProbeAnswer *answer) {
        return json_find_int(answer->answer, "/replicas", 0) == 1;
}

static bool knows_offset(const ProbeAnswer *answer) {
        return json_find_bool(answer->answer, "/offset_known", false);
}

static bool is_streaming(const ProbeAnswer *answer) {
        return strcmp(json_find_string(answer->answer, "/lag", ""), "Streaming") == 0;
}

static bool is_lagging(const ProbeAnswer *answer) {
        return strcmp(json_find_string(answer->answer, "/lag", ""), "Lagging") == 0;
}

static bool is_broken(const ProbeAnswer *answer) {
        return strcmp(json_find_string(answer->answer, "/lag", ""), "Broken") == 0;
}

/* A number of looks of this kind that ended well. */
static double looks(Bench *bench, const char *kind, const char *result) {
        static const char *const labels[] = { "kind", "result", NULL };

        return metric_value(metrics_counter(bench->metrics, "madbase_probes_total", "", labels),
                (const char *const[]){ kind, result });
}

static void wait_for_looks(Bench *bench, const char *kind, const char *result, double more) {
        double goal = looks(bench, kind, result) + more;

        for (int64_t end_ms = clock_now_ms() + PATIENCE_MS; looks(bench, kind, result) < goal;) {
                if (clock_now_ms() > end_ms)
                        fail_msg("no further looks of kind %s with result %s", kind, result);
                (void)poll(NULL, 0, PAUSE_MS);
        }
}

static ProbeTarget redis_target(const char *name, const Fixture *server) {
        return (ProbeTarget){ .name = name,
                .kind = PROBE_REDIS,
                .host = "127.0.0.1",
                .port = server->port,
                .password = "pw",
                .interval_ms = INTERVAL_MS,
                .deadline_ms = DEADLINE_MS };
}

static void start_redis(Fixture *server) {
        fixture_start_redis(server, (const char *const[]){ "--requirepass", "pw", "--masterauth", "pw",
                                            "--repl-diskless-sync-delay", "0", NULL });
}

static void tell_redis(const Fixture *server, const char *const *args, size_t count) {
        CLEANUP(redis_cleanup) Redis *redis = NULL;
        RedisTarget target = { .host = "127.0.0.1", .port = server->port, .password = "pw", .timeout_ms = 5000 };
        Error err = { 0 };

        if (!redis_connect(&target, &redis, &err) || !redis_command(redis, args, count, NULL, &err))
                fail_msg("%s", err.text);
}

static void test_a_change_of_role_wakes_the_owner_and_writes_do_not(void **state) {
        Fixture one = { 0 }, two = { 0 };
        ProbeTarget targets[2];
        char port[16];
        Bench bench;
        int changes;

        (void)state;
        start(&bench, 2);
        start_redis(&one);
        start_redis(&two);
        targets[0] = redis_target("prod-redis-0", &one);
        targets[1] = redis_target("prod-redis-1", &two);
        (void)snprintf(port, sizeof(port), "%d", one.port);
        tell_redis(&two, (const char *const[]){ "REPLICAOF", "127.0.0.1", port }, 3);
        tell_redis(&one, (const char *const[]){ "SET", "a", "b" }, 3);
        prober_want(bench.prober, owner, targets, 2);
        (void)wait_for(&bench, 1, 2, is_replica);
        (void)wait_for(&bench, 1, 2, is_streaming);
        /* The first write makes both offsets known. */
        (void)wait_for(&bench, 0, 2, has_replica);
        tell_redis(&one, (const char *const[]){ "SET", "a", "b" }, 3);
        (void)wait_for(&bench, 0, 2, knows_offset);
        (void)wait_for(&bench, 1, 2, knows_offset);
        wait_for_looks(&bench, "redis", "ok", 4);
        changes = changes_of(&bench);
        for (int i = 0; i < 20; i++) {
                tell_redis(&one, (const char *const[]){ "SET", "a", "some new value" }, 3);
                wait_for_looks(&bench, "redis", "ok", 1);
        }
        assert_int_equal(changes_of(&bench), changes);
        tell_redis(&two, (const char *const[]){ "REPLICAOF", "NO", "ONE" }, 3);
        for (int64_t end_ms = clock_now_ms() + PATIENCE_MS; changes_of(&bench) == changes;) {
                assert_true(clock_now_ms() < end_ms);
                (void)poll(NULL, 0, PAUSE_MS);
        }
        stop(&bench);
        fixture_stop(&one);
        fixture_stop(&two);
}

static void test_a_dead_member_is_told_of_once_and_its_last_answer_is_kept(void **state) {
        Fixture server = { 0 };
        ProbeTarget target;
        const ProbeAnswer *answer;
        Bench bench;

        (void)state;
        start(&bench, 1);
        start_redis(&server);
        target = redis_target("prod-redis-0", &server);
        prober_want(bench.prober, owner, &target, 1);
        answer = wait_for(&bench, 0, 1, is_reachable);
        assert_string_equal(answer->error, "");
        assert_int_equal(answer->code, ERROR_NONE);
        fixture_kill(&server);
        answer = wait_for(&bench, 0, 1, is_unreachable);
        assert_int_equal(answer->code, ERROR_UNAVAILABLE);
        assert_non_null(strstr(answer->error, "127.0.0.1"));
        assert_string_equal(json_find_string(answer->answer, "/role", "?"), "master");
        wait_for_looks(&bench, "redis", "unavailable", 3);
        assert_int_equal(changes_of(&bench), 2);
        start_redis(&server);
        (void)wait_for(&bench, 0, 1, is_reachable);
        stop(&bench);
        fixture_stop(&server);
}

static void test_a_connection_closed_between_two_looks_is_no_failure(void **state) {
        Fixture server = { 0 };
        ProbeTarget target;
        Bench bench;

        (void)state;
        start(&bench, 1);
        start_redis(&server);
        target = redis_target("prod-redis-0", &server);
        prober_want(bench.prober, owner, &target, 1);
        (void)wait_for(&bench, 0, 1, is_reachable);
        for (int i = 0; i < 5; i++) {
                tell_redis(&server, (const char *const[]){ "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes" }, 6);
                wait_for_looks(&bench, "redis", "ok", 2);
        }
        assert_true(looks(&bench, "redis", "unavailable") == 0);
        assert_int_equal(changes_of(&bench), 1);
        stop(&bench);
        fixture_stop(&server);
}

static bool has_quorum(const ProbeAnswer *answer) {
        return json_find_bool(answer->answer, "/quorum_ok", false);
}

static void test_a_sentinel_tells_of_its_group(void **state) {
        ProbeTarget target = { .name = "prod-sentinel-0",
                .kind = PROBE_SENTINEL,
                .host = "127.0.0.1",
                .group = "prod-redis",
                .interval_ms = INTERVAL_MS,
                .deadline_ms = DEADLINE_MS };
        Fixture master = { 0 }, sentinel = { 0 };
        const ProbeAnswer *answer;
        Bench bench;

        (void)state;
        start(&bench, 1);
        start_redis(&master);
        fixture_start_sentinel(&sentinel, "prod-redis", master.port, "pw");
        target.port = sentinel.port;
        prober_want(bench.prober, owner, &target, 1);
        answer = wait_for(&bench, 0, 1, has_quorum);
        assert_int_equal(json_find_int(answer->answer, "/master_port", 0), master.port);
        assert_int_equal(json_find_int(answer->answer, "/sentinels", 0), 1);
        assert_null(json_find(answer->answer, "/lag"));
        stop(&bench);
        fixture_stop(&sentinel);
        fixture_stop(&master);
}

static void test_a_refused_password_is_told_of_at_once(void **state) {
        Fixture server = { 0 };
        ProbeTarget target;
        const ProbeAnswer *answer;
        Bench bench;

        (void)state;
        start(&bench, 1);
        start_redis(&server);
        target = redis_target("prod-redis-0", &server);
        target.password = "guess";
        prober_want(bench.prober, owner, &target, 1);
        answer = wait_for(&bench, 0, 1, is_unreachable);
        assert_int_equal(answer->code, ERROR_UNAUTHORIZED);
        assert_null(strstr(answer->error, "guess"));
        assert_null(answer->answer);
        stop(&bench);
        fixture_stop(&server);
}

static void test_members_that_hang_do_not_delay_the_others(void **state) {
        enum { HUNG = 6, ALL = HUNG + 1 };
        Fixture server = { 0 };
        ProbeTarget targets[ALL];
        char names[HUNG][32];
        double before;
        int64_t started;
        Bench bench;
        Stub hung;

        (void)state;
        start(&bench, 2);
        start_redis(&server);
        fixture_stub_start(&hung, NULL, 0, true);
        targets[0] = redis_target("prod-redis-0", &server);
        for (int i = 0; i < HUNG; i++) {
                (void)snprintf(names[i], sizeof(names[i]), "hung-%d", i);
                targets[i + 1] = redis_target(names[i], &server);
                targets[i + 1].port = hung.port;
                targets[i + 1].deadline_ms = 400;
        }
        prober_want(bench.prober, owner, targets, ALL);
        for (size_t i = 1; i < ALL; i++)
                (void)wait_for(&bench, i, ALL, is_unreachable);
        before = looks(&bench, "redis", "ok");
        started = clock_now_ms();
        wait_for_looks(&bench, "redis", "ok", 20);
        /* One thread is always free: 20 looks take 20 intervals, not 20 deadlines. */
        assert_in_range(clock_now_ms() - started, 1, 20 * 400 / 2);
        assert_true(looks(&bench, "redis", "ok") >= before + 20);
        stop(&bench);
        fixture_stub_stop(&hung);
        fixture_stop(&server);
}

static void test_hurry_does_not_wait_for_the_interval(void **state) {
        Fixture server = { 0 };
        ProbeTarget target;
        Bench bench;

        (void)state;
        start(&bench, 1);
        start_redis(&server);
        target = redis_target("prod-redis-0", &server);
        target.interval_ms = 3600000;
        prober_want(bench.prober, owner, &target, 1);
        (void)wait_for(&bench, 0, 1, is_reachable);
        tell_redis(&server, (const char *const[]){ "REPLICAOF", "127.0.0.1", "1" }, 3);
        prober_hurry(bench.prober, owner);
        (void)wait_for(&bench, 0, 1, is_replica);
        prober_hurry(bench.prober, "nobody");
        stop(&bench);
        fixture_stop(&server);
}

static void test_unchanged_targets_keep_their_answer_and_the_order_is_as_wanted(void **state) {
        Fixture server = { 0 };
        ProbeTarget targets[2];
        size_t count = 1;
        Bench bench;

        (void)state;
        start(&bench, 1);
        start_redis(&server);
        targets[0] = redis_target("prod-redis-0", &server);
        targets[0].interval_ms = 3600000;
        prober_want(bench.prober, owner, targets, 1);
        (void)wait_for(&bench, 0, 1, is_reachable);
        targets[1] = targets[0];
        targets[0].name = "prod-redis-1";
        prober_want(bench.prober, owner, targets, 2);
        assert_string_equal(answers(&bench, 2)[1].name, "prod-redis-0");
        assert_true(answers(&bench, 2)[1].reachable);
        (void)wait_for(&bench, 0, 2, is_reachable);
        targets[1].password = "another";
        prober_want(bench.prober, owner, targets, 2);
        assert_true(answers(&bench, 2)[0].reachable);
        (void)wait_for(&bench, 1, 2, is_unreachable);
        prober_want(bench.prober, owner, NULL, 0);
        (void)prober_answers(bench.prober, owner, &bench.arena, &count);
        assert_int_equal(count, 0);
        stop(&bench);
        fixture_stop(&server);
}

static void test_targets_may_go_while_they_are_looked_at(void **state) {
        ProbeTarget target = {
                .name = "gone", .kind = PROBE_SENTINEL, .host = "127.0.0.1", .group = "g", .deadline_ms = 300
        };
        Bench bench;
        Stub hung;

        (void)state;
        start(&bench, 2);
        fixture_stub_start(&hung, NULL, 0, true);
        target.port = hung.port;
        for (int i = 1; i <= 3; i++) {
                prober_want(bench.prober, owner, &target, 1);
                for (int64_t end_ms = clock_now_ms() + PATIENCE_MS; fixture_stub_accepted(&hung) < i;) {
                        assert_true(clock_now_ms() < end_ms);
                        (void)poll(NULL, 0, PAUSE_MS);
                }
                prober_want(bench.prober, owner, NULL, 0);
        }
        assert_int_equal(changes_of(&bench), 0);
        stop(&bench);
        fixture_stub_stop(&hung);
}

/* Patroni by stubs: a member's answer as an HTTP reply. */
enum { REPLY_SIZE = 1024 };

static void patroni_says(char reply[REPLY_SIZE], const char *role, const char *more, long position) {
        char body[REPLY_SIZE / 2];

        (void)snprintf(body, sizeof(body),
                "{\"state\":\"running\",\"role\":\"%s\",\"timeline\":1,\"database_system_identifier\":\"7\",%s,"
                "\"xlog\":{\"%s\":%ld},\"patroni\":{\"version\":\"4.0.7\",\"name\":\"x\"}}",
                role, more, strcmp(role, "primary") == 0 ? "location" : "replayed_location", position);
        (void)snprintf(reply, REPLY_SIZE, "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n%s", body);
}

static void test_lag_is_a_word_that_follows_the_primary_and_a_number_for_metrics(void **state) {
        static const char *const labels[] = { "owner", "member", NULL };
        static const char *const member[] = { owner, "prod-pg-1" };
        static char first[REPLY_SIZE], far[REPLY_SIZE], near[REPLY_SIZE], farther[REPLY_SIZE], broken[REPLY_SIZE];
        ProbeTarget targets[2] = { { .name = "prod-pg-0", .kind = PROBE_PATRONI }, { .name = "prod-pg-1" } };
        Stub primary, replica;
        Metric *bytes;
        Bench bench;
        int changes;

        (void)state;
        patroni_says(first, "primary", "\"x\":1", 100000000);
        patroni_says(far, "primary", "\"x\":1", 110000000);
        patroni_says(farther, "primary", "\"x\":1", 200000000);
        patroni_says(near, "replica", "\"replication_state\":\"streaming\"", 100000000);
        patroni_says(broken, "replica", "\"x\":1", 100000000);
        start(&bench, 2);
        bytes = metrics_gauge(bench.metrics, "madbase_member_lag_bytes", "", labels);
        fixture_stub_start(&primary, first, strlen(first), false);
        fixture_stub_start(&replica, near, strlen(near), false);
        for (int i = 0; i < 2; i++) {
                targets[i].host = "127.0.0.1";
                targets[i].port = i == 0 ? primary.port : replica.port;
                targets[i].interval_ms = INTERVAL_MS;
                targets[i].deadline_ms = DEADLINE_MS;
        }
        prober_want(bench.prober, owner, targets, 2);
        (void)wait_for(&bench, 1, 2, is_streaming);
        (void)wait_for(&bench, 0, 2, is_reachable);
        assert_string_equal(json_find_string(answers(&bench, 2)[0].answer, "/lag", "?"), "");
        changes = changes_of(&bench);
        fixture_stub_set(&primary, far, strlen(far));
        for (int64_t end_ms = clock_now_ms() + PATIENCE_MS; !(metric_value(bytes, member) > 9999999);) {
                assert_true(clock_now_ms() < end_ms);
                (void)poll(NULL, 0, PAUSE_MS);
        }
        wait_for_looks(&bench, "patroni", "ok", 6);
        assert_int_equal(changes_of(&bench), changes); /* 10 MB are no lag yet */
        fixture_stub_set(&primary, farther, strlen(farther));
        (void)wait_for(&bench, 1, 2, is_lagging);
        assert_true(metric_value(bytes, member) > 99999999);
        fixture_stub_set(&replica, broken, strlen(broken));
        (void)wait_for(&bench, 1, 2, is_broken);
        fixture_stub_set(&replica, farther, strlen(farther)); /* it was promoted */
        (void)wait_for(&bench, 1, 2, is_reachable);
        for (int64_t end_ms = clock_now_ms() + PATIENCE_MS; metric_value(bytes, member) > 0;) {
                assert_true(clock_now_ms() < end_ms);
                (void)poll(NULL, 0, PAUSE_MS);
        }
        stop(&bench);
        fixture_stub_stop(&primary);
        fixture_stub_stop(&replica);
}

static void test_an_answer_that_is_no_patroni_is_a_failure_with_a_sentence(void **state) {
        static const char refused[] = "HTTP/1.0 401 Unauthorized\r\n\r\nno";
        ProbeTarget target = {
                .name = "prod-pg-0", .kind = PROBE_PATRONI, .host = "127.0.0.1", .interval_ms = INTERVAL_MS
        };
        const ProbeAnswer *answer;
        Bench bench;
        Stub stub;

        (void)state;
        start(&bench, 1);
        fixture_stub_start(&stub, refused, sizeof(refused) - 1, false);
        target.port = stub.port;
        prober_want(bench.prober, owner, &target, 1);
        answer = wait_for(&bench, 0, 1, is_unreachable);
        assert_non_null(strstr(answer->error, "401"));
        stop(&bench);
        fixture_stub_stop(&stub);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_change_of_role_wakes_the_owner_and_writes_do_not),
                cmocka_unit_test(test_a_dead_member_is_told_of_once_and_its_last_answer_is_kept),
                cmocka_unit_test(test_a_connection_closed_between_two_looks_is_no_failure),
                cmocka_unit_test(test_a_sentinel_tells_of_its_group),
                cmocka_unit_test(test_a_refused_password_is_told_of_at_once),
                cmocka_unit_test(test_members_that_hang_do_not_delay_the_others),
                cmocka_unit_test(test_hurry_does_not_wait_for_the_interval),
                cmocka_unit_test(test_unchanged_targets_keep_their_answer_and_the_order_is_as_wanted),
                cmocka_unit_test(test_targets_may_go_while_they_are_looked_at),
                cmocka_unit_test(test_lag_is_a_word_that_follows_the_primary_and_a_number_for_metrics),
                cmocka_unit_test(test_an_answer_that_is_no_patroni_is_a_failure_with_a_sentence),
        };

        json_start();
        return cmocka_run_group_tests_name("prober", tests, NULL, NULL);
}
