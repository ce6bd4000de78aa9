/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers are told, what readers find, and when a version counts as seen. */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/kube/cache.h"

enum { LABEL, VALUE };
static const char *const PATHS[] = { "/metadata/labels/madbase.io~1cluster", "/data/v", NULL };
static const Kind CONFIG_MAP = {
        .group = "", .version = "v1", .kind = "ConfigMap", .plural = "configmaps", .paths = PATHS
};

/* What the handler was told, as "+ns/a" (added), "~" (changed), "-" (deleted), with "!" initial and "?" unknown end. */
typedef struct Told {
        Cache *cache;
        Text lines;
} Told;

static void hear(void *context, const CacheChange *change) {
        Told *told = context;
        const Object *about = change->after ? change->after : change->before;
        assert(about);
        text_printf(&told->lines, "%s%s%s%s=%s@%s ", change->initial ? "!" : "", change->final_unknown ? "?" : "",
                !change->before  ? "+"
                : !change->after ? "-"
                                 : "~",
                object_key(about), object_value(about, VALUE), about->resource_version);
        /* What was told is stored already. */
        CLEANUP(object_cleanup) Object *stored = cache_get(told->cache, about->namespace_, about->name);
        if (change->after)
                assert_ptr_equal(stored, change->after);
}

static Object *make(const char *namespace_, const char *name, const char *uid, const char *version, const char *label,
        const char *value, const char *owner) {
        CLEANUP(json_cleanup) Json *json = json_new_object();
        Json *metadata = json_put_object(json, "metadata");
        json_put_string(metadata, "namespace", namespace_);
        json_put_string(metadata, "name", name);
        json_put_string(metadata, "uid", uid);
        json_put_string(metadata, "resourceVersion", version);
        if (label)
                json_put_string(json_put_object(metadata, "labels"), "madbase.io/cluster", label);
        if (owner) {
                Json *reference = json_add_object(json_put_array(metadata, "ownerReferences"));
                json_put_string(reference, "kind", "X");
                json_put_string(reference, "name", owner);
                json_put_string(reference, "uid", owner);
                json_put_bool(reference, "controller", true);
        }
        json_put_string(json_put_object(json, "data"), "v", value);
        Object *object = NULL;
        Error err = { 0 };
        assert_true(object_project(&CONFIG_MAP, json, &object, &err));
        return object;
}

static Object *simple(const char *name, const char *version, const char *value) {
        return make("ns", name, name, version, NULL, value, NULL);
}

static void expect_told(Told *told, const char *lines) {
        assert_string_equal(text_string(&told->lines), lines);
        text_clear(&told->lines);
}

static int setup(void **state) {
        static Told told;
        told = (Told){ .cache = cache_new(&CONFIG_MAP, LABEL) };
        cache_add_handler(told.cache, hear, &told);
        *state = &told;
        return 0;
}

static int teardown(void **state) {
        Told *told = *state;
        cache_free(told->cache);
        text_done(&told->lines);
        return 0;
}

static void test_first_list_is_told_as_initial_and_then_synced(void **state) {
        Told *told = *state;
        cache_add_scope(told->cache, "");
        assert_false(cache_synced(told->cache));
        assert_null(cache_version(told->cache, "ns"));
        cache_replace(told->cache, "", (Object *[]){ simple("a", "1", "x"), simple("b", "2", "y") }, 2, "5");
        expect_told(told, "!+ns/a=x@1 !+ns/b=y@2 ");
        assert_true(cache_synced(told->cache));
        assert_int_equal(cache_size(told->cache), 2);
        CLEANUP(cleanup_free) char *version = cache_version(told->cache, "ns");
        assert_string_equal(version, "5");
}

static void test_relist_is_told_as_difference_with_tombstones(void **state) {
        Told *told = *state;
        cache_add_scope(told->cache, "");
        cache_replace(told->cache, "",
                (Object *[]){ simple("same", "1", "x"), simple("gone", "2", "y"), simple("new", "3", "z") }, 3, "5");
        text_clear(&told->lines);
        cache_replace(told->cache, "",
                (Object *[]){ simple("same", "1", "x"), simple("new", "8", "zz"), simple("more", "9", "m") }, 3, "10");
        expect_told(told, "?-ns/gone=y@2 ~ns/new=zz@8 +ns/more=m@9 ");
        CLEANUP(object_cleanup) Object *gone = cache_get(told->cache, "ns", "gone");
        assert_null(gone);
}

static void test_new_uid_under_a_key_is_deleted_then_added(void **state) {
        Told *told = *state;
        cache_add_scope(told->cache, "");
        cache_replace(told->cache, "", (Object *[]){ make("ns", "a", "u1", "1", NULL, "x", NULL) }, 1, "5");
        text_clear(&told->lines);
        cache_apply(told->cache, "", make("ns", "a", "u2", "7", NULL, "x", NULL));
        expect_told(told, "-ns/a=x@1 +ns/a=x@7 ");
        cache_replace(told->cache, "", (Object *[]){ make("ns", "a", "u3", "9", NULL, "x", NULL) }, 1, "10");
        expect_told(told, "?-ns/a=x@7 +ns/a=x@9 ");
}

static void test_unchanged_projection_is_stored_but_not_told(void **state) {
        Told *told = *state;
        cache_add_scope(told->cache, "");
        cache_replace(told->cache, "", (Object *[]){ simple("a", "1", "x") }, 1, "5");
        text_clear(&told->lines);
        cache_apply(told->cache, "", simple("a", "6", "x"));
        expect_told(told, "");
        CLEANUP(object_cleanup) Object *stored = cache_get(told->cache, "ns", "a");
        assert_string_equal(stored->resource_version, "6");
        assert_true(cache_has_seen(told->cache, "ns", "6"));
}

static void test_deletion_tells_the_last_state(void **state) {
        Told *told = *state;
        cache_add_scope(told->cache, "");
        cache_replace(told->cache, "", (Object *[]){ simple("a", "1", "x") }, 1, "5");
        text_clear(&told->lines);
        cache_remove(told->cache, "", simple("a", "8", "last"));
        expect_told(told, "-ns/a=last@8 ");
        cache_remove(told->cache, "", simple("never-there", "9", "x"));
        expect_told(told, "");
        assert_true(cache_has_seen(told->cache, "ns", "9"));
        assert_int_equal(cache_size(told->cache), 0);
}

static void test_late_deletion_of_an_earlier_bearer_is_ignored(void **state) {
        Told *told = *state;
        cache_add_scope(told->cache, "");
        cache_replace(told->cache, "", (Object *[]){ make("ns", "a", "u2", "9", NULL, "x", NULL) }, 1, "10");
        text_clear(&told->lines);
        cache_remove(told->cache, "", make("ns", "a", "u1", "8", NULL, "x", NULL));
        expect_told(told, "");
        assert_int_equal(cache_size(told->cache), 1);
        cache_remove(told->cache, "", make("ns", "a", "u3", "12", NULL, "x", NULL));
        expect_told(told, "?-ns/a=x@9 ");
}

static void test_scopes_do_not_touch_each_other(void **state) {
        Told *told = *state;
        cache_add_scope(told->cache, "one");
        cache_add_scope(told->cache, "two");
        cache_replace(told->cache, "one", (Object *[]){ make("one", "a", "u1", "1", NULL, "x", NULL) }, 1, "5");
        assert_false(cache_synced(told->cache));
        cache_replace(told->cache, "two", (Object *[]){ make("two", "a", "u2", "2", NULL, "y", NULL) }, 1, "7");
        assert_true(cache_synced(told->cache));
        text_clear(&told->lines);
        cache_replace(told->cache, "two", NULL, 0, "9");
        expect_told(told, "?-two/a=y@2 ");
        assert_false(cache_has_seen(told->cache, "one", "9"));
        assert_true(cache_has_seen(told->cache, "two", "9"));
        assert_true(cache_has_seen(told->cache, "unwatched", "99"));
}

static void test_indexes_follow_changes(void **state) {
        Told *told = *state;
        CLEANUP(arena_done) Arena arena = { 0 };
        size_t count = 0;
        cache_add_scope(told->cache, "");
        cache_replace(told->cache, "",
                (Object *[]){ make("ns", "b", "ub", "1", "prod", "x", "owner"),
                        make("ns", "a", "ua", "2", "prod", "x", "owner"),
                        make("other", "c", "uc", "3", "prod", "x", NULL) },
                3, "5");
        const Object *const *found = cache_by_label(told->cache, &arena, "ns", "prod", &count);
        assert_int_equal(count, 2);
        assert_string_equal(found[0]->name, "a");
        assert_string_equal(found[1]->name, "b");
        assert_null(found[2]);
        cache_apply(told->cache, "", make("ns", "a", "ua", "6", "test", "x", "elsewhere"));
        assert_string_equal(found[0]->resource_version, "2");
        found = cache_by_label(told->cache, &arena, "ns", "prod", &count);
        assert_int_equal(count, 1);
        assert_string_equal(found[0]->name, "b");
        found = cache_by_owner(told->cache, &arena, "elsewhere", &count);
        assert_int_equal(count, 1);
        assert_string_equal(found[0]->name, "a");
        cache_remove(told->cache, "", make("ns", "b", "ub", "7", "prod", "x", "owner"));
        assert_null(cache_by_owner(told->cache, &arena, "owner", NULL)[0]);
        cache_all(told->cache, &arena, &count);
        assert_int_equal(count, 2);
}

static void wake(void *context, const char *key) {
        text_printf(context, "%s ", key);
}

static void test_waiters_wake_once_when_their_version_is_seen(void **state) {
        Told *told = *state;
        CLEANUP(text_done) Text woken = { 0 };
        cache_add_scope(told->cache, "");
        cache_when_seen(told->cache, "ns", "5", wake, &woken, "five");
        cache_when_seen(told->cache, "ns", "10", wake, &woken, "ten");
        cache_when_seen(told->cache, "ns", "12", wake, &woken, "twelve");
        assert_string_equal(text_string(&woken), "");
        cache_replace(told->cache, "", NULL, 0, "6");
        assert_string_equal(text_string(&woken), "five ");
        cache_apply(told->cache, "", simple("a", "10", "x"));
        assert_string_equal(text_string(&woken), "five ten ");
        cache_set_version(told->cache, "", "20");
        assert_string_equal(text_string(&woken), "five ten twelve ");
        cache_when_seen(told->cache, "ns", "20", wake, &woken, "now");
        cache_when_seen(told->cache, "ns", "what", wake, &woken, "unknown");
        assert_string_equal(text_string(&woken), "five ten twelve now unknown ");
}

static void test_lost_history_wakes_everybody(void **state) {
        Told *told = *state;
        CLEANUP(text_done) Text woken = { 0 };
        cache_add_scope(told->cache, "");
        cache_replace(told->cache, "", NULL, 0, "100");
        cache_when_seen(told->cache, "ns", "110", wake, &woken, "k");
        cache_set_version(told->cache, "", "90");
        assert_true(cache_has_seen(told->cache, "ns", "100"));
        cache_replace(told->cache, "", NULL, 0, "40");
        assert_string_equal(text_string(&woken), "k ");
        assert_false(cache_has_seen(told->cache, "ns", "100"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_first_list_is_told_as_initial_and_then_synced, setup, teardown),
                cmocka_unit_test_setup_teardown(test_relist_is_told_as_difference_with_tombstones, setup, teardown),
                cmocka_unit_test_setup_teardown(test_new_uid_under_a_key_is_deleted_then_added, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unchanged_projection_is_stored_but_not_told, setup, teardown),
                cmocka_unit_test_setup_teardown(test_deletion_tells_the_last_state, setup, teardown),
                cmocka_unit_test_setup_teardown(test_late_deletion_of_an_earlier_bearer_is_ignored, setup, teardown),
                cmocka_unit_test_setup_teardown(test_scopes_do_not_touch_each_other, setup, teardown),
                cmocka_unit_test_setup_teardown(test_indexes_follow_changes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_waiters_wake_once_when_their_version_is_seen, setup, teardown),
                cmocka_unit_test_setup_teardown(test_lost_history_wakes_everybody, setup, teardown),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
