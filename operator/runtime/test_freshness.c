/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of reading one's own writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "operator/runtime/freshness.h"

static const Kind kind_thing = { "test.io", "v1", "Thing", "things", false, NULL };

static int64_t now_ms;
static int woken;

static int64_t virtual_clock(void) {
        return now_ms;
}

static void wake(void *context, const char *key) {
        (void)context;
        assert_string_equal(key, "x/one");
        woken++;
}

typedef struct Scene {
        Cache *cache;
        Freshness *freshness;
} Scene;

static int start(void **state) {
        static Scene scene;

        now_ms = 1000;
        woken = 0;
        scene.cache = cache_new(&kind_thing, SIZE_MAX);
        cache_add_scope(scene.cache, "");
        cache_replace(scene.cache, "", NULL, 0, "100");
        scene.freshness = freshness_new(virtual_clock, wake, NULL);
        *state = &scene;
        return 0;
}

static int end(void **state) {
        Scene *scene = *state;

        cache_free(scene->cache);
        freshness_free(scene->freshness);
        return 0;
}

static FreshnessState check(Scene *scene, int64_t *ret_waited) {
        return freshness_check(scene->freshness, "x/one", ret_waited);
}

static void test_a_key_that_wrote_nothing_is_fresh(void **state) {
        int64_t waited = 7;

        assert_int_equal(check(*state, &waited), FRESHNESS_FRESH);
        assert_int_equal(waited, 0);
}

static void test_a_version_that_was_seen_is_no_reason_to_wait(void **state) {
        Scene *scene = *state;

        freshness_wrote(scene->freshness, "x/one", scene->cache, "x", "100");
        assert_int_equal(check(scene, NULL), FRESHNESS_FRESH);
        assert_int_equal(woken, 0);
}

static void test_the_cache_wakes_the_key(void **state) {
        Scene *scene = *state;
        int64_t waited = 0;

        freshness_wrote(scene->freshness, "x/one", scene->cache, "x", "105");
        assert_int_equal(check(scene, NULL), FRESHNESS_STALE);
        assert_int_equal(freshness_check(scene->freshness, "x/two", NULL), FRESHNESS_FRESH);
        now_ms += 40;
        cache_set_version(scene->cache, "", "104");
        assert_int_equal(woken, 0);
        assert_int_equal(check(scene, NULL), FRESHNESS_STALE);
        cache_set_version(scene->cache, "", "105");
        assert_int_equal(woken, 1);
        assert_int_equal(check(scene, &waited), FRESHNESS_FRESH);
        assert_int_equal(waited, 40);
        assert_int_equal(check(scene, &waited), FRESHNESS_FRESH);
        assert_int_equal(waited, 0);
}

static void test_the_newest_of_several_writes_counts(void **state) {
        Scene *scene = *state;

        freshness_wrote(scene->freshness, "x/one", scene->cache, "x", "110");
        freshness_wrote(scene->freshness, "x/one", scene->cache, "x", "105");
        freshness_wrote(scene->freshness, "x/one", scene->cache, "x", "99");
        assert_int_equal(check(scene, NULL), FRESHNESS_STALE);
        cache_set_version(scene->cache, "", "109");
        assert_int_equal(check(scene, NULL), FRESHNESS_STALE);
        cache_set_version(scene->cache, "", "110");
        assert_int_equal(check(scene, NULL), FRESHNESS_FRESH);
        assert_int_equal(woken, 1);
}

static void test_patience_ends(void **state) {
        Scene *scene = *state;
        int64_t waited = 0;

        freshness_wrote(scene->freshness, "x/one", scene->cache, "x", "200");
        assert_int_equal(check(scene, NULL), FRESHNESS_STALE);
        now_ms += FRESHNESS_PATIENCE_MS - 1;
        assert_int_equal(check(scene, NULL), FRESHNESS_STALE);
        now_ms += 1;
        assert_int_equal(check(scene, &waited), FRESHNESS_FORCED);
        assert_int_equal(waited, FRESHNESS_PATIENCE_MS);
        assert_int_equal(check(scene, NULL), FRESHNESS_FRESH);
}

static Object *make(const char *uid, bool deleting) {
        char text[256];
        CLEANUP(json_cleanup) Json *json = NULL;
        Object *object = NULL;

        (void)snprintf(text, sizeof(text),
                "{\"metadata\":{\"name\":\"a\",\"namespace\":\"x\",\"uid\":\"%s\",\"resourceVersion\":\"101\"%s}}", uid,
                deleting ? ",\"deletionTimestamp\":\"2026-01-02T03:04:05Z\"" : "");
        assert_true(json_parse(text, strlen(text), &json, NULL));
        assert_true(object_project(&kind_thing, json, &object, NULL));
        return object;
}

static void test_a_deletion_is_shown_when_the_object_goes_or_is_going(void **state) {
        Scene *scene = *state;

        cache_apply(scene->cache, "", make("u1", false));
        freshness_deleted(scene->freshness, "x/one", scene->cache, "x", "a", "u1");
        assert_int_equal(check(scene, NULL), FRESHNESS_STALE);
        cache_apply(scene->cache, "", make("u1", true));
        assert_int_equal(check(scene, NULL), FRESHNESS_FRESH);
        cache_apply(scene->cache, "", make("u2", false));
        freshness_deleted(scene->freshness, "x/one", scene->cache, "x", "a", "u2");
        assert_int_equal(check(scene, NULL), FRESHNESS_STALE);
        cache_apply(scene->cache, "", make("u3", false));
        assert_int_equal(check(scene, NULL), FRESHNESS_FRESH);
        freshness_deleted(scene->freshness, "x/one", scene->cache, "x", "never-there", "u9");
        assert_int_equal(check(scene, NULL), FRESHNESS_FRESH);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_a_key_that_wrote_nothing_is_fresh, start, end),
                cmocka_unit_test_setup_teardown(test_a_version_that_was_seen_is_no_reason_to_wait, start, end),
                cmocka_unit_test_setup_teardown(test_the_cache_wakes_the_key, start, end),
                cmocka_unit_test_setup_teardown(test_the_newest_of_several_writes_counts, start, end),
                cmocka_unit_test_setup_teardown(test_patience_ends, start, end),
                cmocka_unit_test_setup_teardown(test_a_deletion_is_shown_when_the_object_goes_or_is_going, start, end),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
