/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of the mounted files. ConfigMap keys: members, sentinels (a name a line), addresses ("NAME ADDRESS" a
 * line), group, quorum, rescue. Secret keys: password, sentinel-password. */
#include "settings.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char *const CONFIG_FILES[] = { "members", "sentinels", "addresses", "group", "quorum", "rescue",
        "redis.conf", "sentinel.conf" };
static const char *const SECRET_FILES[] = { "password", "sentinel-password" };

char *settings_file(const char *folder, const char *name) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, name);
        FILE *file = fopen(path, "re");
        if (!file)
                return NULL;
        char *text = malloc(SETTINGS_FILE_MAX + 1);
        if (!text)
                abort();
        size_t length = fread(text, 1, SETTINGS_FILE_MAX + 1, file);
        bool good = !ferror(file) && length <= SETTINGS_FILE_MAX;
        fclose(file);
        if (!good) {
                free(text);
                return NULL;
        }
        text[length] = 0;
        return text;
}

/* A file of one word or line, without the newline at its end. */
static bool read_line(const char *folder, const char *name, char *ret, size_t size) {
        char *text = settings_file(folder, name);
        if (!text)
                return false;
        text[strcspn(text, "\r\n")] = 0;
        bool good = strlen(text) < size;
        if (good)
                memcpy(ret, text, strlen(text) + 1);
        free(text);
        return good;
}

static void find_address(const char *addresses, Member *member) {
        size_t length = strlen(member->name);
        for (const char *line = addresses; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
                if (strncmp(line, member->name, length) == 0 && line[length] == ' ') {
                        const char *from = line + length + strspn(line + length, " ");
                        size_t size = strcspn(from, " \r\n");
                        if (size < sizeof member->address)
                                memcpy(member->address, from, size);
                }
}

static size_t read_members(const char *folder, const char *name, const char *addresses, Member *ret) {
        char *text = settings_file(folder, name);
        size_t n = 0;
        for (const char *word = text; word && *(word += strspn(word, " \r\n")) && n < SETTINGS_MEMBERS_MAX;) {
                size_t length = strcspn(word, " \r\n");
                if (length < sizeof ret[n].name) {
                        memset(&ret[n], 0, sizeof ret[n]);
                        memcpy(ret[n].name, word, length);
                        find_address(addresses, &ret[n++]);
                }
                word += length;
        }
        free(text);
        return n;
}

/* What is missing, or NULL. */
static const char *read_words(Settings *read) {
        char quorum[16] = "2";
        read_line(read->config, "quorum", quorum, sizeof quorum);
        read->quorum = (unsigned)strtoul(quorum, NULL, 10);
        read_line(read->config, "rescue", read->rescue, sizeof read->rescue);
        if (!read->pod[0])
                return "environment POD_NAME";
        if (!read_line(read->config, "group", read->group, sizeof read->group) || !read->group[0])
                return "key group of the ConfigMap";
        if (!read_line(read->secrets, "password", read->password, sizeof read->password) || !read->password[0])
                return "key password of the Secret";
        if (!read_line(read->secrets, "sentinel-password", read->sentinel_password, sizeof read->sentinel_password) ||
                !read->sentinel_password[0])
                return "key sentinel-password of the Secret";
        return read->n_redis == 0 ? "key members of the ConfigMap" : NULL;
}

bool settings_read(const Settings *from, Settings *ret, char *why, size_t why_size) {
        Settings read = *from;
        read.rescue[0] = 0;
        char *addresses = settings_file(read.config, "addresses");
        read.n_redis = read_members(read.config, "members", addresses, read.redis);
        read.n_sentinels = read_members(read.config, "sentinels", addresses, read.sentinels);
        free(addresses);
        for (read.self = 0; read.self < read.n_redis; read.self++)
                if (strcmp(read.redis[read.self].name, read.pod) == 0)
                        break;
        const char *missing = read_words(&read);
        if (missing) {
                snprintf(why, why_size, "%s is missing, empty or too long", missing);
                return false;
        }
        *ret = read;
        return true;
}

/* FNV-1a, 64 bits. */
static uint64_t mix(uint64_t sum, const char *text) {
        for (; text && *text; text++)
                sum = (sum ^ (unsigned char)*text) * 1099511628211u;
        return (sum ^ 0xff) * 1099511628211u;
}

uint64_t settings_fingerprint(const Settings *settings) {
        uint64_t sum = 14695981039346656037u;
        for (size_t i = 0; i < sizeof CONFIG_FILES / sizeof *CONFIG_FILES; i++) {
                char *text = settings_file(settings->config, CONFIG_FILES[i]);
                sum = mix(sum, text);
                free(text);
        }
        for (size_t i = 0; i < sizeof SECRET_FILES / sizeof *SECRET_FILES; i++) {
                char *text = settings_file(settings->secrets, SECRET_FILES[i]);
                sum = mix(sum, text);
                free(text);
        }
        return sum;
}

bool settings_address(const Member *member, char ret[SETTINGS_ADDRESS_MAX]) {
        if (member->address[0]) {
                memcpy(ret, member->address, SETTINGS_ADDRESS_MAX);
                return true;
        }
        struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *found = NULL;
        if (getaddrinfo(member->name, NULL, &hints, &found) != 0 || !found)
                return false;
        char text[NI_MAXHOST];
        bool good = getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0 &&
                    strlen(text) < SETTINGS_ADDRESS_MAX;
        if (good)
                memcpy(ret, text, strlen(text) + 1);
        freeaddrinfo(found);
        return good;
}

bool settings_own_address(const Settings *settings, char ret[SETTINGS_ADDRESS_MAX]) {
        for (size_t i = 0; i < settings->n_redis; i++)
                if (strcmp(settings->redis[i].name, settings->pod) == 0)
                        return settings_address(&settings->redis[i], ret);
        for (size_t i = 0; i < settings->n_sentinels; i++)
                if (strcmp(settings->sentinels[i].name, settings->pod) == 0)
                        return settings_address(&settings->sentinels[i], ret);
        return false;
}
