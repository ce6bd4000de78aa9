/* SPDX-License-Identifier: Apache-2.0 */
/* TCP connections and name look-ups by a deadline. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/remote/dial.h"
#include "lib/remote/fixture.h"

static void test_a_name_is_connected_to_by_one_of_its_addresses(void **state) {
        CLEANUP(cleanup_close) int fd = -1;
        Error err = { 0 };
        Stub stub;

        (void)state;
        fixture_stub_start(&stub, NULL, 0, true);
        if (!dial_tcp("localhost", stub.port, clock_now_ms() + 5000, &fd, &err))
                fail_msg("%s", err.text);
        assert_true(fd >= 0);
        fixture_stub_stop(&stub);
}

/* Which of the two is first is up to the scheduler; both must come out, and nothing may be lost on either way. */
static void test_a_look_up_is_left_behind_at_the_deadline(void **state) {
        int left_behind = 0;

        (void)state;
        for (int i = 0; i < 200; i++) {
                struct addrinfo *addresses = NULL;
                Error err = { 0 };

                if (dial_resolve("localhost", 80, clock_now_ms() - 1, &addresses, &err)) {
                        freeaddrinfo(addresses);
                        continue;
                }
                assert_int_equal(err.code, ERROR_TIMEOUT);
                assert_null(addresses);
                left_behind++;
        }
        assert_true(left_behind > 0);
}

static void test_an_unknown_name_says_so(void **state) {
        int fd = -1;
        Error err = { 0 };

        (void)state;
        assert_false(dial_tcp("no-such-host.invalid", 80, clock_now_ms() + 20000, &fd, &err));
        assert_int_equal(err.code, ERROR_UNAVAILABLE);
        assert_non_null(strstr(err.text, "no-such-host.invalid"));
}

static void test_what_is_no_address_is_invalid(void **state) {
        int fd = -1;
        Error err = { 0 };

        (void)state;
        assert_false(dial_tcp("", 80, clock_now_ms() + 1000, &fd, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        assert_false(dial_tcp("127.0.0.1", 0, clock_now_ms() + 1000, &fd, &err));
        assert_int_equal(err.code, ERROR_INVALID);
}

static void test_waiting_ends_at_the_deadline(void **state) {
        CLEANUP(cleanup_close) int reading = -1;
        CLEANUP(cleanup_close) int writing = -1;
        int ends[2];
        int64_t started = clock_now_ms();
        Error err = { 0 };

        (void)state;
        assert_int_equal(pipe(ends), 0);
        reading = ends[0];
        writing = ends[1];
        assert_false(dial_wait(reading, POLLIN, started + 50, &err));
        assert_int_equal(err.code, ERROR_TIMEOUT);
        assert_in_range(clock_now_ms() - started, 50, 1000);
        assert_true(dial_wait(writing, POLLOUT, clock_now_ms() + 1000, &err));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_name_is_connected_to_by_one_of_its_addresses),
                cmocka_unit_test(test_a_look_up_is_left_behind_at_the_deadline),
                cmocka_unit_test(test_an_unknown_name_says_so),
                cmocka_unit_test(test_what_is_no_address_is_invalid),
                cmocka_unit_test(test_waiting_ends_at_the_deadline),
        };

        return cmocka_run_group_tests_name("dial", tests, NULL, NULL);
}
