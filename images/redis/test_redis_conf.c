/* SPDX-License-Identifier: Apache-2.0 */
/* The three layers of redis.conf, and a Sentinel's file that keeps its state. */
#include "redis_conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sentinel_conf.h"

static char folder[] = "/tmp/test_redis_conf.XXXXXX";

static void write_file(const char *name, const char *text) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, name);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(text, file);
        fclose(file);
}

static Settings make(void) {
        Settings settings = { .quorum = 3, .n_redis = 1 };
        snprintf(settings.config, sizeof settings.config, "%s", folder);
        snprintf(settings.group, sizeof settings.group, "data-prod");
        snprintf(settings.pod, sizeof settings.pod, "prod-sentinel-1");
        snprintf(settings.password, sizeof settings.password, "a \"b\\");
        snprintf(settings.sentinel_password, sizeof settings.sentinel_password, "guard");
        return settings;
}

/* The last line that sets a key counts in Redis. */
static void assert_last(const char *text, const char *key, const char *line) {
        const char *found = NULL;
        char pattern[128];
        snprintf(pattern, sizeof pattern, "\n%s ", key);
        for (const char *at = text; (at = strstr(at, pattern)); at++)
                found = at + 1;
        assert_non_null(found);
        assert_memory_equal(found, line, strlen(line));
}

static void test_nothing_overrides_the_laws(void **state) {
        (void)state;
        write_file("redis.conf",
                "# words\nmaxmemory 5gb\nAppendOnly no\nport 1\nrequirepass x\n\nmin-replicas-max-lag 9\n");
        Settings settings = make();
        char path[512];
        snprintf(path, sizeof path, "%s/out", folder);
        assert_true(redis_conf_write(&settings, "10.0.0.1", path));
        char *text = settings_file(folder, "out");
        assert_non_null(text);
        assert_last(text, "maxmemory", "maxmemory 5gb\n");
        assert_last(text, "min-replicas-max-lag", "min-replicas-max-lag 9\n");
        assert_last(text, "appendonly", "appendonly yes\n");
        assert_last(text, "port", "port 0\n");
        assert_last(text, "requirepass", "requirepass \"a\\x20\\x22b\\x5c\"\n");
        assert_last(text, "replica-announce-ip", "replica-announce-ip 10.0.0.1\n");
        assert_null(strcasestr(text, "appendonly no"));
        free(text);
        unlink(path);
}

static void test_a_sentinel_keeps_what_it_remembers_and_nothing_else(void **state) {
        (void)state;
        write_file("sentinel.conf",
                "port 1\nuser default on #123 ~* +@all\nsentinel myid 123\nsentinel monitor data-prod 10.0.0.7 6379 2\n"
                "sentinel known-replica data-prod 10.0.0.8 6379\nsentinel known-sentinel data-prod 10.0.1.1 26379 abc\n"
                "sentinel known-replica other 10.9.9.9 6379\nsentinel config-epoch data-prod 4\n"
                "sentinel auth-pass data-prod old\nsentinel current-epoch 6\n");
        Settings settings = make();
        assert_true(sentinel_conf_write(&settings, "10.0.1.2", folder));
        char *text = settings_file(folder, "sentinel.conf"), id[41], line[128];
        assert_non_null(text);
        sentinel_conf_id("data-prod", "prod-sentinel-1", id);
        snprintf(line, sizeof line, "\nsentinel myid %s\n", id);
        assert_non_null(strstr(text, line));
        assert_non_null(strstr(text, "\nsentinel monitor data-prod 10.0.0.7 6379 3\n"));
        assert_non_null(strstr(text, "\nsentinel known-replica data-prod 10.0.0.8 6379\n"));
        assert_non_null(strstr(text, "\nsentinel known-sentinel data-prod 10.0.1.1 26379 abc\n"));
        assert_non_null(strstr(text, "\nsentinel config-epoch data-prod 4\n"));
        assert_non_null(strstr(text, "\nsentinel current-epoch 6\n"));
        assert_non_null(strstr(text, "\nsentinel down-after-milliseconds data-prod 2000\n"));
        assert_null(strstr(text, "other"));
        assert_null(strstr(text, "old"));
        assert_null(strstr(text, "#123"));
        free(text);
}

static void test_ids_differ_by_pod_and_by_group(void **state) {
        (void)state;
        char one[41], two[41], three[41];
        sentinel_conf_id("g", "prod-sentinel-0", one);
        sentinel_conf_id("g", "prod-sentinel-1", two);
        sentinel_conf_id("h", "prod-sentinel-0", three);
        assert_int_equal(strspn(one, "0123456789abcdef"), 40);
        assert_string_not_equal(one, two);
        assert_string_not_equal(one, three);
}

static int make_folder(void **state) {
        (void)state;
        return mkdtemp(folder) ? 0 : 1;
}

static int remove_folder(void **state) {
        (void)state;
        const char *names[] = { "redis.conf", "sentinel.conf" };
        for (size_t i = 0; i < 2; i++) {
                char path[512];
                snprintf(path, sizeof path, "%s/%s", folder, names[i]);
                unlink(path);
        }
        return rmdir(folder);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nothing_overrides_the_laws),
                cmocka_unit_test(test_a_sentinel_keeps_what_it_remembers_and_nothing_else),
                cmocka_unit_test(test_ids_differ_by_pod_and_by_group),
        };
        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
