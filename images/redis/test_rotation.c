/* SPDX-License-Identifier: Apache-2.0 */
/* The three steps of a password change. */
#include "rotation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_a_new_password_is_used_late_and_the_old_one_forgotten_later(void **state) {
        (void)state;
        Rotation rotation = { 0 };
        assert_false(rotation_offer(&rotation, "one", 1000));
        assert_string_equal(rotation_outgoing(&rotation, 1000), "one");
        assert_false(rotation_offer(&rotation, "one", 2000));
        assert_true(rotation_offer(&rotation, "two", 3000));
        assert_string_equal(rotation.current, "two");
        assert_string_equal(rotation_outgoing(&rotation, 3000 + ROTATION_USE_MS - 1), "one");
        assert_string_equal(rotation_outgoing(&rotation, 3000 + ROTATION_USE_MS), "two");
        assert_false(rotation_forget(&rotation, 3000 + ROTATION_FORGET_MS - 1));
        assert_true(rotation_forget(&rotation, 3000 + ROTATION_FORGET_MS));
        assert_string_equal(rotation.old, "");
        assert_false(rotation_forget(&rotation, 3000 + 2 * ROTATION_FORGET_MS));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_new_password_is_used_late_and_the_old_one_forgotten_later),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
