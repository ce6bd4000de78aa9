/* SPDX-License-Identifier: Apache-2.0 */
/* Reading flags and environment by two tables. Law: what is not in a table is refused or ignored, never guessed. */
#include "operator/settings.h"

#include <string.h>

#include "lib/base/random.h"

#define DEFAULT_IMAGE(name) "docker.io/madbase/" name ":" MADBASE_VERSION

enum { WORKERS_LIMIT = 32, PORT_LIMIT = 65535, LEASE_LIMIT_S = 3600, WRITES_LIMIT = 1000000 };

const char settings_help[] =
        "Usage: madbase-operator [FLAG]...\n"
        "Runs the MadBase platform from custom resources.\n\n"
        "  --kubeconfig FILE       how to reach the API server; default: the pod's service account, else $KUBECONFIG,\n"
        "                          else ~/.kube/config\n"
        "  --context NAME          context of the kubeconfig file\n"
        "  --namespaces A,B        watch these namespaces only ($MADBASE_NAMESPACES); default: all\n"
        "  --namespace NAME        namespace of the operator's Lease ($POD_NAMESPACE); default: default\n"
        "  --no-leader-election    act at once; only one operator may run then\n"
        "  --lease-seconds N       how long a silent leader stays leader (15); renewing ends at two thirds of it\n"
        "  --workers N             objects of a kind worked on at once (2)\n"
        "  --health-port N         port of /healthz, /readyz, /metrics (8081); 0: any free one\n"
        "  --no-watch-list         always list before watching\n"
        "  --log-level LEVEL       debug, info, warn or error ($MADBASE_LOG_LEVEL); default: info\n"
        "  --version, --help\n\n"
        "Environment: POD_NAME, POD_NAMESPACE, MADBASE_NAMESPACES, MADBASE_LOG_LEVEL, MADBASE_CLUSTER_DOMAIN,\n"
        "MADBASE_PULL_POLICY, MADBASE_PATRONI_CLUSTER_ROLE, and the images MADBASE_IMAGE_ followed by POSTGRES, "
        "REDIS,\n"
        "HAPROXY, ETCD, API, GATEWAY, WORKER, VICTORIA_METRICS. MADBASE_CRASH_AFTER_WRITES=N is for tests: the "
        "operator\n"
        "dies after its N-th write.\n";

/* Texts of the environment, with what counts without them. */
static const struct {
        const char *name;
        size_t offset; /* in OperatorSettings */
        const char *fallback;
} texts[] = {
        { "POD_NAMESPACE", offsetof(OperatorSettings, namespace_), "default" },
        { "MADBASE_PULL_POLICY", offsetof(OperatorSettings, pull_policy), "IfNotPresent" },
        { "MADBASE_CLUSTER_DOMAIN", offsetof(OperatorSettings, cluster_domain), "cluster.local" },
        { "MADBASE_PATRONI_CLUSTER_ROLE", offsetof(OperatorSettings, patroni_cluster_role), "madbase-patroni" },
        { "MADBASE_IMAGE_POSTGRES", offsetof(OperatorSettings, image_postgres), DEFAULT_IMAGE("postgres") },
        { "MADBASE_IMAGE_REDIS", offsetof(OperatorSettings, image_redis), DEFAULT_IMAGE("redis") },
        { "MADBASE_IMAGE_HAPROXY", offsetof(OperatorSettings, image_haproxy), DEFAULT_IMAGE("haproxy") },
        { "MADBASE_IMAGE_ETCD", offsetof(OperatorSettings, image_etcd), DEFAULT_IMAGE("etcd") },
        { "MADBASE_IMAGE_API", offsetof(OperatorSettings, image_api), DEFAULT_IMAGE("api") },
        { "MADBASE_IMAGE_GATEWAY", offsetof(OperatorSettings, image_gateway), DEFAULT_IMAGE("gateway") },
        { "MADBASE_IMAGE_WORKER", offsetof(OperatorSettings, image_worker), DEFAULT_IMAGE("worker") },
        { "MADBASE_IMAGE_VICTORIA_METRICS", offsetof(OperatorSettings, image_victoria_metrics),
                DEFAULT_IMAGE("victoria-metrics") },
};

typedef struct Reading {
        const char *(*get)(const char *name);
        Arena *arena;
        Settings *settings;
        const char *namespaces, *log_level;
        int64_t lease_seconds;
} Reading;

static const char *get_or(const Reading *reading, const char *name, const char *fallback) {
        const char *value = reading->get(name);

        return value && *value ? value : fallback;
}

/* "a, b" into a NULL-terminated array; NULL for nothing. */
static const char *const *split_namespaces(const char *list, Arena *arena) {
        const char **names;
        size_t count = 0;

        if (!list)
                return NULL;
        names = arena_alloc(arena, (strlen(list) + 2) * sizeof(char *));
        while (*list) {
                size_t length = strcspn(list, ", ");

                if (length)
                        names[count++] = arena_bytes(arena, list, length);
                list += length + strspn(list + length, ", ");
        }
        return count ? names : NULL;
}

static void read_environment(Reading *reading) {
        Settings *settings = reading->settings;

        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                const char *value = get_or(reading, texts[i].name, texts[i].fallback);

                memcpy((char *)&settings->manager.settings + texts[i].offset, &value, sizeof(value));
        }
        settings->service_host = get_or(reading, "KUBERNETES_SERVICE_HOST", NULL);
        settings->service_port = get_or(reading, "KUBERNETES_SERVICE_PORT", "443");
        reading->namespaces = get_or(reading, "MADBASE_NAMESPACES", "");
        reading->log_level = get_or(reading, "MADBASE_LOG_LEVEL", "info");
        if (settings->service_host)
                return;
        settings->kubeconfig = get_or(
                reading, "KUBECONFIG", arena_printf(reading->arena, "%s/.kube/config", get_or(reading, "HOME", "")));
}

/* The value in "--name=value", or `next` for "--name"; NULL when `arg` is not this flag or has no value. */
static const char *flag_value(const char *arg, const char *next, const char *name) {
        size_t length = strlen(name);

        if (strncmp(arg, name, length) != 0)
                return NULL;
        if (arg[length] == '=')
                return arg + length + 1;
        return arg[length] == '\0' ? next : NULL;
}

static bool read_switch(Settings *settings, const char *arg) {
        if (strcmp(arg, "--help") == 0)
                settings->help = true;
        else if (strcmp(arg, "--version") == 0)
                settings->version = true;
        else if (strcmp(arg, "--no-leader-election") == 0)
                settings->manager.leader_election = false;
        else if (strcmp(arg, "--no-watch-list") == 0)
                settings->manager.no_watch_list = true;
        else
                return false;
        return true;
}

static bool read_number(
        const char *flag, const char *text, int64_t minimum, int64_t maximum, int64_t *ret_number, Error *err) {
        return text_to_int(text, minimum, maximum, ret_number) ||
               error_set(err, ERROR_INVALID, "%s takes a number from %lld to %lld, not \"%s\"", flag,
                       (long long)minimum, (long long)maximum, text);
}

/* `next` is what stands behind `arg`, or NULL. */
static bool read_flag(Reading *reading, const char *arg, const char *next, bool *ret_took_next, Error *err) {
        static const char *const names[] = { "--kubeconfig", "--context", "--namespaces", "--namespace", "--log-level",
                "--lease-seconds", "--workers", "--health-port" };
        Settings *settings = reading->settings;
        const char *value = NULL;
        int64_t number = 0;
        size_t i = 0;

        while (i < ARRAY_LEN(names) && !(value = flag_value(arg, next, names[i])))
                i++;
        *ret_took_next = value && value == next;
        switch (value ? i : ARRAY_LEN(names)) {
        case 0:
                settings->kubeconfig = value;
                return true;
        case 1:
                settings->context = value;
                return true;
        case 2:
                reading->namespaces = value;
                return true;
        case 3:
                settings->manager.settings.namespace_ = value;
                return true;
        case 4:
                reading->log_level = value;
                return true;
        case 5:
                return read_number(names[i], value, 2, LEASE_LIMIT_S, &reading->lease_seconds, err);
        case 6:
                if (!read_number(names[i], value, 1, WORKERS_LIMIT, &number, err))
                        return false;
                settings->manager.workers = (int)number;
                return true;
        case 7:
                if (!read_number(names[i], value, 0, PORT_LIMIT, &number, err))
                        return false;
                settings->manager.health_port = number ? (int)number : -1;
                return true;
        default:
                return error_set(err, ERROR_INVALID, "%s is no flag of this program, or its value is missing", arg);
        }
}

/* What follows from what was read. */
static bool complete(Reading *reading, Error *err) {
        Settings *settings = reading->settings;
        ManagerOptions *manager = &settings->manager;
        const char *crash = get_or(reading, "MADBASE_CRASH_AFTER_WRITES", NULL);
        int64_t writes = 0;
        char unique[13];

        if (!log_parse_level(reading->log_level, &settings->log_level))
                return error_set(err, ERROR_INVALID, "the log level is debug, info, warn or error, not \"%s\"",
                        reading->log_level);
        if (crash && !read_number("MADBASE_CRASH_AFTER_WRITES", crash, 1, WRITES_LIMIT, &writes, err))
                return false;
        manager->crash_after_writes = (int)writes;
        manager->settings.namespaces = split_namespaces(reading->namespaces, reading->arena);
        manager->lease_ms = reading->lease_seconds * 1000;
        manager->renew_deadline_ms = manager->lease_ms * 2 / 3;
        manager->retry_ms = manager->lease_ms * 2 / 15;
        random_password(unique, sizeof(unique) - 1);
        manager->identity = arena_printf(reading->arena, "%s_%s",
                get_or(reading, "POD_NAME", get_or(reading, "HOSTNAME", "madbase-operator")), unique);
        return true;
}

bool settings_parse(int argc, char *const *argv, const char *(*get)(const char *name), Arena *arena,
        Settings *ret_settings, Error *err) {
        Settings settings = { .manager.leader_election = true };
        Reading reading = { .get = get, .arena = arena, .settings = &settings };

        read_environment(&reading);
        for (int at = 1; at < argc; at++) {
                bool took_next = false;

                if (read_switch(&settings, argv[at]))
                        continue;
                if (!read_flag(&reading, argv[at], at + 1 < argc ? argv[at + 1] : NULL, &took_next, err))
                        return false;
                at += took_next ? 1 : 0;
        }
        if (!complete(&reading, err))
                return false;
        *ret_settings = settings;
        return true;
}
