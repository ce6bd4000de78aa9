/* SPDX-License-Identifier: Apache-2.0 */
/* Pods and kubeconfig files: what is taken, what is refused, and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/kube/base64.h"
#include "lib/kube/config.h"

typedef struct Folder {
        char path[64];
        Arena arena;
} Folder;

static int setup(void **state) {
        static Folder folder;
        folder = (Folder){ .path = "/tmp/madbase-config-XXXXXX" };
        *state = &folder;
        return mkdtemp(folder.path) ? 0 : -1;
}

static const char *path_of(Folder *folder, const char *name) {
        return arena_printf(&folder->arena, "%s/%s", folder->path, name);
}

static int teardown(void **state) {
        Folder *folder = *state;
        static const char *const names[] = { "config", "token", "ca.crt", "namespace" };
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                (void)unlink(path_of(folder, names[i]));
        arena_done(&folder->arena);
        return rmdir(folder->path);
}

static void put(Folder *folder, const char *name, const char *content) {
        CLEANUP(cleanup_file) FILE *file = fopen(path_of(folder, name), "w");
        assert_non_null(file);
        assert_true(fputs(content, file) >= 0);
}

static void test_pod_uses_its_service_account(void **state) {
        Folder *folder = *state;
        KubeConfig config = { 0 };
        Error err = { 0 };
        put(folder, "token", "t");
        put(folder, "namespace", "prod\n");
        assert_true(kube_config_in_cluster("10.96.0.1", "443", folder->path, &folder->arena, &config, &err));
        assert_string_equal(config.server, "https://10.96.0.1:443");
        assert_string_equal(config.token_file, path_of(folder, "token"));
        assert_string_equal(config.ca_file, path_of(folder, "ca.crt"));
        assert_string_equal(config.namespace_, "prod");
        assert_false(config.insecure);
        assert_true(kube_config_in_cluster("fd00::1", "6443", folder->path, &folder->arena, &config, &err));
        assert_string_equal(config.server, "https://[fd00::1]:6443");
}

static void test_outside_a_pod_is_not_found(void **state) {
        Folder *folder = *state;
        KubeConfig config = { 0 };
        Error err = { 0 };
        assert_false(kube_config_in_cluster(NULL, NULL, folder->path, &folder->arena, &config, &err));
        assert_int_equal(err.code, ERROR_NOT_FOUND);
        assert_false(kube_config_in_cluster("10.96.0.1", "443", folder->path, &folder->arena, &config, &err));
        assert_int_equal(err.code, ERROR_NOT_FOUND);
        put(folder, "token", "t");
        assert_false(kube_config_in_cluster("10.96.0.1", "44x", folder->path, &folder->arena, &config, &err));
        assert_int_equal(err.code, ERROR_INVALID);
}

#define FILE_OF(cluster, user)                                                                                         \
        "apiVersion: v1\nkind: Config\ncurrent-context: a\n"                                                           \
        "contexts:\n- name: a\n  context: {cluster: c, user: u, namespace: team}\n"                                    \
        "- name: b\n  context: {cluster: c2, user: u}\n- name: lost\n  context: {cluster: nowhere, user: u}\n"         \
        "clusters:\n- name: c\n  cluster: {server: \"https://one:6443/\", " cluster "}\n- name: c2\n  cluster: "       \
        "{server: \"https://two\", tls-server-name: api.two, certificate-authority: pki/ca.crt}\n"                     \
        "users:\n- name: u\n  user: {" user "}\n"

static bool load(Folder *folder, const char *text, const char *context, KubeConfig *config, Error *err) {
        put(folder, "config", text);
        return kube_config_load(path_of(folder, "config"), context, &folder->arena, config, err);
}

static void test_reads_the_current_context_with_data(void **state) {
        Folder *folder = *state;
        KubeConfig config = { 0 };
        Error err = { 0 };
        assert_true(load(folder,
                FILE_OF("certificate-authority-data: Q0EK", "client-certificate-data: Q0VSVA==, client-key-data: S0VZ"),
                NULL, &config, &err));
        assert_string_equal(config.server, "https://one:6443");
        assert_string_equal(config.ca_data, "CA\n");
        assert_string_equal(config.client_cert_data, "CERT");
        assert_string_equal(config.client_key_data, "KEY");
        assert_string_equal(config.namespace_, "team");
        assert_null(config.exec.command);
}

static void test_named_context_with_files_beside_the_config(void **state) {
        Folder *folder = *state;
        KubeConfig config = { 0 };
        Error err = { 0 };
        assert_true(load(folder,
                FILE_OF("", "token: abc, tokenFile: tok, client-certificate: c.pem, client-key: /abs/k.pem"), "b",
                &config, &err));
        assert_string_equal(config.server, "https://two");
        assert_string_equal(config.tls_server_name, "api.two");
        assert_string_equal(config.ca_file, path_of(folder, "pki/ca.crt"));
        assert_string_equal(config.token_file, path_of(folder, "tok"));
        assert_null(config.token);
        assert_string_equal(config.client_cert_file, path_of(folder, "c.pem"));
        assert_string_equal(config.client_key_file, "/abs/k.pem");
        assert_string_equal(config.namespace_, "default");
}

static void test_reads_an_exec_plugin(void **state) {
        Folder *folder = *state;
        KubeConfig config = { 0 };
        Error err = { 0 };
        assert_true(load(folder,
                FILE_OF("extensions: [{name: client.authentication.k8s.io/exec, extension: {aud: x}}]",
                        "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login, args: [a, \"b c\"], "
                        "env: "
                        "[{name: N, value: v}], interactiveMode: IfAvailable, provideClusterInfo: true}"),
                NULL, &config, &err));
        assert_string_equal(config.exec.command, path_of(folder, "./login"));
        assert_string_equal(config.exec.args[0], "a");
        assert_string_equal(config.exec.args[1], "b c");
        assert_null(config.exec.args[2]);
        assert_string_equal(config.exec.env[0], "N=v");
        assert_null(config.exec.env[1]);
        assert_true(config.exec.provide_cluster_info);
        assert_string_equal(config.exec.cluster_config, "{\"aud\":\"x\"}");
}

static void test_refuses_what_it_cannot_carry_out(void **state) {
        static const struct {
                const char *text, *context, *sentence;
        } cases[] = {
                { FILE_OF("", "username: x, password: y"), NULL, "user \"u\": username is not supported" },
                { FILE_OF("", "auth-provider: {name: gcp}"), NULL, "user \"u\": auth-provider is not supported" },
                { FILE_OF("", "as: root"), NULL, "user \"u\": as is not supported" },
                { FILE_OF("proxy-url: \"http://p\"", ""), NULL, "cluster \"c\": proxy-url is not supported" },
                { FILE_OF("insecure-skip-tls-verify: true, certificate-authority-data: Q0EK", ""), NULL,
                        "insecure-skip-tls-verify and a certificate authority exclude each other" },
                { FILE_OF("certificate-authority-data: \"*\"", ""), NULL, "certificate-authority-data: not base64" },
                { FILE_OF("", "client-key-data: Q0EK"), NULL, "client certificate and client key come together" },
                { FILE_OF("", "exec: {apiVersion: v2, command: x}"), NULL, "exec: apiVersion must be" },
                { FILE_OF("", "exec: {apiVersion: client.authentication.k8s.io/v1}"), NULL, "command is missing" },
                { FILE_OF("",
                          "exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Always}"),
                        NULL, "a plugin that needs a terminal is not supported" },
                { FILE_OF("", ""), "nope", "context \"nope\": there is no such context" },
                { FILE_OF("", ""), "lost", "cluster \"nowhere\": there is no such cluster" },
                { "kind: Pod", NULL, "kind is not Config" },
                { "kind: Config", NULL, "current-context is not set" },
        };
        Folder *folder = *state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                KubeConfig config = { 0 };
                Error err = { 0 };
                assert_false(load(folder, cases[i].text, cases[i].context, &config, &err));
                assert_int_equal(err.code, ERROR_INVALID);
                if (!strstr(err.text, cases[i].sentence))
                        fail_msg("expected \"%s\" in \"%s\"", cases[i].sentence, err.text);
                assert_null(config.server);
        }
}

static void test_missing_and_broken_files_are_told_apart(void **state) {
        Folder *folder = *state;
        KubeConfig config = { 0 };
        Error err = { 0 };
        assert_false(kube_config_load("/nowhere/config", NULL, &folder->arena, &config, &err));
        assert_int_equal(err.code, ERROR_NOT_FOUND);
        assert_false(load(folder, "a: [", NULL, &config, &err));
        assert_int_equal(err.code, ERROR_PROTOCOL);
}

static void test_base64_both_ways(void **state) {
        static const struct {
                const char *plain, *encoded;
        } cases[] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foobar", "Zm9vYmFy" } };
        static const char *const bad[] = { "Zg=", "Z", "Zg==Zg==", "Z===", "Zm 9v", "Zm9v=", "====" };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                CLEANUP(text_done) Text plain = { 0 };
                CLEANUP(text_done) Text encoded = { 0 };
                assert_true(base64_decode(cases[i].encoded, &plain, NULL));
                assert_string_equal(text_string(&plain), cases[i].plain);
                base64_encode(cases[i].plain, strlen(cases[i].plain), &encoded);
                assert_string_equal(text_string(&encoded), cases[i].encoded);
        }
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                CLEANUP(text_done) Text plain = { 0 };
                assert_false(base64_decode(bad[i], &plain, NULL));
        }
        CLEANUP(text_done) Text wrapped = { 0 };
        assert_true(base64_decode("Zm9v\nYmFy\n", &wrapped, NULL));
        assert_string_equal(text_string(&wrapped), "foobar");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_pod_uses_its_service_account, setup, teardown),
                cmocka_unit_test_setup_teardown(test_outside_a_pod_is_not_found, setup, teardown),
                cmocka_unit_test_setup_teardown(test_reads_the_current_context_with_data, setup, teardown),
                cmocka_unit_test_setup_teardown(test_named_context_with_files_beside_the_config, setup, teardown),
                cmocka_unit_test_setup_teardown(test_reads_an_exec_plugin, setup, teardown),
                cmocka_unit_test_setup_teardown(test_refuses_what_it_cannot_carry_out, setup, teardown),
                cmocka_unit_test_setup_teardown(test_missing_and_broken_files_are_told_apart, setup, teardown),
                cmocka_unit_test(test_base64_both_ways),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
