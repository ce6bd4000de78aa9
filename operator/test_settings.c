/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of flags and environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "operator/settings.h"

/* What the environment says in a test: pairs of name and value. */
static const char *const *environment;

static const char *get(const char *name) {
        for (const char *const *pair = environment; pair && *pair; pair += 2)
                if (strcmp(*pair, name) == 0)
                        return pair[1];
        return NULL;
}

static bool parse(Arena *arena, const char *const *args, const char *const *pairs, Settings *settings, Error *err) {
        char *argv[16] = { arena_string(arena, "madbase-operator") };
        int argc = 1;

        for (; args && *args; args++)
                argv[argc++] = arena_string(arena, *args);
        environment = pairs;
        return settings_parse(argc, argv, get, arena, settings, err);
}

static void assert_refused(const char *const *args, const char *const *pairs, const char *part) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Settings settings = { 0 };
        Error err = { 0 };

        assert_false(parse(&arena, args, pairs, &settings, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        assert_non_null(strstr(err.text, part));
}

static void test_without_words_the_defaults_count(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Settings settings = { 0 };
        Error err = { 0 };

        (void)state;
        assert_true(parse(&arena, NULL, (const char *const[]){ "HOME", "/home/x", NULL }, &settings, &err));
        assert_string_equal(settings.kubeconfig, "/home/x/.kube/config");
        assert_string_equal(settings.manager.settings.namespace_, "default");
        assert_string_equal(settings.manager.settings.cluster_domain, "cluster.local");
        assert_string_equal(settings.manager.settings.image_redis, "docker.io/madbase/redis:" MADBASE_VERSION);
        assert_null(settings.manager.settings.namespaces);
        assert_true(settings.manager.leader_election);
        assert_int_equal(settings.manager.lease_ms, 0);
        assert_int_equal(settings.log_level, LOG_INFO);
}

static void test_in_a_pod_the_service_account_counts(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Settings settings = { 0 };
        Error err = { 0 };

        (void)state;
        assert_true(parse(&arena, NULL,
                (const char *const[]){ "KUBERNETES_SERVICE_HOST", "10.96.0.1", "KUBECONFIG", "/x", "POD_NAME", "op-1",
                        "POD_NAMESPACE", "system", "MADBASE_NAMESPACES", "a,b", "MADBASE_IMAGE_REDIS", "r:1",
                        "MADBASE_LOG_LEVEL", "warn", NULL },
                &settings, &err));
        assert_null(settings.kubeconfig);
        assert_string_equal(settings.service_host, "10.96.0.1");
        assert_string_equal(settings.service_port, "443");
        assert_string_equal(settings.manager.settings.namespace_, "system");
        assert_string_equal(settings.manager.settings.namespaces[0], "a");
        assert_string_equal(settings.manager.settings.namespaces[1], "b");
        assert_null(settings.manager.settings.namespaces[2]);
        assert_string_equal(settings.manager.settings.image_redis, "r:1");
        assert_int_equal(strncmp(settings.manager.identity, "op-1_", 5), 0);
        assert_int_equal(settings.log_level, LOG_WARN);
}

static void test_flags_win_over_the_environment(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Settings settings = { 0 };
        Error err = { 0 };

        (void)state;
        assert_true(parse(&arena,
                (const char *const[]){ "--kubeconfig=/f", "--context", "c", "--namespaces", "n", "--namespace=own",
                        "--no-leader-election", "--lease-seconds=3", "--workers", "4", "--health-port=0",
                        "--no-watch-list", "--log-level=debug", NULL },
                (const char *const[]){ "KUBERNETES_SERVICE_HOST", "10.96.0.1", "MADBASE_NAMESPACES", "a,b", NULL },
                &settings, &err));
        assert_string_equal(settings.kubeconfig, "/f");
        assert_string_equal(settings.context, "c");
        assert_string_equal(settings.manager.settings.namespaces[0], "n");
        assert_null(settings.manager.settings.namespaces[1]);
        assert_string_equal(settings.manager.settings.namespace_, "own");
        assert_false(settings.manager.leader_election);
        assert_int_equal(settings.manager.lease_ms, 3000);
        assert_int_equal(settings.manager.renew_deadline_ms, 2000);
        assert_int_equal(settings.manager.retry_ms, 400);
        assert_int_equal(settings.manager.workers, 4);
        assert_int_equal(settings.manager.health_port, -1);
        assert_true(settings.manager.no_watch_list);
        assert_int_equal(settings.log_level, LOG_DEBUG);
}

static void test_wrong_words_are_refused_with_a_sentence(void **state) {
        (void)state;
        assert_refused((const char *const[]){ "--nonsense", NULL }, NULL, "--nonsense is no flag");
        assert_refused((const char *const[]){ "extra", NULL }, NULL, "extra is no flag");
        assert_refused((const char *const[]){ "--workers", NULL }, NULL, "its value is missing");
        assert_refused((const char *const[]){ "--workers=0", NULL }, NULL, "from 1 to 32");
        assert_refused((const char *const[]){ "--health-port=70000", NULL }, NULL, "from 0 to 65535");
        assert_refused((const char *const[]){ "--log-level=loud", NULL }, NULL, "not \"loud\"");
        assert_refused(NULL, (const char *const[]){ "MADBASE_CRASH_AFTER_WRITES", "x", NULL }, "not \"x\"");
}

static void test_help_and_version_are_seen(void **state) {
        CLEANUP(arena_done) Arena arena = { 0 };
        Settings settings = { 0 };
        Error err = { 0 };

        (void)state;
        assert_true(parse(&arena, (const char *const[]){ "--help", "--version", NULL }, NULL, &settings, &err));
        assert_true(settings.help);
        assert_true(settings.version);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_without_words_the_defaults_count),
                cmocka_unit_test(test_in_a_pod_the_service_account_counts),
                cmocka_unit_test(test_flags_win_over_the_environment),
                cmocka_unit_test(test_wrong_words_are_refused_with_a_sentence),
                cmocka_unit_test(test_help_and_version_are_seen),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
