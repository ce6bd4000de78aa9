/* SPDX-License-Identifier: Apache-2.0 */
/* Laws of a State pillar's plan, over whole lives of a pillar: it comes to rest, at rest it wants nothing, any pass may
 * be cut short anywhere, and no member leaves that leads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "operator/controllers/statepillar/world.h"

enum { ROUNDS = 60 };

static void expect_rest(World *world, const char *ready) {
        CLEANUP(arena_done) Arena arena = { 0 };
        const Json *status = world_status(world, &arena);
        Json *pillar = world_find(world, "StatePillar", "prod");

        assert_string_equal(json_find_string(status, "/phase", ""), "Ready");
        assert_string_equal(json_find_string(status, "/ready", ""), ready);
        assert_int_equal(json_size(json_find(pillar, "/status/waitingFor")), 0);
        world_round(world, -1);
        assert_int_equal(world->writes, 0);
}

static void test_comes_to_rest_and_then_wants_nothing(void **state) {
        World world;

        (void)state;
        world_init(&world, "{ profile: Development, members: 1, storage: { size: 1Gi } }");
        world_settle(&world, ROUNDS);
        expect_rest(&world, "1/1");
        world_done(&world);
}

static void test_scales_up_and_down_moving_leaders_first(void **state) {
        static const struct {
                const char *spec, *ready;
        } steps[] = { { "{members: 3}", "3/3" }, { "{members: 5}", "5/5" }, { "{members: 3}", "3/3" },
                { "{members: 1}", "1/1" }, { "{members: 5}", "5/5" }, { "{members: 1}", "1/1" } };
        World world;

        (void)state;
        world_init(&world, "{ profile: Development, members: 1, storage: { size: 1Gi } }");
        world_settle(&world, ROUNDS);
        for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
                world_change(&world, steps[i].spec);
                world_settle(&world, ROUNDS);
                expect_rest(&world, steps[i].ready);
                /* The worst place for the leaders in the next step. */
                (void)snprintf(world.primary, sizeof(world.primary), "prod-pg-%c", steps[i].ready[0] - 1);
                (void)snprintf(world.master, sizeof(world.master), "prod-redis-%c", steps[i].ready[0] - 1);
        }
        world_done(&world);
}

static void test_any_pass_may_be_cut_short(void **state) {
        (void)state;
        for (int cut = 1; cut < 60; cut += 3) {
                World world;
                world_init(&world, "{ profile: Development, members: 3, dcs: Etcd, storage: { size: 1Gi } }");
                for (int i = 0; i < 8; i++) {
                        world_round(&world, cut);
                        world_round(&world, cut + i);
                }
                world_settle(&world, ROUNDS);
                expect_rest(&world, "3/3");
                world_change(&world, "{members: 1}");
                (void)snprintf(world.primary, sizeof(world.primary), "prod-pg-2");
                (void)snprintf(world.master, sizeof(world.master), "prod-redis-1");
                for (int i = 0; i < 30; i++)
                        world_round(&world, cut);
                world_settle(&world, ROUNDS);
                expect_rest(&world, "1/1");
                world_done(&world);
        }
}

static void test_an_even_count_changes_nothing(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        World world;

        (void)state;
        world_init(&world, "{ profile: Development, members: 3, storage: { size: 1Gi } }");
        world_settle(&world, ROUNDS);
        world_change(&world, "{members: 2}");
        world_round(&world, -1);
        assert_int_equal(world.writes, 0);
        assert_string_equal(json_find_string(world_status(&world, &arena), "/phase", ""), "Stalled");
        assert_int_equal(json_find_int(world_find(&world, "StatefulSet", "prod-pg"), "/spec/replicas", 0), 3);
        world_done(&world);
}

static void test_a_lost_service_comes_back_under_its_address(void **state) {
        World world;

        (void)state;
        world_init(&world, "{ profile: Development, members: 3, storage: { size: 1Gi } }");
        world_settle(&world, ROUNDS);
        Json *service = world_find(&world, "Service", "prod-redis-1");
        char address[32];
        (void)snprintf(address, sizeof(address), "%s", json_find_string(service, "/spec/clusterIP", ""));
        world_remove(&world, "Service", "prod-redis-1");
        world_settle(&world, ROUNDS);
        service = world_find(&world, "Service", "prod-redis-1");
        assert_string_equal(json_find_string(service, "/spec/clusterIP", ""), address);
        expect_rest(&world, "3/3");
        world_done(&world);
}

static int count_trace(const World *world, const char *what) {
        int count = 0;

        for (const Json *row = json_first(world->trace); row; row = json_next(row))
                count += strstr(json_string(row, ""), what) != NULL;
        return count;
}

static const char *last_trace(const World *world, const char *what) {
        const char *last = "";

        for (const Json *row = json_first(world->trace); row; row = json_next(row))
                if (strstr(json_string(row, ""), what))
                        last = json_string(row, "");
        return last;
}

static void test_a_deleted_set_is_woken_when_its_former_pods_have_ended(void **state) {
        const char *const note = "/metadata/annotations/madbase.io~1former-pods";
        World world;

        (void)state;
        world_init(&world, "{ profile: Development, members: 3, storage: { size: 1Gi } }");
        world_settle(&world, ROUNDS);
        assert_null(json_find(world_find(&world, "StatefulSet", "prod-redis"), note));
        world_remove(&world, "StatefulSet", "prod-redis");
        world_settle(&world, ROUNDS);
        assert_string_equal(json_find_string(world_find(&world, "StatefulSet", "prod-redis"), note, ""),
                "prod-redis-0 prod-redis-1 prod-redis-2");
        world_remove(&world, "Pod", "prod-redis-0");
        world_remove(&world, "Pod", "prod-redis-2");
        world_settle(&world, ROUNDS);
        assert_string_equal(
                json_find_string(world_find(&world, "StatefulSet", "prod-redis"), note, ""), "prod-redis-1");
        world_remove(&world, "Pod", "prod-redis-1");
        world_settle(&world, ROUNDS);
        assert_null(json_find(world_find(&world, "StatefulSet", "prod-redis"), note));
        expect_rest(&world, "3/3");
        world_done(&world);
}

static void test_a_wrong_image_is_mended_before_anybody_served(void **state) {
        World world;

        (void)state;
        world_init(&world,
                "{ profile: Development, members: 3, images: { postgres: 'wrong:1' }, storage: { size: 1Gi } }");
        world.broken = "wrong:1";
        world_settle(&world, ROUNDS);
        world_change(&world, "{images: {postgres: 'postgres:2'}}");
        world_settle(&world, ROUNDS);
        expect_rest(&world, "3/3");
        world_done(&world);
}

static void test_an_image_that_is_no_longer_asked_for_gives_way_to_the_default(void **state) {
        World world;

        (void)state;
        world_init(
                &world, "{ profile: Development, members: 3, images: { redis: 'wrong:1' }, storage: { size: 1Gi } }");
        world.broken = "wrong:1";
        world_settle(&world, ROUNDS);
        world_change(&world, "{images: null}");
        world_settle(&world, ROUNDS);
        expect_rest(&world, "3/3");
        world_done(&world);
}

static void test_nobody_leaves_and_no_sentinel_forgets_in_the_middle_of_a_failover(void **state) {
        World world;

        (void)state;
        world_init(&world, "{ profile: Development, members: 3, storage: { size: 1Gi } }");
        world_settle(&world, ROUNDS);
        world.failing_over = "prod-sentinel-0";
        world_change(&world, "{members: 1}");
        world_settle(&world, ROUNDS);
        assert_int_equal(json_find_int(world_find(&world, "StatefulSet", "prod-redis"), "/spec/replicas", 0), 3);
        assert_int_equal(json_find_int(world_find(&world, "StatefulSet", "prod-sentinel"), "/spec/replicas", 0), 3);
        assert_int_equal(count_trace(&world, "sentinel-reset"), 0);
        world.failing_over = NULL;
        world_settle(&world, ROUNDS);
        expect_rest(&world, "1/1");
        world_done(&world);
}

static void test_a_restart_rolls_replicas_first_and_the_leader_last(void **state) {
        World world;

        (void)state;
        world_init(&world, "{ profile: Development, members: 3, storage: { size: 1Gi } }");
        world_settle(&world, ROUNDS);
        json_free(world.trace);
        world.trace = json_new_array();
        world_change(&world, "{images: {postgres: 'postgres:2'}}");
        world_settle(&world, ROUNDS);
        expect_rest(&world, "3/3");
        assert_int_equal(count_trace(&world, "delete prod-pg-"), 3);
        assert_int_equal(count_trace(&world, "delete prod-redis-"), 0);
        assert_int_equal(count_trace(&world, "switchover"), 1);
        assert_string_equal(last_trace(&world, "delete"), "delete prod-pg-0");
        world_done(&world);
}

static void test_the_primary_moves_once_when_asked_for(void **state) {
        static const struct {
                const char *asked, *leads;
        } rows[] = { { "prod-pg-2", "prod-pg-2" }, { "any", "prod-pg-0" }, { "prod-pg-0", "prod-pg-0" } };
        World world;

        (void)state;
        world_init(&world, "{ profile: Development, members: 3, storage: { size: 1Gi } }");
        world_settle(&world, ROUNDS);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                Json *metadata = json_get(world_find(&world, "StatePillar", "prod"), "metadata");
                json_put_string(json_put_object(metadata, "annotations"), "madbase.io/switchover", rows[i].asked);
                for (int cut = 0; cut < 40; cut += 7)
                        world_round(&world, cut);
                world_settle(&world, ROUNDS);
                expect_rest(&world, "3/3");
                assert_string_equal(world.primary, rows[i].leads);
                assert_null(json_find(metadata, "/annotations/madbase.io~1switchover"));
        }
        assert_int_equal(count_trace(&world, "switchover"), 2);
        world_done(&world);
}

static void test_a_switchover_to_nobody_is_told(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        World world;

        (void)state;
        world_init(&world, "{ profile: Development, members: 3, storage: { size: 1Gi } }");
        world_settle(&world, ROUNDS);
        Json *metadata = json_get(world_find(&world, "StatePillar", "prod"), "metadata");
        json_put_string(json_put_object(metadata, "annotations"), "madbase.io/switchover", "prod-pg-7");
        world_round(&world, -1);
        Plan plan;
        world_plan(&world, &arena, &plan);
        assert_non_null(plan.waits);
        assert_string_equal(
                plan.waits->what, "a member named prod-pg-7, to which madbase.io/switchover moves the primary");
        assert_int_equal(count_trace(&world, "switchover"), 0);
        world_done(&world);
}

/* All members of a pillar of three wait for a restart because max_connections goes from one value to another. */
static void change_connections(World *world, const char *old, const char *new) {
        static const char *const pods[] = { "prod-pg-0", "prod-pg-1", "prod-pg-2" };

        json_free(world->trace);
        world->trace = json_new_array();
        for (size_t i = 0; i < ARRAY_LEN(pods); i++) {
                Json *change = json_put_object(json_put_object(world->pending, pods[i]), "max_connections");
                json_put_string(change, "old_value", old);
                json_put_string(change, "new_value", new);
        }
        world_settle(world, ROUNDS);
        expect_rest(world, "3/3");
}

static void test_a_setting_that_needs_a_restart_restarts_servers_and_not_pods(void **state) {
        World world;

        (void)state;
        world_init(&world, "{ profile: Development, members: 3, storage: { size: 1Gi } }");
        world_settle(&world, ROUNDS);
        change_connections(&world, "100", "200");
        assert_int_equal(count_trace(&world, "postgres-restart"), 3);
        assert_int_equal(count_trace(&world, "switchover"), 1);
        assert_int_equal(count_trace(&world, "delete"), 0);
        assert_string_equal(last_trace(&world, "postgres-restart"), "postgres-restart prod-pg-0");
        /* One that shrinks: the primary first, where it is. */
        (void)snprintf(world.primary, sizeof(world.primary), "prod-pg-1");
        change_connections(&world, "200", "100");
        assert_int_equal(count_trace(&world, "postgres-restart"), 3);
        assert_int_equal(count_trace(&world, "switchover"), 0);
        assert_string_equal(json_string(json_at(world.trace, 0), ""), "postgres-restart prod-pg-1");
        world_done(&world);
}

static void test_a_newer_operator_restarts_nothing(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        World world;

        (void)state;
        world_init(&world, "{ profile: Development, members: 3, storage: { size: 1Gi } }");
        world_settle(&world, ROUNDS);
        for (Json *object = json_first(world.objects); object; object = json_next(object)) {
                Json *notes = json_find(object, "/spec/template/metadata/annotations");
                if (!notes)
                        notes = json_find(object, "/metadata/annotations");
                if (json_get(notes, KINDS_NOTE_TEMPLATE))
                        json_put_string(notes, KINDS_NOTE_TEMPLATE, "0f-an-older-one");
        }
        world_settle(&world, ROUNDS);
        const Json *status = world_status(&world, &arena);
        assert_int_equal(count_trace(&world, "delete"), 0);
        assert_int_equal(json_size(json_get(status, "updatePending")), 10);
        assert_string_equal(json_find_string(status, "/phase", ""), "Ready");
        world_done(&world);
}

static void test_takes_the_data_of_an_earlier_pillar_back(void **state) {
        World world;

        (void)state;
        world_init(&world, "{ profile: Development, members: 3, storage: { size: 1Gi } }");
        world_settle(&world, ROUNDS);
        char address[32];
        (void)snprintf(address, sizeof(address), "%s",
                json_find_string(world_find(&world, "Service", "prod-redis-2"), "/spec/clusterIP", ""));
        /* The pillar was deleted under Retain and is made again, smaller: only claims are left. */
        for (Json *object = json_first(world.objects), *next; object; object = next) {
                const char *kind = json_find_string(object, "/kind", "");
                next = json_next(object);
                bool kept = strcmp(json_find_string(object, "/metadata/name", ""), "prod-addresses") == 0;
                if (!kept && strcmp(kind, "PersistentVolumeClaim") != 0 && strcmp(kind, "StatePillar") != 0)
                        json_free(json_detach(world.objects, object));
        }
        json_remove(world_find(&world, "StatePillar", "prod"), "status");
        world_change(&world, "{members: 1}");
        world_round(&world, -1);
        assert_int_equal(json_find_int(world_find(&world, "StatefulSet", "prod-pg"), "/spec/replicas", 0), 3);
        world_round(&world, -1);
        assert_int_equal(json_find_int(world_find(&world, "StatefulSet", "prod-redis"), "/spec/replicas", 0), 3);
        Json *again = world_find(&world, "Service", "prod-redis-2");
        assert_string_equal(json_find_string(again, "/spec/clusterIP", ""), address);
        (void)snprintf(world.primary, sizeof(world.primary), "prod-pg-2");
        world_settle(&world, ROUNDS);
        expect_rest(&world, "1/1");
        assert_string_equal(world.primary, "prod-pg-0");
        world_done(&world);
}

static void test_deletes_data_only_under_delete_and_after_the_pods(void **state) {
        World world;

        (void)state;
        world_init(&world, "{ profile: Development, members: 1, deletionPolicy: Delete, storage: { size: 1Gi } }");
        world_settle(&world, ROUNDS);
        Json *pillar = world_find(&world, "StatePillar", "prod");
        assert_non_null(json_find(pillar, "/metadata/finalizers[0]"));
        json_put_string(json_get(pillar, "metadata"), "deletionTimestamp", "2026-01-01T00:00:00Z");
        world_round(&world, -1);
        assert_null(world_find(&world, "StatefulSet", "prod-pg"));
        assert_non_null(world_find(&world, "PersistentVolumeClaim", "data-prod-pg-0"));
        world_settle(&world, ROUNDS);
        assert_null(world_find(&world, "PersistentVolumeClaim", "data-prod-pg-0"));
        assert_int_equal(json_size(json_find(pillar, "/metadata/finalizers")), 0);
        world_done(&world);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_comes_to_rest_and_then_wants_nothing),
                cmocka_unit_test(test_scales_up_and_down_moving_leaders_first),
                cmocka_unit_test(test_any_pass_may_be_cut_short),
                cmocka_unit_test(test_an_even_count_changes_nothing),
                cmocka_unit_test(test_a_lost_service_comes_back_under_its_address),
                cmocka_unit_test(test_a_deleted_set_is_woken_when_its_former_pods_have_ended),
                cmocka_unit_test(test_a_wrong_image_is_mended_before_anybody_served),
                cmocka_unit_test(test_an_image_that_is_no_longer_asked_for_gives_way_to_the_default),
                cmocka_unit_test(test_nobody_leaves_and_no_sentinel_forgets_in_the_middle_of_a_failover),
                cmocka_unit_test(test_a_restart_rolls_replicas_first_and_the_leader_last),
                cmocka_unit_test(test_the_primary_moves_once_when_asked_for),
                cmocka_unit_test(test_a_switchover_to_nobody_is_told),
                cmocka_unit_test(test_a_setting_that_needs_a_restart_restarts_servers_and_not_pods),
                cmocka_unit_test(test_a_newer_operator_restarts_nothing),
                cmocka_unit_test(test_takes_the_data_of_an_earlier_pillar_back),
                cmocka_unit_test(test_deletes_data_only_under_delete_and_after_the_pods),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
