/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the pillars' programs: defaults, and sentences for what cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/json.h"
#include "lib/program/program.h"

/* The environment of the test under way: name and value, ended by NULL. */
static const char *const *environment;

static const char *get(const char *name) {
        for (size_t i = 0; environment[i]; i += 2)
                if (!strcmp(environment[i], name))
                        return environment[i + 1];
        return NULL;
}

static void expect_refusal(const char *const *values, const char *start) {
        CLEANUP(arena_done) Arena arena = { 0 };
        ProgramSettings settings = { 0 };
        Error err = { 0 };

        environment = values;
        assert_false(program_settings_parse(get, &arena, &settings, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        if (strncmp(err.text, start, strlen(start)) != 0)
                fail_msg("said \"%s\"", err.text);
}

static void test_has_defaults_for_everything(void **state) {
        static const char *const nothing[] = { NULL };
        CLEANUP(arena_done) Arena arena = { 0 };
        ProgramSettings settings = { 0 };

        (void)state;
        environment = nothing;
        assert_true(program_settings_parse(get, &arena, &settings, NULL));
        assert_int_equal(settings.port, 8080);
        assert_int_equal(settings.metrics_port, 9090);
        assert_int_equal(settings.drain_ms, 5000);
        assert_null(settings.database_url);
        assert_null(settings.redis_url);
}

static void test_says_what_is_wrong_and_what_is_allowed(void **state) {
        (void)state;
        expect_refusal(
                (const char *const[]){ "PORT", "http", NULL }, "PORT is \"http\"; it must be a number from 0 to 65535");
        expect_refusal(
                (const char *const[]){ "PORT", "9090", NULL }, "PORT and METRICS_PORT are both 9090; they must differ");
        expect_refusal((const char *const[]){ "LOG_LEVEL", "loud", NULL },
                "LOG_LEVEL is \"loud\"; it must be debug, info, warn or error");
        expect_refusal((const char *const[]){ "REDIS_URL", "http://x", NULL }, "REDIS_URL: ");
        expect_refusal((const char *const[]){ "DATABASE_URL", "postgres://[", NULL }, "DATABASE_URL: ");
}

static void test_never_shows_a_password(void **state) {
        static const char *const values[] = { "REDIS_URL", "redis://:s3cret@host:notaport/0", NULL };
        CLEANUP(arena_done) Arena arena = { 0 };
        ProgramSettings settings = { 0 };
        Error err = { 0 };

        (void)state;
        environment = values;
        assert_false(program_settings_parse(get, &arena, &settings, &err));
        assert_null(strstr(err.text, "s3cret"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_has_defaults_for_everything),
                cmocka_unit_test(test_says_what_is_wrong_and_what_is_allowed),
                cmocka_unit_test(test_never_shows_a_password),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
