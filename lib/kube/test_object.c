/* SPDX-License-Identifier: Apache-2.0 */
/* What the projection keeps, and what counts as a change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/kube/object.h"

enum { REPLICAS, PAUSED, TEMPLATE, PHASE, MISSING };
static const char *const PATHS[] = { "/spec/replicas", "/spec/paused", "/spec/template", "/status/phase",
        "/spec/nothing", NULL };
static const Kind STATEFUL_SET = {
        .group = "apps", .version = "v1", .kind = "StatefulSet", .plural = "statefulsets", .paths = PATHS
};
static const Kind NODE = { .group = "", .version = "v1", .kind = "Node", .plural = "nodes", .cluster_scoped = true };

#define FULL                                                                                                           \
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"metadata\":{\"name\":\"pg\",\"namespace\":\"prod\","   \
        "\"uid\":\"u-1\",\"resourceVersion\":\"17\",\"generation\":3,\"annotations\":{\"madbase.io/intent\":\"abc\"}," \
        "\"ownerReferences\":[{\"kind\":\"X\",\"name\":\"no\",\"uid\":\"u-8\"},{\"kind\":\"StatePillar\","             \
        "\"name\":\"main\",\"uid\":\"u-9\",\"controller\":true}]},\"spec\":{\"replicas\":3,\"paused\":true,"           \
        "\"template\":{\"a\":[1,\"x\"]}},\"status\":{\"phase\":\"Ready\"}}"

static Object *project(const Kind *kind, const char *text) {
        Json *json = NULL;
        Object *object = NULL;
        Error err = { 0 };
        assert_true(json_parse(text, strlen(text), &json, &err));
        if (!object_project(kind, json, &object, &err))
                fail_msg("%s", err.text);
        json_free(json);
        return object;
}

static void refuse(const Kind *kind, const char *text, const char *sentence) {
        Json *json = NULL;
        Object *object = NULL;
        Error err = { 0 };
        assert_true(json_parse(text, strlen(text), &json, &err));
        assert_false(object_project(kind, json, &object, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        assert_string_equal(err.text, sentence);
        json_free(json);
}

static void test_keeps_identity_owner_and_intent(void **state) {
        (void)state;
        CLEANUP(object_cleanup) Object *object = project(&STATEFUL_SET, FULL);
        assert_string_equal(object->name, "pg");
        assert_string_equal(object->namespace_, "prod");
        assert_string_equal(object_key(object), "prod/pg");
        assert_string_equal(object->uid, "u-1");
        assert_string_equal(object->resource_version, "17");
        assert_int_equal(object->generation, 3);
        assert_string_equal(object->owner_kind, "StatePillar");
        assert_string_equal(object->owner_name, "main");
        assert_string_equal(object->owner_uid, "u-9");
        assert_string_equal(object->intent, "abc");
        assert_false(object->deleting);
        assert_int_equal(object->owned_fields, 0);
}

static void test_keeps_scalars_as_text_and_trees_as_json(void **state) {
        (void)state;
        CLEANUP(object_cleanup) Object *object = project(&STATEFUL_SET, FULL);
        assert_int_equal(object->value_count, 5);
        assert_string_equal(object_value(object, REPLICAS), "3");
        assert_int_equal(object_value_int(object, REPLICAS, -1), 3);
        assert_true(object_value_bool(object, PAUSED));
        assert_string_equal(object_value(object, TEMPLATE), "{\"a\":[1,\"x\"]}");
        assert_string_equal(object_value(object, PHASE), "Ready");
        assert_null(object->values[MISSING]);
        assert_string_equal(object_value(object, MISSING), "");
        assert_int_equal(object_value_int(object, PHASE, 42), 42);
}

static void test_cluster_scoped_object_has_its_name_as_key(void **state) {
        (void)state;
        CLEANUP(object_cleanup)
        Object *node = project(&NODE, "{\"metadata\":{\"name\":\"n1\",\"uid\":\"u\",\"resourceVersion\":\"1\","
                                      "\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"}}");
        assert_string_equal(object_key(node), "n1");
        assert_string_equal(node->namespace_, "");
        assert_null(node->owner_uid);
        assert_null(node->intent);
        assert_true(node->deleting);
}

static void test_refuses_what_is_not_of_the_kind(void **state) {
        (void)state;
        refuse(&NODE, "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\"}", "expected kind Node, got Table");
        refuse(&NODE, "{\"kind\":\"Node\",\"apiVersion\":\"v2\"}", "expected Node of v1, got apiVersion v2");
        refuse(&STATEFUL_SET, "{\"kind\":\"StatefulSet\",\"apiVersion\":\"apps/v1beta1\"}",
                "expected StatefulSet of apps/v1, got apiVersion apps/v1beta1");
        refuse(&NODE, "{\"metadata\":{\"name\":\"n\",\"uid\":\"u\"}}", "Node \"n\" has no resourceVersion");
        refuse(&NODE, "[]", "Node \"\" has no name");
}

#define MANAGED(manager, operation, more, fields)                                                                      \
        "{\"metadata\":{\"name\":\"n\",\"uid\":\"u\",\"resourceVersion\":\"1\",\"managedFields\":[{\"manager\":\""     \
        "kubectl\",\"operation\":\"Apply\",\"fieldsV1\":{\"f:x\":{}}},{\"manager\":\"" manager                         \
        "\",\"operation\":\"" operation "\"," more "\"time\":\"2026-01-01T00:00:00Z\",\"fieldsV1\":" fields "}]}}"

static uint64_t owned(const char *text) {
        CLEANUP(object_cleanup) Object *object = project(&NODE, text);
        return object->owned_fields;
}

static void test_hashes_only_what_our_manager_applied_to_the_main_resource(void **state) {
        (void)state;
        uint64_t ours = owned(MANAGED(OBJECT_FIELD_MANAGER, "Apply", "", "{\"f:spec\":{}}"));
        assert_int_not_equal(ours, 0);
        assert_int_equal(ours, owned(MANAGED(OBJECT_FIELD_MANAGER, "Apply", "\"time2\":1,", "{\"f:spec\":{}}")));
        assert_int_not_equal(ours, owned(MANAGED(OBJECT_FIELD_MANAGER, "Apply", "", "{\"f:spec\":{\"f:a\":{}}}")));
        assert_int_equal(owned(MANAGED("other", "Apply", "", "{\"f:spec\":{}}")), 0);
        assert_int_equal(owned(MANAGED(OBJECT_FIELD_MANAGER, "Update", "", "{\"f:spec\":{}}")), 0);
        assert_int_equal(owned(MANAGED(OBJECT_FIELD_MANAGER, "Apply", "\"subresource\":\"status\",", "{}")), 0);
}

#define SMALL(uid, version, phase)                                                                                     \
        "{\"metadata\":{\"name\":\"n\",\"namespace\":\"x\",\"uid\":\"" uid "\",\"resourceVersion\":\"" version "\"},"  \
        "\"status\":{\"phase\":" phase "}}"

static bool same(const char *a, const char *b) {
        CLEANUP(object_cleanup) Object *first = project(&STATEFUL_SET, a);
        CLEANUP(object_cleanup) Object *second = project(&STATEFUL_SET, b);
        return object_same(first, second);
}

static void test_only_the_version_may_differ_in_same_objects(void **state) {
        (void)state;
        assert_true(same(SMALL("u", "1", "\"A\""), SMALL("u", "2", "\"A\"")));
        assert_false(same(SMALL("u", "1", "\"A\""), SMALL("u", "1", "\"B\"")));
        assert_false(same(SMALL("u", "1", "\"A\""), SMALL("v", "1", "\"A\"")));
        assert_false(same(SMALL("u", "1", "\"\""), SMALL("u", "1", "null")));
        assert_false(same(FULL, SMALL("u-1", "17", "\"Ready\"")));
}

static void test_references_keep_an_object(void **state) {
        (void)state;
        Object *object = project(&STATEFUL_SET, FULL);
        Object *second = object_ref(object);
        object_unref(object);
        assert_string_equal(second->name, "pg");
        object_unref(second);
        object_unref(NULL);
        assert_null(object_ref(NULL));
}

static void test_versions_compare_as_numbers_of_any_length(void **state) {
        (void)state;
        assert_int_equal(version_compare("9", "10"), VERSION_OLDER);
        assert_int_equal(version_compare("10", "9"), VERSION_NEWER);
        assert_int_equal(version_compare("123", "123"), VERSION_SAME);
        assert_int_equal(
                version_compare("340282366920938463463374607431768211455", "99999999999999999999"), VERSION_NEWER);
        assert_int_equal(version_compare("18446744073709551616", "18446744073709551615"), VERSION_NEWER);
}

static void test_versions_that_are_no_numbers_have_no_order(void **state) {
        (void)state;
        assert_int_equal(version_compare("abc", "9"), VERSION_UNKNOWN);
        assert_int_equal(version_compare("abc", "abc"), VERSION_SAME);
        assert_int_equal(version_compare("09", "9"), VERSION_UNKNOWN);
        assert_int_equal(version_compare("", "9"), VERSION_UNKNOWN);
        assert_int_equal(version_compare("9", NULL), VERSION_UNKNOWN);
        assert_int_equal(version_compare("0", "5"), VERSION_OLDER);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_keeps_identity_owner_and_intent),
                cmocka_unit_test(test_keeps_scalars_as_text_and_trees_as_json),
                cmocka_unit_test(test_cluster_scoped_object_has_its_name_as_key),
                cmocka_unit_test(test_refuses_what_is_not_of_the_kind),
                cmocka_unit_test(test_hashes_only_what_our_manager_applied_to_the_main_resource),
                cmocka_unit_test(test_only_the_version_may_differ_in_same_objects),
                cmocka_unit_test(test_references_keep_an_object),
                cmocka_unit_test(test_versions_compare_as_numbers_of_any_length),
                cmocka_unit_test(test_versions_that_are_no_numbers_have_no_order),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
