/* SPDX-License-Identifier: Apache-2.0 */
/* Kubeconfig files. Law: a field that would change who we are or whom we talk to is either carried out or refused. */
#include <string.h>

#include "lib/base/yaml.h"
#include "lib/kube/base64.h"
#include "lib/kube/config.h"
#include "lib/kube/read_file.h"

typedef struct Reading {
        const char *file;
        Arena *arena;
        Error *err;
} Reading;

static bool refuse(const Reading *in, const char *what, const char *name, const char *why) {
        return error_set(in->err, ERROR_INVALID, "%s: %s \"%s\": %s", in->file, what, name, why);
}

static const char *take(const Reading *in, const Json *from, const char *key) {
        const char *value = json_string(json_get(from, key), NULL);
        return value && *value ? arena_string(in->arena, value) : NULL;
}

static const char *take_path(const Reading *in, const Json *from, const char *key) {
        const char *path = take(in, from, key);
        const char *slash = strrchr(in->file, '/');
        if (!path || path[0] == '/' || !slash)
                return path;
        return arena_printf(in->arena, "%.*s/%s", (int)(slash - in->file), in->file, path);
}

static bool take_data(const Reading *in, const Json *from, const char *key, const char **ret_pem) {
        const char *encoded = json_string(json_get(from, key), NULL);
        *ret_pem = NULL;
        if (!encoded || !*encoded)
                return true;
        CLEANUP(text_done) Text pem = { .maximum = YAML_MAXIMUM_BYTES };
        if (!base64_decode(encoded, &pem, in->err))
                return error_wrap(in->err, "%s: %s", in->file, key);
        *ret_pem = arena_bytes(in->arena, text_string(&pem), pem.size);
        return true;
}

/* The `part` of the list member called `name`: {name: NAME, part: {...}}. */
static const Json *find_named(const Json *list, const char *name, const char *part) {
        for (const Json *member = json_first(list); member; member = json_next(member))
                if (text_equal(json_string(json_get(member, "name"), NULL), name))
                        return json_get(member, part);
        return NULL;
}

static bool refuse_unsupported(
        const Reading *in, const Json *from, const char *what, const char *name, const char *const *keys) {
        for (; *keys; keys++)
                if (json_get(from, *keys))
                        return error_set(in->err, ERROR_INVALID, "%s: %s \"%s\": %s is not supported", in->file, what,
                                name, *keys);
        return true;
}

static bool read_cluster(const Reading *in, const Json *cluster, const char *name, KubeConfig *config) {
        static const char *const UNSUPPORTED[] = { "proxy-url", NULL };
        if (!cluster)
                return refuse(in, "cluster", name, "there is no such cluster");
        if (!refuse_unsupported(in, cluster, "cluster", name, UNSUPPORTED))
                return false;
        const char *server = json_string(json_get(cluster, "server"), "");
        if (strncmp(server, "https://", 8) != 0 && strncmp(server, "http://", 7) != 0)
                return refuse(in, "cluster", name, "server must start with https:// or http://");
        size_t length = strlen(server);
        while (server[length - 1] == '/')
                length--;
        config->server = arena_bytes(in->arena, server, length);
        config->tls_server_name = take(in, cluster, "tls-server-name");
        config->insecure = json_bool(json_get(cluster, "insecure-skip-tls-verify"), false);
        if (!take_data(in, cluster, "certificate-authority-data", &config->ca_data))
                return false;
        if (!config->ca_data)
                config->ca_file = take_path(in, cluster, "certificate-authority");
        if (config->insecure && (config->ca_data || config->ca_file))
                return refuse(in, "cluster", name,
                        "insecure-skip-tls-verify and a certificate authority exclude "
                        "each other");
        return true;
}

static const char *const *read_args(const Reading *in, const Json *list) {
        const char **args = arena_alloc(in->arena, (json_size(list) + 1) * sizeof(char *));
        size_t count = 0;
        for (const Json *arg = json_first(list); arg; arg = json_next(arg))
                args[count++] = arena_string(in->arena, json_string(arg, ""));
        return args;
}

static const char *const *read_env(const Reading *in, const Json *list) {
        const char **env = arena_alloc(in->arena, (json_size(list) + 1) * sizeof(char *));
        size_t count = 0;
        for (const Json *pair = json_first(list); pair; pair = json_next(pair))
                env[count++] = arena_printf(in->arena, "%s=%s", json_string(json_get(pair, "name"), ""),
                        json_string(json_get(pair, "value"), ""));
        return env;
}

static bool read_exec(const Reading *in, const Json *exec, const char *user, KubeExec *ret_exec) {
        const char *version = json_string(json_get(exec, "apiVersion"), "");
        const char *command = json_string(json_get(exec, "command"), "");
        if (strcmp(version, "client.authentication.k8s.io/v1") != 0 &&
                strcmp(version, "client.authentication.k8s.io/v1beta1") != 0)
                return refuse(in, "user", user, "exec: apiVersion must be client.authentication.k8s.io/v1 or v1beta1");
        if (!*command)
                return refuse(in, "user", user, "exec: command is missing");
        if (text_equal(json_string(json_get(exec, "interactiveMode"), NULL), "Always"))
                return refuse(in, "user", user, "exec: a plugin that needs a terminal is not supported");
        *ret_exec = (KubeExec){
                .command = strchr(command, '/') ? take_path(in, exec, "command") : take(in, exec, "command"),
                .args = read_args(in, json_get(exec, "args")),
                .env = read_env(in, json_get(exec, "env")),
                .api_version = arena_string(in->arena, version),
                .provide_cluster_info = json_bool(json_get(exec, "provideClusterInfo"), false),
        };
        return true;
}

static bool read_user(const Reading *in, const Json *user, const char *name, KubeConfig *config) {
        static const char *const UNSUPPORTED[] = { "username", "password", "auth-provider", "as", "as-uid", "as-groups",
                "as-user-extra", NULL };
        if (!user)
                return refuse(in, "user", name, "there is no such user");
        if (!refuse_unsupported(in, user, "user", name, UNSUPPORTED))
                return false;
        if (!take_data(in, user, "client-certificate-data", &config->client_cert_data) ||
                !take_data(in, user, "client-key-data", &config->client_key_data))
                return false;
        if (!config->client_cert_data)
                config->client_cert_file = take_path(in, user, "client-certificate");
        if (!config->client_key_data)
                config->client_key_file = take_path(in, user, "client-key");
        bool has_cert = config->client_cert_data || config->client_cert_file;
        bool has_key = config->client_key_data || config->client_key_file;
        if (has_cert != has_key)
                return refuse(in, "user", name, "client certificate and client key come together");
        config->token_file = take_path(in, user, "tokenFile");
        config->token = config->token_file ? NULL : take(in, user, "token");
        const Json *exec = json_get(user, "exec");
        return !exec || read_exec(in, exec, name, &config->exec);
}

static void read_cluster_extension(const Reading *in, const Json *cluster, KubeExec *exec) {
        const Json *extension =
                find_named(json_get(cluster, "extensions"), "client.authentication.k8s.io/exec", "extension");
        if (!extension || !exec->command)
                return;
        CLEANUP(cleanup_free) char *text = json_print(extension);
        exec->cluster_config = arena_string(in->arena, text);
}

static bool read_config(const Reading *in, const Json *json, const char *context_name, KubeConfig *config) {
        const char *name = context_name ? context_name : json_string(json_get(json, "current-context"), "");
        if (!*name)
                return error_set(in->err, ERROR_INVALID, "%s: current-context is not set", in->file);
        const Json *context = find_named(json_get(json, "contexts"), name, "context");
        if (!context)
                return refuse(in, "context", name, "there is no such context");
        const char *cluster_name = json_string(json_get(context, "cluster"), "");
        const char *user_name = json_string(json_get(context, "user"), "");
        const Json *cluster = find_named(json_get(json, "clusters"), cluster_name, "cluster");
        if (!read_cluster(in, cluster, cluster_name, config))
                return false;
        if (*user_name && !read_user(in, find_named(json_get(json, "users"), user_name, "user"), user_name, config))
                return false;
        read_cluster_extension(in, cluster, &config->exec);
        config->namespace_ = take(in, context, "namespace");
        if (!config->namespace_)
                config->namespace_ = "default";
        return true;
}

bool kube_config_parse(const char *text, size_t size, const char *file, const char *context, Arena *arena,
        KubeConfig *ret_config, Error *err) {
        CLEANUP(json_cleanup) Json *json = NULL;
        KubeConfig config = { 0 };
        const Reading reading = { .file = file, .arena = arena, .err = err };
        if (!yaml_parse(text, size, &json, err))
                return error_wrap(err, "%s", file);
        if (!text_equal(json_string(json_get(json, "kind"), "Config"), "Config"))
                return error_set(err, ERROR_INVALID, "%s: kind is not Config", file);
        if (!read_config(&reading, json, context, &config))
                return false;
        *ret_config = config;
        return true;
}

bool kube_config_load(const char *file, const char *context, Arena *arena, KubeConfig *ret_config, Error *err) {
        CLEANUP(text_done) Text text = { .maximum = YAML_MAXIMUM_BYTES };
        return read_file(file, &text, err) &&
               kube_config_parse(text_string(&text), text.size, file, context, arena, ret_config, err);
}
