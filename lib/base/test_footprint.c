/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/footprint.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int written_before_main = 7;
static const char *const relocated[] = { "one", "two" };

static long resident_kib(const char *kind) {
        FILE *file = fopen("/proc/self/status", "re");
        char line[256];
        long kib = -1;

        assert_non_null(file);
        while (fgets(line, sizeof(line), file))
                if (strncmp(line, kind, strlen(kind)) == 0)
                        (void)sscanf(line + strlen(kind), ": %ld kB", &kib);
        (void)fclose(file);
        return kib;
}

static void test_code_goes_and_comes_back_and_data_stay(void **state) {
        long before = resident_kib("RssFile");

        (void)state;
        written_before_main = 8;
        footprint_release_code();
        assert_in_range(resident_kib("RssFile"), 1, before - 1);
        assert_int_equal(written_before_main, 8);
        assert_string_equal(relocated[1], "two");
}

enum { DEEP_BYTES = 4 * 1024 * 1024, DEEP_KIB = DEEP_BYTES / 1024, STACK_BYTES = 2 * DEEP_BYTES };

static __attribute__((noinline)) void go_deep(void) {
        volatile char deep[DEEP_BYTES];

        for (size_t i = 0; i < sizeof(deep); i += 1024)
                deep[i] = 1;
}

static void *rest_after_deep_calls(void *context) {
        volatile int kept = 42;
        long before, after;

        go_deep();
        before = resident_kib("RssAnon");
        footprint_release_stack();
        after = resident_kib("RssAnon");
        *(bool *)context = kept == 42 && after <= before - DEEP_KIB + DEEP_KIB / 4;
        go_deep();
        return NULL;
}

static void test_stack_that_no_call_uses_goes_and_comes_back(void **state) {
        pthread_attr_t attributes;
        bool released = false;
        pthread_t thread;

        (void)state;
        assert_int_equal(pthread_attr_init(&attributes), 0);
        assert_int_equal(pthread_attr_setstacksize(&attributes, STACK_BYTES), 0);
        assert_int_equal(pthread_create(&thread, &attributes, rest_after_deep_calls, &released), 0);
        assert_int_equal(pthread_attr_destroy(&attributes), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_true(released);
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
                cmocka_unit_test(test_stack_that_no_call_uses_goes_and_comes_back),
                cmocka_unit_test(test_gnutls_finds_that_it_need_not_start),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
