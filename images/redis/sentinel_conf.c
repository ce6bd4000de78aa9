/* SPDX-License-Identifier: Apache-2.0 */
/* Composing sentinel.conf. Sentinel rewrites the file itself while it runs. */
#include "sentinel_conf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "redis_conf.h"

/* What Sentinel remembers of its group, in the order in which it must be read. */
static const char *const STATE[] = { "monitor", "config-epoch", "leader-epoch", "known-replica", "known-slave",
        "known-sentinel" };
static const SentinelParameter DEFAULTS[] = { { "down-after-milliseconds", "2000" }, { "failover-timeout", "10000" },
        { "parallel-syncs", "2" } };

static void set(SentinelParameter *list, size_t *n, const char *key, const char *value) {
        size_t i = 0;
        while (i < *n && strcmp(list[i].key, key) != 0)
                i++;
        if (i == SENTINEL_PARAMETERS_MAX)
                return;
        snprintf(list[i].key, sizeof list[i].key, "%s", key);
        snprintf(list[i].value, sizeof list[i].value, "%s", value);
        *n += i == *n;
}

size_t sentinel_conf_parameters(const Settings *settings, SentinelParameter ret[SENTINEL_PARAMETERS_MAX]) {
        size_t n = 0;
        for (size_t i = 0; i < sizeof DEFAULTS / sizeof *DEFAULTS; i++)
                set(ret, &n, DEFAULTS[i].key, DEFAULTS[i].value);
        char *text = settings_file(settings->config, "sentinel.conf"), key[64], value[64];
        for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : "")
                if (sscanf(line, " %63[a-z-] %63[^ \t\r\n]", key, value) == 2)
                        set(ret, &n, key, value);
        free(text);
        return n;
}

void sentinel_conf_id(const char *group, const char *pod, char ret[41]) {
        char words[64] = "";
        for (unsigned salt = 0; salt < 3; salt++) {
                uint64_t sum = 14695981039346656037u + salt;
                for (const char *c = group; *c; c++)
                        sum = (sum ^ (unsigned char)*c) * 1099511628211u;
                sum = (sum ^ '/') * 1099511628211u;
                for (const char *c = pod; *c; c++)
                        sum = (sum ^ (unsigned char)*c) * 1099511628211u;
                sum ^= sum >> 29;
                sum *= 0xbf58476d1ce4e5b9u;
                sum ^= sum >> 32;
                snprintf(words + 16 * salt, 17, "%016llx", (unsigned long long)sum);
        }
        memcpy(ret, words, 40);
        ret[40] = 0;
}

/* Copies the state lines of one kind; the quorum of "monitor" is today's. True when there was one. */
static bool copy_state(const Settings *settings, const char *old, const char *kind, FILE *file) {
        char prefix[SETTINGS_NAME_MAX + 64], address[SETTINGS_ADDRESS_MAX];
        int length = snprintf(prefix, sizeof prefix, "sentinel %s %s ", kind, settings->group), port;
        bool found = false;
        for (const char *line = old; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : "") {
                if (strncmp(line, prefix, (size_t)length) != 0)
                        continue;
                found = true;
                if (strcmp(kind, "monitor") == 0 && sscanf(line + length, "%63s %d", address, &port) == 2)
                        fprintf(file, "%s%s %d %u\n", prefix, address, port, settings->quorum);
                else
                        fprintf(file, "%.*s\n", (int)strcspn(line, "\r\n"), line);
        }
        return found;
}

static void write_group(const Settings *settings, const char *old, FILE *file) {
        char quoted[4 * SETTINGS_PASSWORD_MAX + 3];
        if (!copy_state(settings, old, STATE[0], file))
                return;
        redis_conf_quote(settings->password, quoted);
        fprintf(file, "sentinel auth-pass %s %s\n", settings->group, quoted);
        SentinelParameter parameters[SENTINEL_PARAMETERS_MAX];
        size_t n = sentinel_conf_parameters(settings, parameters);
        for (size_t i = 0; i < n; i++)
                fprintf(file, "sentinel %s %s %s\n", parameters[i].key, settings->group, parameters[i].value);
        for (size_t i = 1; i < sizeof STATE / sizeof *STATE; i++)
                copy_state(settings, old, STATE[i], file);
        const char *epoch = strstr(old, "\nsentinel current-epoch ");
        if (epoch)
                fprintf(file, "%.*s\n", (int)strcspn(epoch + 1, "\r\n"), epoch + 1);
}

bool sentinel_conf_write(const Settings *settings, const char *announce, const char *folder) {
        char path[400], next[408], quoted[4 * SETTINGS_PASSWORD_MAX + 3], id[41];
        snprintf(path, sizeof path, "%s/sentinel.conf", folder);
        snprintf(next, sizeof next, "%s.new", path);
        FILE *file = fopen(next, "we");
        if (!file)
                return false;
        char *old = settings_file(folder, "sentinel.conf");
        sentinel_conf_id(settings->group, settings->pod, id);
        redis_conf_quote(settings->sentinel_password, quoted);
        fprintf(file, "bind * -::*\nprotected-mode no\nport %d\ndaemonize no\nlogfile \"\"\ndir %s\n",
                SETTINGS_SENTINEL_PORT, folder);
        fprintf(file, "requirepass %s\nsentinel sentinel-pass %s\nsentinel myid %s\n", quoted, quoted, id);
        fprintf(file, "sentinel announce-ip %s\nsentinel announce-port %d\n", announce, SETTINGS_SENTINEL_PORT);
        if (old)
                write_group(settings, old, file);
        free(old);
        bool good = fflush(file) == 0 && fsync(fileno(file)) == 0;
        good = fclose(file) == 0 && good;
        return good && rename(next, path) == 0;
}
