/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of reading Secrets by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "operator/runtime/fake/fake_runtime.h"

#define SECRET "/api/v1/namespaces/x/secrets/keys"

static const Kind kind_thing = { "test.io", "v1", "Thing", "things", false, NULL };
static const Controller controller = { .name = "thing", .kind = &kind_thing };
static const Controller *const controllers[] = { &controller, NULL };

static int start(void **state) {
        static FakeRuntime fake;

        fake_runtime_start(&fake, controllers);
        *state = &fake;
        return 0;
}

static int end(void **state) {
        fake_runtime_stop(*state);
        return 0;
}

static const Json *get(FakeRuntime *fake, Arena *arena) {
        const Json *secret = NULL;
        Error err = { 0 };

        if (!secrets_get(fake->runtime.secrets, "x", "keys", arena, &secret, &err))
                fail_msg("%s", err.text);
        return secret;
}

static void make(FakeRuntime *fake) {
        fake_api_make(fake->api, SECRET,
                "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"keys\",\"namespace\":\"x\","
                "\"labels\":{\"a\":\"b\"}},\"data\":{\"text\":\"aGVsbG8=\",\"empty\":\"\",\"binary\":\"AAE=\"}}");
}

static void test_values_are_decoded(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        const Json *secret;

        make(*state);
        secret = get(*state, &arena);
        assert_string_equal(json_find_string(secret, "/data/text", ""), "hello");
        assert_string_equal(json_find_string(secret, "/data/empty", "nothing"), "");
        assert_null(json_find(secret, "/data/binary"));
        assert_string_equal(json_find_string(secret, "/metadata/labels/a", ""), "b");
        assert_non_null(json_find_string(secret, "/metadata/uid", NULL));
        assert_non_null(json_find_string(secret, "/metadata/resourceVersion", NULL));
}

static void test_an_answer_serves_for_a_while(void **state) {
        FakeRuntime *fake = *state;
        CLEANUP(arena_done) Arena arena = { 0 };

        make(fake);
        (void)get(fake, &arena);
        (void)get(fake, &arena);
        assert_int_equal(fake_api_requests(fake->api), 1);
        secrets_forget(fake->runtime.secrets, "x", "keys");
        secrets_forget(fake->runtime.secrets, "x", "never asked");
        (void)get(fake, &arena);
        assert_int_equal(fake_api_requests(fake->api), 2);
}

static void test_that_there_is_none_is_an_answer_too(void **state) {
        FakeRuntime *fake = *state;
        CLEANUP(arena_done) Arena arena = { 0 };

        assert_null(get(fake, &arena));
        assert_null(get(fake, &arena));
        assert_int_equal(fake_api_requests(fake->api), 1);
        make(fake);
        secrets_forget(fake->runtime.secrets, "x", "keys");
        assert_non_null(get(fake, &arena));
}

static void test_a_refusal_is_an_error_and_not_remembered(void **state) {
        FakeRuntime *fake = *state;
        CLEANUP(arena_done) Arena arena = { 0 };
        const FakeFault fault = {
                .method = "GET", .part = "secrets", .status = 403, .reason = "Forbidden", .message = "no", .count = 1
        };
        const Json *secret = NULL;
        Error err = { 0 };

        make(fake);
        fake_api_fault(fake->api, &fault);
        assert_false(secrets_get(fake->runtime.secrets, "x", "keys", &arena, &secret, &err));
        assert_int_equal(err.code, ERROR_FORBIDDEN);
        assert_non_null(get(fake, &arena));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_values_are_decoded, start, end),
                cmocka_unit_test_setup_teardown(test_an_answer_serves_for_a_while, start, end),
                cmocka_unit_test_setup_teardown(test_that_there_is_none_is_an_answer_too, start, end),
                cmocka_unit_test_setup_teardown(test_a_refusal_is_an_error_and_not_remembered, start, end),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
