/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the memory of what was applied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "operator/runtime/applied.h"

static void test_what_was_never_told_is_not_known(void **state) {
        Applied *applied = applied_new();
        uint64_t hash = 7;

        (void)state;
        assert_false(applied_recall(applied, "u", APPLIED_FIELDS, &hash));
        assert_int_equal(hash, 7);
        applied_forget(applied, "u");
        applied_free(applied);
        applied_free(NULL);
}

static void test_parts_are_remembered_apart(void **state) {
        Applied *applied = applied_new();
        uint64_t hash = 0;

        (void)state;
        applied_remember(applied, "u", APPLIED_FIELDS, 1);
        assert_false(applied_recall(applied, "u", APPLIED_STATUS, &hash));
        applied_remember(applied, "u", APPLIED_STATUS, 2);
        applied_remember(applied, "u", APPLIED_FIELDS, 3);
        assert_true(applied_recall(applied, "u", APPLIED_FIELDS, &hash));
        assert_int_equal(hash, 3);
        assert_true(applied_recall(applied, "u", APPLIED_STATUS, &hash));
        assert_int_equal(hash, 2);
        assert_int_equal(applied_size(applied), 2);
        applied_forget(applied, "u");
        assert_int_equal(applied_size(applied), 0);
        applied_free(applied);
}

static void test_forgetting_some_keeps_the_others(void **state) {
        enum { COUNT = 3000 };
        Applied *applied = applied_new();
        char uid[48];
        uint64_t hash = 0;

        (void)state;
        for (unsigned i = 0; i < COUNT; i++) {
                (void)snprintf(uid, sizeof(uid), "uid-%u", i);
                applied_remember(applied, uid, APPLIED_FIELDS, i);
        }
        for (unsigned i = 0; i < COUNT; i++) {
                (void)snprintf(uid, sizeof(uid), "uid-%u", i);
                if (i % 5 != 0)
                        applied_forget(applied, uid);
        }
        assert_int_equal(applied_size(applied), COUNT / 5);
        for (unsigned i = 0; i < COUNT; i++) {
                (void)snprintf(uid, sizeof(uid), "uid-%u", i);
                assert_int_equal(applied_recall(applied, uid, APPLIED_FIELDS, &hash), i % 5 == 0);
                if (i % 5 == 0)
                        assert_int_equal(hash, i);
        }
        applied_free(applied);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_was_never_told_is_not_known),
                cmocka_unit_test(test_parts_are_remembered_apart),
                cmocka_unit_test(test_forgetting_some_keeps_the_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
