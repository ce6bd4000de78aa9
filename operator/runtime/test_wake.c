/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of which keys a change wakes, of the caches that controllers share, and of label selectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "operator/runtime/caches.h"
#include "operator/runtime/selector.h"
#include "operator/runtime/wake.h"

enum { CHILD_CLUSTER };

static const char *const thing_paths[] = { "/spec", "/status", NULL };
static const char *const child_paths[] = { [CHILD_CLUSTER] = "/metadata/labels/cluster", NULL };
static const Kind kind_thing = { "test.io", "v1", "Thing", "things", false, thing_paths };
static const Kind kind_child = { "", "v1", "Child", "children", false, child_paths };
static const Kind kind_slice = { "", "v1", "Slice", "slices", false, NULL };

static const Watched by_owner[] = { { .kind = &kind_child, .label_path = SIZE_MAX, .wake = WAKE_OWNER }, { 0 } };
static const Watched by_label[] = {
        { .kind = &kind_child, .label_path = CHILD_CLUSTER, .wake = WAKE_LABEL },
        { .kind = &kind_slice, .label_path = SIZE_MAX, .wake = WAKE_ALL },
        { 0 },
};
static const Watched silent[] = { { .kind = &kind_child, .label_path = CHILD_CLUSTER, .wake = WAKE_NONE }, { 0 } };
static const Controller owner_controller = { .name = "o", .kind = &kind_thing, .watches = by_owner };
static const Controller label_controller = { .name = "l", .kind = &kind_thing, .watches = by_label };
static const Controller silent_controller = { .name = "s", .kind = &kind_thing, .watches = silent };

static Object *make(const Kind *kind, const char *metadata, const char *rest) {
        char text[512];
        CLEANUP(json_cleanup) Json *json = NULL;
        Object *object = NULL;
        Error err = { 0 };

        (void)snprintf(text, sizeof(text),
                "{\"metadata\":{\"namespace\":\"x\",\"uid\":\"u\",\"resourceVersion\":\"1\",%s}%s}", metadata, rest);
        if (!json_parse(text, strlen(text), &json, &err) || !object_project(kind, json, &object, &err))
                fail_msg("%s", err.text);
        return object;
}

static Object *child(const char *owner, const char *label) {
        char metadata[256];

        (void)snprintf(metadata, sizeof(metadata),
                "\"name\":\"c\",\"labels\":{\"cluster\":\"%s\"},\"ownerReferences\":[{\"kind\":\"Thing\",\"name\":\"%"
                "s\","
                "\"uid\":\"w\",\"controller\":true}]",
                label, owner);
        return make(&kind_child, metadata, "");
}

static void note(void *context, const char *key) {
        text_printf(context, "%s ", key);
}

/* Takes the references. */
static void assert_wakes(const Controller *controller, const Kind *kind, Object *before, Object *after, Cache *own,
        const char *expected) {
        CLEANUP(text_done) Text woken = { 0 };
        const CacheChange change = { .before = before, .after = after };

        wake_keys(controller, kind, &change, own, note, &woken);
        assert_string_equal(text_string(&woken), expected);
        object_unref(before);
        object_unref(after);
}

static void test_a_change_wakes_the_owner_before_and_after(void **state) {
        (void)state;
        assert_wakes(&owner_controller, &kind_child, NULL, child("one", "l"), NULL, "x/one ");
        assert_wakes(&owner_controller, &kind_child, child("one", "l"), child("two", "l"), NULL, "x/one x/two ");
        assert_wakes(&owner_controller, &kind_child, child("one", "l"), NULL, NULL, "x/one ");
}

static void test_owners_of_other_kinds_are_not_meant(void **state) {
        (void)state;
        assert_wakes(&owner_controller, &kind_child, NULL,
                make(&kind_child,
                        "\"name\":\"c\",\"ownerReferences\":[{\"kind\":\"Other\",\"name\":\"o\",\"uid\":\"w\","
                        "\"controller\":true}]",
                        ""),
                NULL, "");
        assert_wakes(&owner_controller, &kind_child, NULL, make(&kind_child, "\"name\":\"c\"", ""), NULL, "");
}

static void test_a_label_names_the_key(void **state) {
        (void)state;
        assert_wakes(&label_controller, &kind_child, child("one", "red"), child("one", "blue"), NULL, "x/red x/blue ");
        assert_wakes(&label_controller, &kind_child, NULL, make(&kind_child, "\"name\":\"c\"", ""), NULL, "");
        assert_wakes(&silent_controller, &kind_child, NULL, child("one", "red"), NULL, "");
}

static void test_the_object_itself_is_its_key(void **state) {
        (void)state;
        assert_wakes(&owner_controller, &kind_thing, NULL, make(&kind_thing, "\"name\":\"one\"", ""), NULL, "x/one ");
        assert_wakes(&owner_controller, &kind_thing, make(&kind_thing, "\"name\":\"one\"", ""), NULL, NULL, "x/one ");
}

static void test_some_changes_are_everybodys(void **state) {
        Cache *own = cache_new(&kind_thing, SIZE_MAX);

        (void)state;
        cache_add_scope(own, "");
        cache_apply(own, "", make(&kind_thing, "\"name\":\"one\"", ""));
        cache_apply(own, "", make(&kind_thing, "\"name\":\"two\"", ""));
        assert_wakes(
                &label_controller, &kind_slice, NULL, make(&kind_slice, "\"name\":\"s\"", ""), own, "x/one x/two ");
        cache_free(own);
}

static void test_keys_split_into_namespace_and_name(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        const char *namespace_, *name;

        (void)state;
        wake_split("x/one", &arena, &namespace_, &name);
        assert_string_equal(namespace_, "x");
        assert_string_equal(name, "one");
        wake_split("one", &arena, &namespace_, &name);
        assert_string_equal(namespace_, "");
        assert_string_equal(name, "one");
}

static void test_controllers_share_the_cache_of_a_kind(void **state) {
        static const Watched some[] = { { .kind = &kind_child, .label_path = SIZE_MAX, .label_selector = "by=us" },
                { 0 } };
        static const Watched own[] = { { .kind = &kind_thing, .label_path = SIZE_MAX, .label_selector = "by=us" },
                { 0 } };
        static const Controller first = { .name = "a", .kind = &kind_thing, .watches = some };
        static const Controller second = { .name = "b", .kind = &kind_slice, .watches = own };
        const Kind *kind = NULL;
        Caches *caches = NULL;

        (void)state;
        assert_true(caches_new((const Controller *const[]){ &first, &second, NULL }, &caches, NULL));
        assert_int_equal(caches->count, 3);
        assert_true(caches_filter(caches, &kind_child));
        /* Somebody wants all of them, so all are watched. */
        assert_false(caches_filter(caches, &kind_thing));
        assert_non_null(caches_find(caches, &kind_slice));
        assert_false(caches_synced(caches, &kind));
        assert_ptr_equal(kind, &kind_thing);
        caches_free(caches);
}

static void test_two_selectors_for_a_kind_are_a_bug(void **state) {
        static const Watched us[] = { { .kind = &kind_child, .label_path = SIZE_MAX, .label_selector = "by=us" },
                { 0 } };
        static const Watched them[] = { { .kind = &kind_child, .label_path = SIZE_MAX, .label_selector = "by=me" },
                { 0 } };
        static const Controller first = { .name = "a", .kind = &kind_thing, .watches = us };
        static const Controller second = { .name = "b", .kind = &kind_slice, .watches = them };
        Caches *caches = NULL;
        Error err = { 0 };

        (void)state;
        assert_false(caches_new((const Controller *const[]){ &first, &second, NULL }, &caches, &err));
        assert_int_equal(err.code, ERROR_BUG);
}

static bool fits(const char *selector, const char *text) {
        CLEANUP(json_cleanup) Json *labels = NULL;

        assert_true(json_parse(text, strlen(text), &labels, NULL));
        return selector_fits(selector, labels);
}

static void test_selectors_fit_as_the_server_sees_it(void **state) {
        (void)state;
        assert_true(fits(NULL, "{}"));
        assert_true(fits("", "{}"));
        assert_true(fits("a=1", "{\"a\":\"1\"}"));
        assert_true(fits("a==1,b", "{\"a\":\"1\",\"b\":\"\"}"));
        assert_true(fits("a.b/c=1", "{\"a.b/c\":\"1\"}"));
        assert_false(fits("a=1", "{\"a\":\"2\"}"));
        assert_false(fits("a=", "{}"));
        assert_true(fits("a=", "{\"a\":\"\"}"));
        assert_false(fits("a=1,b=2", "{\"a\":\"1\"}"));
        assert_true(fits("!b", "{\"a\":\"1\"}"));
        assert_false(fits("!a", "{\"a\":\"1\"}"));
        assert_true(fits("a!=1", "{\"a\":\"2\"}"));
        assert_true(fits("a!=1", "{}"));
        assert_false(fits("a!=1", "{\"a\":\"1\"}"));
        assert_false(fits("a in (1,2)", "{\"a\":\"1\"}"));
        assert_false(selector_fits("a", NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_change_wakes_the_owner_before_and_after),
                cmocka_unit_test(test_owners_of_other_kinds_are_not_meant),
                cmocka_unit_test(test_a_label_names_the_key),
                cmocka_unit_test(test_the_object_itself_is_its_key),
                cmocka_unit_test(test_some_changes_are_everybodys),
                cmocka_unit_test(test_keys_split_into_namespace_and_name),
                cmocka_unit_test(test_controllers_share_the_cache_of_a_kind),
                cmocka_unit_test(test_two_selectors_for_a_kind_are_a_bug),
                cmocka_unit_test(test_selectors_fit_as_the_server_sees_it),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
