/* SPDX-License-Identifier: Apache-2.0 */
/* redis.conf in three layers. */
#include "redis_conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "call.h"
#include "log.h"

static const char DEFAULTS[] = "tcp-keepalive 30\n"
                               "timeout 0\n"
                               "repl-timeout 20\n"
                               "repl-backlog-size 64mb\n"
                               "repl-diskless-sync yes\n"
                               "repl-diskless-sync-delay 1\n"
                               "repl-diskless-sync-max-replicas 2\n"
                               "min-replicas-max-lag 3\n"
                               "client-output-buffer-limit replica 512mb 128mb 60\n"
                               "auto-aof-rewrite-percentage 100\n"
                               "auto-aof-rewrite-min-size 64mb\n"
                               "latency-monitor-threshold 100\n"
                               "lazyfree-lazy-user-del yes\n";

static const char LAWS[] = "bind * -::*\n"
                           "protected-mode no\n"
                           "daemonize no\n"
                           "supervised no\n"
                           "logfile \"\"\n"
                           "save \"\"\n"
                           "appendonly yes\n"
                           "appendfsync everysec\n"
                           "maxmemory-policy noeviction\n"
                           "replica-read-only yes\n"
                           "shutdown-timeout 10\n";

static const char *const OWN[] = { "port", "tls-port", "unixsocket", "unixsocketperm", "dir", "requirepass",
        "masterauth", "masteruser", "user", "aclfile", "replicaof", "slaveof", "replica-announce-ip",
        "replica-announce-port", "replica-priority", "slave-priority", "include", "loadmodule" };

void redis_conf_quote(const char *text, char *ret) {
        *ret++ = '"';
        for (; *text; text++)
                ret += (unsigned char)*text > ' ' && *text != '"' && *text != '\\' && (unsigned char)*text < 127
                               ? snprintf(ret, 2, "%c", *text)
                               : snprintf(ret, 5, "\\x%02x", (unsigned char)*text);
        *ret++ = '"';
        *ret = 0;
}

static bool is_law(const char *key) {
        size_t length = strlen(key);
        for (size_t i = 0; i < sizeof OWN / sizeof *OWN; i++)
                if (strcasecmp(OWN[i], key) == 0)
                        return true;
        for (const char *line = LAWS; *line; line = strchr(line, '\n') + 1)
                if (strncasecmp(line, key, length) == 0 && line[length] == ' ')
                        return true;
        return false;
}

/* Cuts the next "key value" line out of *text. False at its end. Comments and laws are left out. */
static bool next_line(char **text, char **ret_key, char **ret_value) {
        while (**text) {
                char *line = *text + strspn(*text, " \t\r\n");
                char *end = line + strcspn(line, "\r\n");
                *text = *end ? end + 1 : end;
                *end = 0;
                size_t key = strcspn(line, " \t");
                if (!*line || *line == '#' || !line[key])
                        continue;
                line[key] = 0;
                if (is_law(line))
                        continue;
                *ret_key = line;
                *ret_value = line + key + 1 + strspn(line + key + 1, " \t");
                return true;
        }
        return false;
}

bool redis_conf_write(const Settings *settings, const char *announce, const char *path) {
        FILE *file = fopen(path, "we");
        if (!file)
                return false;
        fputs(DEFAULTS, file);
        char *text = settings_file(settings->config, "redis.conf"), *at = text, *key, *value;
        while (at && next_line(&at, &key, &value))
                fprintf(file, "%s %s\n", key, value);
        free(text);
        char quoted[4 * SETTINGS_PASSWORD_MAX + 3];
        redis_conf_quote(settings->password, quoted);
        fputs(LAWS, file);
        fprintf(file, "port 0\nunixsocket %s/redis.sock\nunixsocketperm 700\ndir %s/redis\n", settings->run,
                settings->data);
        fprintf(file, "replica-announce-ip %s\nreplica-announce-port %d\n", announce, SETTINGS_REDIS_PORT);
        fprintf(file, "requirepass %s\nmasterauth %s\n", quoted, quoted);
        bool good = !ferror(file);
        return fclose(file) == 0 && good;
}

/* A value in quotes loses them: CONFIG SET takes it bare. */
static void unquote(char *value) {
        size_t length = strlen(value);
        if (length >= 2 && (value[0] == '"' || value[0] == '\'') && value[length - 1] == value[0]) {
                memmove(value, value + 1, length - 2);
                value[length - 2] = 0;
        }
}

void redis_conf_apply(const Settings *settings, redisContext *context) {
        char *text = settings_file(settings->config, "redis.conf"), *at = text, *key, *value;
        while (at && next_line(&at, &key, &value)) {
                unquote(value);
                REPLY reply = CALL(context, "CONFIG", "SET", key, value);
                if (!reply)
                        break;
                if (reply->type == REDIS_REPLY_ERROR)
                        LOG_ERROR("parameter %s waits for the next start: %s", key, reply->str);
        }
        free(text);
}
