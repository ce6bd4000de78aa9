/* SPDX-License-Identifier: Apache-2.0 */
/* The path language of json_find, over one pod. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/base/json.h"

static const char pod_text[] =
        "{\"metadata\":{\"annotations\":{\"madbase.io/paused\":\"true\",\"a~b\":\"tilde\",\"\":\"empty\"},"
        "\"labels\":{\"app.kubernetes.io/name\":\"pg\"}},"
        "\"spec\":{\"containers\":[{\"name\":\"pg\",\"image\":\"reg/"
        "pg:17\",\"ports\":[{\"containerPort\":5432,\"name\":\"sql\"}]},"
        "{\"name\":\"exporter\",\"image\":\"reg/exp:1\",\"tty\":true}],\"grid\":[[1,2],[3,4]]},"
        "\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"},{\"type\":\"Ready\",\"status\":\"True\"}"
        "],"
        "\"containerStatuses\":[{\"name\":\"a\",\"state\":{\"running\":{}}},"
        "{\"name\":\"b\",\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}}},"
        "{\"name\":\"c\",\"state\":{\"waiting\":{\"reason\":\"ImagePullBackOff\"}}}],\"none\":null}}";

static Json *pod;

static int parse_pod(void **state) {
        (void)state;
        return json_parse(pod_text, strlen(pod_text), &pod, NULL) ? 0 : -1;
}

static int free_pod(void **state) {
        (void)state;
        json_free(pod);
        return 0;
}

static void test_finds_strings(void **state) {
        static const struct {
                const char *path, *wanted;
        } cases[] = {
                { "/metadata/annotations/madbase.io~1paused", "true" },
                { "/metadata/annotations/a~0b", "tilde" },
                { "/metadata/annotations/", "empty" },
                { "/metadata/labels/app.kubernetes.io~1name", "pg" },
                { "/spec/containers[0]/image", "reg/pg:17" },
                { "/spec/containers[name=exporter]/image", "reg/exp:1" },
                { "/spec/containers[image=reg/exp:1]/name", "exporter" },
                { "/spec/containers[tty=true]/name", "exporter" },
                { "/spec/containers[name=pg]/ports[containerPort=5432]/name", "sql" },
                /* A member by value is the first one, also when the rest is not found there. */
                { "/status/conditions[type=Ready]/status", "False" },
                { "/status/conditions[status=True]/type", "Ready" },
                { "/status/containerStatuses[*]/state/waiting/reason", "CrashLoopBackOff" },
                { "/status/containerStatuses[2]/state/waiting/reason", "ImagePullBackOff" },
                { "/spec/containers[*]/ports[*]/name", "sql" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                assert_string_equal(json_find_string(pod, cases[i].path, cases[i].path), cases[i].wanted);
}

static void test_finds_nodes(void **state) {
        (void)state;
        assert_ptr_equal(json_find(pod, ""), pod);
        assert_int_equal(json_find_int(pod, "/spec/grid[1][0]", 0), 3);
        assert_int_equal(json_find_int(pod, "/spec/grid[*][1]", 0), 2);
        assert_int_equal(json_find_int(json_find(pod, "/spec/grid"), "[0][1]", 0), 2);
        assert_int_equal(json_type(json_find(pod, "/status/containerStatuses[*]")), JSON_OBJECT);
        assert_true(json_find_bool(pod, "/spec/containers[*]/tty", false));
        /* Null is found, and is null. */
        assert_non_null(json_find(pod, "/status/none"));
        assert_int_equal(json_type(json_find(pod, "/status/none")), JSON_NULL);
}

static void test_finds_nothing_where_nothing_is(void **state) {
        static const char *const paths[] = { "/Metadata", "/metadata/annotations/madbase.io", "/metadata/annotation",
                "/metadata/annotationss", "/spec/containers[2]", "/spec/containers[-1]", "/spec/containers[x]",
                "/spec/containers[]", "/spec/containers[name=]", "/spec/containers[name=pg", "/spec/containers[=pg]",
                "/spec/containers/0", "/spec[0]", "/spec[*]", "/status/none/x", "/status/none[*]", "spec", "/",
                "/spec/containers[*]/nothing", "/spec/containers[0]image", "/spec/containers[name=PG]",
                "/spec/containers[0]/ports[containerPort=sql]", "/metadata/annotations/a~2b",
                "/metadata/annotations/a~", "//" };
        char wide[400];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(paths); i++)
                if (json_find(pod, paths[i]))
                        fail_msg("found something at %s", paths[i]);
        memset(wide, 'x', sizeof(wide));
        memcpy(wide, "/spec/containers[", strlen("/spec/containers["));
        wide[sizeof(wide) - 2] = ']';
        wide[sizeof(wide) - 1] = '\0';
        assert_null(json_find(pod, wide));
        assert_null(json_find(NULL, "/a"));
        assert_null(json_find(NULL, ""));
        assert_int_equal(json_find_int(pod, "/nothing", 7), 7);
        assert_int_equal(json_find_int(pod, "/metadata", 7), 7);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_finds_strings),
                cmocka_unit_test(test_finds_nodes),
                cmocka_unit_test(test_finds_nothing_where_nothing_is),
        };

        return cmocka_run_group_tests(tests, parse_pod, free_pod);
}
