/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/footprint.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int written_before_main = 7;
static const char *const relocated[] = { "one", "two" };

static long resident_file_kib(void) {
        FILE *file = fopen("/proc/self/status", "re");
        char line[256];
        long kib = -1;

        assert_non_null(file);
        while (fgets(line, sizeof(line), file))
                (void)sscanf(line, "RssFile: %ld kB", &kib);
        (void)fclose(file);
        return kib;
}

static void test_code_goes_and_comes_back_and_data_stay(void **state) {
        long before = resident_file_kib();

        (void)state;
        written_before_main = 8;
        footprint_release_code();
        assert_in_range(resident_file_kib(), 1, before - 1);
        assert_int_equal(written_before_main, 8);
        assert_string_equal(relocated[1], "two");
}

static void test_gnutls_finds_that_it_need_not_start(void **state) {
        int (*asked)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "_gnutls_global_init_skip");

        (void)state;
        assert_non_null(asked);
        assert_int_equal(asked(), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_code_goes_and_comes_back_and_data_stay),
                cmocka_unit_test(test_gnutls_finds_that_it_need_not_start),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
