/* SPDX-License-Identifier: Apache-2.0 */
/* Rotation by the clock, by 401 and by expiry; plugins that answer well, badly and not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/kube/credentials_internal.h"

typedef struct Folder {
        char path[64];
        Arena arena;
        Credentials *credentials;
} Folder;

static const char *const NAMES[] = { "token", "ca", "cert", "key", "plugin", "answer", "runs" };

static int setup(void **state) {
        static Folder folder;
        folder = (Folder){ .path = "/tmp/madbase-credentials-XXXXXX" };
        *state = &folder;
        return mkdtemp(folder.path) ? 0 : -1;
}

static const char *path_of(Folder *folder, const char *name) {
        return arena_printf(&folder->arena, "%s/%s", folder->path, name);
}

static int teardown(void **state) {
        Folder *folder = *state;
        for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
                (void)unlink(path_of(folder, NAMES[i]));
        credentials_free(folder->credentials);
        arena_done(&folder->arena);
        return rmdir(folder->path);
}

static void put(Folder *folder, const char *name, const char *content) {
        CLEANUP(cleanup_file) FILE *file = fopen(path_of(folder, name), "w");
        assert_non_null(file);
        assert_true(fputs(content, file) >= 0);
}

static void expect(Folder *folder, int64_t now_ms, const char *authorization, const char *ca, uint64_t generation) {
        CLEANUP(credentials_view_done) CredentialsView view = { 0 };
        Error err = { 0 };
        if (!credentials_get_at(folder->credentials, now_ms, &view, &err))
                fail_msg("%s", err.text);
        assert_string_equal(view.authorization ? view.authorization : "", authorization);
        assert_string_equal(view.ca_pem ? view.ca_pem : "", ca);
        if (generation)
                assert_int_equal(view.generation, generation);
}

static void reject(Folder *folder, int64_t now_ms) {
        CLEANUP(credentials_view_done) CredentialsView view = { 0 };
        assert_true(credentials_get_at(folder->credentials, now_ms, &view, NULL));
        credentials_rejected_at(folder->credentials, now_ms, &view);
}

static void test_token_file_is_read_again_after_a_minute(void **state) {
        Folder *folder = *state;
        const KubeConfig config = { .token_file = path_of(folder, "token") };
        int64_t now = clock_now_ms();
        put(folder, "token", "first\n");
        assert_true(credentials_new(&config, &folder->credentials, NULL));
        put(folder, "token", "second");
        expect(folder, now, "Bearer first", "", 0);
        expect(folder, now + CREDENTIALS_TOKEN_MS + 1000, "Bearer second", "", 0);
}

static void test_bad_token_files_keep_the_old_token(void **state) {
        static const char *const bad[] = { "", "\n", "two words", "line\r\nInjected: header" };
        Folder *folder = *state;
        const KubeConfig config = { .token_file = path_of(folder, "token") };
        int64_t now = clock_now_ms();
        put(folder, "token", "good");
        assert_true(credentials_new(&config, &folder->credentials, NULL));
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                put(folder, "token", bad[i]);
                now += INT64_C(2) * CREDENTIALS_TOKEN_MS;
                expect(folder, now, "Bearer good", "", 0);
        }
        (void)unlink(path_of(folder, "token"));
        expect(folder, now + INT64_C(2) * CREDENTIALS_TOKEN_MS, "Bearer good", "", 0);
}

static void test_long_tokens_are_kept_whole(void **state) {
        Folder *folder = *state;
        const KubeConfig config = { .token_file = path_of(folder, "token") };
        char token[20001] = "";
        memset(token, 'x', sizeof token - 1);
        put(folder, "token", token);
        assert_true(credentials_new(&config, &folder->credentials, NULL));
        expect(folder, clock_now_ms(), arena_printf(&folder->arena, "Bearer %s", token), "", 0);
}

static void test_rejected_token_is_read_again_at_most_once_a_second(void **state) {
        Folder *folder = *state;
        const KubeConfig config = { .token_file = path_of(folder, "token") };
        int64_t now = clock_now_ms();
        put(folder, "token", "first");
        assert_true(credentials_new(&config, &folder->credentials, NULL));
        put(folder, "token", "second");
        reject(folder, now);
        expect(folder, now, "Bearer second", "", 0);
        put(folder, "token", "third");
        reject(folder, now + 500);
        expect(folder, now + 500, "Bearer second", "", 0);
        reject(folder, now + CREDENTIALS_REJECTED_MS);
        expect(folder, now + CREDENTIALS_REJECTED_MS, "Bearer third", "", 0);
}

static void test_rejection_of_an_older_token_is_ignored(void **state) {
        Folder *folder = *state;
        const KubeConfig config = { .token_file = path_of(folder, "token") };
        int64_t now = clock_now_ms();
        CLEANUP(credentials_view_done) CredentialsView old = { 0 };
        put(folder, "token", "first");
        assert_true(credentials_new(&config, &folder->credentials, NULL));
        assert_true(credentials_get_at(folder->credentials, now, &old, NULL));
        put(folder, "token", "second");
        reject(folder, now);
        expect(folder, now, "Bearer second", "", 0);
        put(folder, "token", "third");
        credentials_rejected_at(folder->credentials, now + 5000, &old);
        expect(folder, now + 5000, "Bearer second", "", 0);
}

static void test_certificates_are_looked_at_every_five_minutes(void **state) {
        Folder *folder = *state;
        const KubeConfig config = { .ca_file = path_of(folder, "ca"),
                .client_cert_file = path_of(folder, "cert"),
                .client_key_file = path_of(folder, "key") };
        int64_t now = clock_now_ms();
        put(folder, "ca", "-----BEGIN CA1");
        put(folder, "cert", "-----BEGIN C1");
        put(folder, "key", "-----BEGIN K1");
        assert_true(credentials_new(&config, &folder->credentials, NULL));
        expect(folder, now, "", "-----BEGIN CA1", 1);
        put(folder, "ca", "-----BEGIN CA2");
        expect(folder, now, "", "-----BEGIN CA1", 1);
        now += CREDENTIALS_FILES_MS + 1000;
        expect(folder, now, "", "-----BEGIN CA2", 2);
        put(folder, "ca", "being written");
        put(folder, "cert", "-----BEGIN C2");
        now += CREDENTIALS_FILES_MS + 1000;
        expect(folder, now, "", "-----BEGIN CA2", 3);
        now += CREDENTIALS_FILES_MS + 1000;
        expect(folder, now, "", "-----BEGIN CA2", 3);
}

static void test_named_files_must_be_there_at_start(void **state) {
        Folder *folder = *state;
        const KubeConfig no_token = { .token_file = path_of(folder, "token") };
        const KubeConfig no_ca = { .ca_file = path_of(folder, "ca") };
        Error err = { 0 };
        assert_false(credentials_new(&no_token, &folder->credentials, &err));
        assert_int_equal(err.code, ERROR_NOT_FOUND);
        put(folder, "ca", "not PEM");
        assert_false(credentials_new(&no_ca, &folder->credentials, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        assert_null(folder->credentials);
}

/* A plugin that counts its runs and prints the file `answer`. */
static KubeConfig with_plugin(Folder *folder, const char *script) {
        static const char *const args[] = { "one two", NULL };
        static const char *const env[] = { "EXTRA=ex tra", NULL };
        put(folder, "plugin",
                arena_printf(&folder->arena, "#!/bin/sh\ncd '%s'\necho run >>runs\n%s\n", folder->path, script));
        assert_int_equal(chmod(path_of(folder, "plugin"), 0700), 0);
        return (KubeConfig){ .server = "https://x",
                .exec = { .command = path_of(folder, "plugin"),
                        .args = args,
                        .env = env,
                        .api_version = "client.authentication.k8s.io/v1",
                        .provide_cluster_info = true } };
}

static void put_answer(Folder *folder, const char *token, int64_t expires_in_s) {
        char until[CLOCK_RFC3339_SIZE];
        clock_format(clock_wall_us() + expires_in_s * 1000000, until);
        put(folder, "answer",
                arena_printf(&folder->arena,
                        "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":"
                        "{\"token\":\"%s\",\"expirationTimestamp\":\"%s\"}}",
                        token, until));
}

static size_t count_runs(Folder *folder) {
        CLEANUP(cleanup_file) FILE *file = fopen(path_of(folder, "runs"), "r");
        size_t count = 0;
        for (int c = 0; file && (c = fgetc(file)) != EOF;)
                count += c == '\n';
        return count;
}

static void test_plugin_runs_again_when_its_answer_expires_or_is_rejected(void **state) {
        Folder *folder = *state;
        const KubeConfig config = with_plugin(folder, "cat answer");
        int64_t now = clock_now_ms();
        put_answer(folder, "one", 3600);
        assert_true(credentials_new(&config, &folder->credentials, NULL));
        assert_int_equal(count_runs(folder), 0);
        expect(folder, now, "Bearer one", "", 0);
        put_answer(folder, "two", 7200);
        expect(folder, now + 1000, "Bearer one", "", 0);
        assert_int_equal(count_runs(folder), 1);
        expect(folder, now + INT64_C(3600) * 1000, "Bearer two", "", 0);
        assert_int_equal(count_runs(folder), 2);
        put_answer(folder, "three", 7200);
        reject(folder, now + INT64_C(3601) * 1000);
        expect(folder, now + INT64_C(3601) * 1000, "Bearer three", "", 0);
}

static void test_plugin_is_told_by_environment_and_gets_whole_arguments(void **state) {
        Folder *folder = *state;
        const KubeConfig config =
                with_plugin(folder, "test \"$1\" = 'one two' && test $# = 1 && test \"$EXTRA\" = 'ex tra' || exit 7\n"
                                    "case $KUBERNETES_EXEC_INFO in "
                                    "*'\"interactive\":false'*'\"server\":\"https://x\"'*) cat answer;; esac");
        put_answer(folder, "one", 3600);
        assert_true(credentials_new(&config, &folder->credentials, NULL));
        expect(folder, clock_now_ms(), "Bearer one", "", 0);
}

static void test_failing_plugin_is_unauthorized_until_it_answered_once(void **state) {
        Folder *folder = *state;
        const KubeConfig config = with_plugin(folder, "test -e answer || exit 3; cat answer");
        CredentialsView view = { 0 };
        Error err = { 0 };
        int64_t now = clock_now_ms();
        assert_true(credentials_new(&config, &folder->credentials, NULL));
        assert_false(credentials_get_at(folder->credentials, now, &view, &err));
        assert_int_equal(err.code, ERROR_UNAUTHORIZED);
        assert_non_null(strstr(err.text, "failed with exit status 3"));
        put_answer(folder, "one", 60);
        expect(folder, now, "Bearer one", "", 0);
        (void)unlink(path_of(folder, "answer"));
        expect(folder, now + INT64_C(61) * 1000, "Bearer one", "", 0);
        size_t runs = count_runs(folder);
        expect(folder, now + INT64_C(62) * 1000, "Bearer one", "", 0);
        assert_int_equal(count_runs(folder), runs);
}

static void test_missing_plugin_says_so(void **state) {
        Folder *folder = *state;
        const KubeConfig config = { .server = "https://x",
                .exec = { .command = "/nowhere/plugin", .api_version = "client.authentication.k8s.io/v1" } };
        CredentialsView view = { 0 };
        Error err = { 0 };
        assert_true(credentials_new(&config, &folder->credentials, NULL));
        assert_false(credentials_get(folder->credentials, &view, &err));
        assert_string_equal(
                err.text, "credential plugin /nowhere/plugin: cannot be started: No such file or directory");
}

static void expect_answer(const char *text, ErrorCode code) {
        CLEANUP(exec_answer_done) ExecAnswer answer = { 0 };
        Error err = { 0 };
        bool parsed = exec_parse_answer("client.authentication.k8s.io/v1beta1", text, strlen(text), 0, &answer, &err);
        assert_int_equal(parsed, code == ERROR_NONE);
        assert_int_equal(err.code, code);
}

#define ANSWER(status)                                                                                                 \
        "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\",\"status\":{" status "}" \
        "}"

static void test_plugin_answers_are_checked(void **state) {
        (void)state;
        expect_answer(ANSWER("\"token\":\"t\""), ERROR_NONE);
        expect_answer(ANSWER("\"clientCertificateData\":\"c\",\"clientKeyData\":\"k\""), ERROR_NONE);
        expect_answer(ANSWER("\"clientCertificateData\":\"c\""), ERROR_PROTOCOL);
        expect_answer(ANSWER("\"token\":\"t\",\"clientKeyData\":\"k\""), ERROR_PROTOCOL);
        expect_answer(ANSWER(""), ERROR_PROTOCOL);
        expect_answer(ANSWER("\"token\":\"t\",\"expirationTimestamp\":\"soon\""), ERROR_PROTOCOL);
        expect_answer(
                "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\"}", ERROR_PROTOCOL);
        expect_answer("login failed", ERROR_PROTOCOL);
}

static void test_expiry_is_met_early(void **state) {
        static const char TEXT[] = ANSWER("\"token\":\"t\",\"expirationTimestamp\":\"1970-01-01T00:01:00Z\"");
        static const struct { int64_t wall_s, valid_ms; } cases[] = { { 0, 50000 }, { 45, 15000 }, { 90, 0 } };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(exec_answer_done) ExecAnswer answer = { 0 };
                assert_true(exec_parse_answer("client.authentication.k8s.io/v1beta1", TEXT, strlen(TEXT),
                        cases[i].wall_s * 1000000, &answer, NULL));
                assert_int_equal(answer.valid_ms, cases[i].valid_ms);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_token_file_is_read_again_after_a_minute, setup, teardown),
                cmocka_unit_test_setup_teardown(test_bad_token_files_keep_the_old_token, setup, teardown),
                cmocka_unit_test_setup_teardown(test_long_tokens_are_kept_whole, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_rejected_token_is_read_again_at_most_once_a_second, setup, teardown),
                cmocka_unit_test_setup_teardown(test_rejection_of_an_older_token_is_ignored, setup, teardown),
                cmocka_unit_test_setup_teardown(test_certificates_are_looked_at_every_five_minutes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_named_files_must_be_there_at_start, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_plugin_runs_again_when_its_answer_expires_or_is_rejected, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_plugin_is_told_by_environment_and_gets_whole_arguments, setup, teardown),
                cmocka_unit_test_setup_teardown(
                        test_failing_plugin_is_unauthorized_until_it_answered_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_missing_plugin_says_so, setup, teardown),
                cmocka_unit_test(test_plugin_answers_are_checked),
                cmocka_unit_test(test_expiry_is_met_early),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
