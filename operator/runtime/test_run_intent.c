/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the intent's hash and of the cover check against managedFields as a real API server writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "operator/runtime/run.h"

static Json *parse(const char *text) {
        Json *json = NULL;
        Error err = { 0 };

        if (!json_parse(text, strlen(text), &json, &err))
                fail_msg("%s: %s", err.text, text);
        return json;
}

static void hash(const char *text, char ret_hash[17]) {
        CLEANUP(json_cleanup) Json *json = parse(text);

        run_intent_hash(json, ret_hash);
        assert_int_equal(strlen(ret_hash), 16);
}

static void assert_same_hash(const char *a, const char *b, bool same) {
        char left[17], right[17];

        hash(a, left);
        hash(b, right);
        if (same)
                assert_string_equal(left, right);
        else
                assert_string_not_equal(left, right);
}

static void test_the_order_of_keys_does_not_change_the_hash(void **state) {
        (void)state;
        assert_same_hash(
                "{\"a\":1,\"b\":{\"c\":[1,2],\"d\":\"x\"}}", "{\"b\":{\"d\":\"x\",\"c\":[1,2]},\"a\":1}", true);
}

static void test_any_change_changes_the_hash(void **state) {
        static const char *const others[] = { "{}", "{\"a\":1,\"b\":[1,2]}", "{\"a\":\"1\",\"b\":[1,2,3]}",
                "{\"a\":1,\"b\":[1,3,2]}", "{\"a\":1,\"b\":[1,2,3],\"c\":null}", "{\"a\":1,\"c\":[1,2,3]}",
                "{\"a\":1.5,\"b\":[1,2,3]}", "{\"a\":true,\"b\":[1,2,3]}", "{\"a\":1,\"b\":{}}", "{\"a\":1,\"b\":[]}",
                "{\"a\":[1,2,3],\"b\":1}" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(others); i++)
                assert_same_hash("{\"a\":1,\"b\":[1,2,3]}", others[i], false);
}

/* Whether `intent` is covered by an apply entry of ours with these fields. */
static bool covered(const char *intent_text, const char *fields) {
        CLEANUP(text_done) Text text = { 0 };
        CLEANUP(json_cleanup) Json *intent = parse(intent_text);
        CLEANUP(json_cleanup) Json *live = NULL;

        text_printf(&text,
                "{\"metadata\":{\"name\":\"x\",\"managedFields\":["
                "{\"manager\":\"kubectl\",\"operation\":\"Update\",\"fieldsV1\":{\"f:spec\":{}}},"
                "{\"manager\":\"us\",\"operation\":\"Apply\",\"subresource\":\"status\",\"fieldsV1\":{\"f:spec\":{}}},"
                "{\"manager\":\"us\",\"operation\":\"Apply\",\"apiVersion\":\"v1\",\"fieldsV1\":%s}]}}",
                fields);
        live = parse(text_string(&text));
        return run_owns_all(intent, live, "us");
}

static void test_names_and_versions_need_no_owner(void **state) {
        (void)state;
        assert_true(covered(
                "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"x\",\"namespace\":\"n\"}}",
                "{}"));
}

static void test_every_leaf_must_be_owned(void **state) {
        const char *intent =
                "{\"metadata\":{\"name\":\"x\",\"labels\":{\"a\":\"1\",\"b\":\"2\"}},\"data\":{\"k\":\"v\"}}";

        (void)state;
        assert_true(covered(intent, "{\"f:data\":{\"f:k\":{}},\"f:metadata\":{\"f:labels\":{\"f:a\":{},\"f:b\":{}}}}"));
        assert_false(covered(intent, "{\"f:data\":{\"f:k\":{}},\"f:metadata\":{\"f:labels\":{\"f:a\":{}}}}"));
        assert_false(covered(intent, "{\"f:metadata\":{\"f:labels\":{\"f:a\":{},\"f:b\":{}}}}"));
        assert_false(
                covered(intent, "{\"f:data\":{\"f:other\":{}},\"f:metadata\":{\"f:labels\":{\"f:a\":{},\"f:b\":{}}}}"));
        assert_true(covered(intent, "{\"f:data\":{\".\":{},\"f:k\":{},\"f:more\":{}},"
                                    "\"f:metadata\":{\"f:labels\":{\".\":{},\"f:a\":{},\"f:b\":{}}}}"));
}

static void test_a_leaf_owns_what_is_below_it(void **state) {
        (void)state;
        assert_true(covered("{\"spec\":{\"selector\":{\"app\":\"x\"},\"args\":[\"a\",\"b\"]}}",
                "{\"f:spec\":{\"f:selector\":{},\"f:args\":{}}}"));
}

static void test_items_of_keyed_lists_are_found_by_their_keys(void **state) {
        const char *intent = "{\"spec\":{\"ports\":[{\"port\":80,\"name\":\"http\"},{\"port\":53,\"protocol\":\"UDP\"},"
                             "{\"port\":53,\"protocol\":\"TCP\"}]}}";
        const char *fields =
                "{\"f:spec\":{\"f:ports\":{"
                "\"k:{\\\"port\\\":53,\\\"protocol\\\":\\\"TCP\\\"}\":{\".\":{},\"f:port\":{},\"f:protocol\":{}},"
                "\"k:{\\\"port\\\":53,\\\"protocol\\\":\\\"UDP\\\"}\":{\".\":{},\"f:port\":{},\"f:protocol\":{}},"
                "\"k:{\\\"port\\\":80,\\\"protocol\\\":\\\"TCP\\\"}\":{\".\":{},\"f:name\":{},\"f:port\":{}}}}}";
        const char *taken =
                "{\"f:spec\":{\"f:ports\":{"
                "\"k:{\\\"port\\\":53,\\\"protocol\\\":\\\"TCP\\\"}\":{\".\":{},\"f:port\":{},\"f:protocol\":{}},"
                "\"k:{\\\"port\\\":53,\\\"protocol\\\":\\\"UDP\\\"}\":{\".\":{},\"f:port\":{},\"f:protocol\":{}},"
                "\"k:{\\\"port\\\":80,\\\"protocol\\\":\\\"TCP\\\"}\":{\".\":{},\"f:port\":{}}}}}";

        (void)state;
        assert_true(covered(intent, fields));
        assert_false(covered(intent, taken));
        assert_false(covered("{\"spec\":{\"ports\":[{\"port\":81}]}}", fields));
}

static void test_sets_are_compared_by_value(void **state) {
        const char *fields = "{\"f:metadata\":{\"f:finalizers\":{\".\":{},\"v:\\\"a/b\\\"\":{},\"v:\\\"c/d\\\"\":{}}}}";

        (void)state;
        assert_true(covered("{\"metadata\":{\"name\":\"x\",\"finalizers\":[\"c/d\",\"a/b\"]}}", fields));
        assert_false(covered("{\"metadata\":{\"name\":\"x\",\"finalizers\":[\"e/f\"]}}", fields));
}

static void test_empty_maps_are_leaves_and_empty_lists_are_nothing(void **state) {
        (void)state;
        assert_true(covered("{\"spec\":{\"emptyDir\":{}}}", "{\"f:spec\":{\"f:emptyDir\":{}}}"));
        assert_false(covered("{\"spec\":{\"emptyDir\":{}}}", "{\"f:spec\":{\"f:other\":{}}}"));
        assert_true(covered("{\"spec\":{\"tolerations\":[],\"x\":1}}", "{\"f:spec\":{\"f:x\":{}}}"));
}

static void test_owner_references_are_leaves_by_uid(void **state) {
        (void)state;
        assert_true(covered(
                "{\"metadata\":{\"name\":\"x\",\"ownerReferences\":[{\"uid\":\"u1\",\"name\":\"o\",\"kind\":\"K\"}]}}",
                "{\"f:metadata\":{\"f:ownerReferences\":{\"k:{\\\"uid\\\":\\\"u1\\\"}\":{}}}}"));
        assert_false(covered(
                "{\"metadata\":{\"name\":\"x\",\"ownerReferences\":[{\"uid\":\"u1\",\"name\":\"o\",\"kind\":\"K\"}]}}",
                "{\"f:metadata\":{\"f:ownerReferences\":{\"k:{\\\"uid\\\":\\\"u2\\\"}\":{}}}}"));
}

static void test_without_an_entry_nothing_is_owned(void **state) {
        CLEANUP(json_cleanup) Json *intent = parse("{\"spec\":{\"a\":1}}");
        CLEANUP(json_cleanup) Json *bare = parse("{\"metadata\":{\"name\":\"x\"}}");
        CLEANUP(json_cleanup)
        Json *update = parse("{\"metadata\":{\"managedFields\":[{\"manager\":\"us\","
                             "\"operation\":\"Update\",\"fieldsV1\":{\"f:spec\":{}}}]}}");

        (void)state;
        assert_false(run_owns_all(intent, bare, "us"));
        assert_false(run_owns_all(intent, update, "us"));
        assert_false(run_owns_all(intent, NULL, "us"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_order_of_keys_does_not_change_the_hash),
                cmocka_unit_test(test_any_change_changes_the_hash),
                cmocka_unit_test(test_names_and_versions_need_no_owner),
                cmocka_unit_test(test_every_leaf_must_be_owned),
                cmocka_unit_test(test_a_leaf_owns_what_is_below_it),
                cmocka_unit_test(test_items_of_keyed_lists_are_found_by_their_keys),
                cmocka_unit_test(test_sets_are_compared_by_value),
                cmocka_unit_test(test_empty_maps_are_leaves_and_empty_lists_are_nothing),
                cmocka_unit_test(test_owner_references_are_leaves_by_uid),
                cmocka_unit_test(test_without_an_entry_nothing_is_owned),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
