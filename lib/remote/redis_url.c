/* SPDX-License-Identifier: Apache-2.0 */
/* redis:// addresses, as REDIS_URL holds them.
 * Law: what is not understood is refused with a sentence; the sentence never shows the password.
 * https://www.iana.org/assignments/uri-schemes/prov/redis */
#include <ctype.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/text.h"
#include "lib/remote/redis.h"

static const char scheme[] = "redis://";
enum { DEFAULT_PORT = 6379 };

static int hex_value(char digit) {
        if (digit >= '0' && digit <= '9')
                return digit - '0';
        digit = (char)tolower((unsigned char)digit);
        return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* Undoes percent-encoding; NULL for a broken escape or an escaped NUL byte. */
static char *decode(Arena *arena, const char *text, size_t size) {
        char *out = arena_bytes(arena, text, size);
        size_t length = 0;

        for (size_t i = 0; i < size; i++, length++) {
                int value;

                out[length] = text[i];
                if (text[i] != '%')
                        continue;
                if (size - i < 3 || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0)
                        return NULL;
                value = hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]);
                if (value == 0)
                        return NULL;
                out[length] = (char)value;
                i += 2;
        }
        out[length] = '\0';
        return out;
}

static bool parse_user(const char *text, size_t size, Arena *arena, RedisTarget *target, Error *err) {
        const char *colon = memchr(text, ':', size);
        size_t name_size = colon ? (size_t)(colon - text) : size;

        if (!colon)
                return error_set(err, ERROR_INVALID, "a Redis address has a name but no password before its '@'");
        target->username = name_size ? decode(arena, text, name_size) : NULL;
        target->password = decode(arena, colon + 1, size - name_size - 1);
        if (!target->password || (name_size && !target->username))
                return error_set(err, ERROR_INVALID, "a Redis address has a broken %%-escape in name or password");
        if (!*target->password)
                target->password = NULL;
        return true;
}

static bool parse_host(const char *text, size_t size, Arena *arena, RedisTarget *target, Error *err) {
        const char *end = text + size, *port = NULL;
        const char *host = text;
        int64_t number = DEFAULT_PORT;

        if (size && *text == '[') {
                const char *bracket = memchr(text, ']', size);

                if (!bracket || (bracket + 1 < end && bracket[1] != ':'))
                        return error_set(err, ERROR_INVALID, "a Redis address has a broken IPv6 address");
                host = text + 1;
                size = (size_t)(bracket - host);
                port = bracket + 1 < end ? bracket + 2 : NULL;
        } else if (size) {
                const char *colon = memchr(text, ':', size);

                if (colon) {
                        size = (size_t)(colon - text);
                        port = colon + 1;
                }
        }
        if (size == 0)
                return error_set(err, ERROR_INVALID, "a Redis address has no host");
        if (port && !text_to_int(arena_bytes(arena, port, (size_t)(end - port)), 1, 65535, &number))
                return error_set(err, ERROR_INVALID, "a Redis address has a port that is not a number from 1 to 65535");
        target->host = arena_bytes(arena, host, size);
        target->port = (int)number;
        return true;
}

bool redis_parse_url(const char *url, Arena *arena, RedisTarget *ret_target, Error *err) {
        RedisTarget target = { 0 };
        const char *at, *start, *path;
        size_t size;

        if (strncmp(url, "rediss://", 9) == 0)
                return error_set(err, ERROR_INVALID, "rediss:// is not supported: Redis is reached without TLS");
        if (strncmp(url, scheme, strlen(scheme)) != 0)
                return error_set(err, ERROR_INVALID, "a Redis address begins with redis://");
        start = url + strlen(scheme);
        size = strcspn(start, "/?#");
        path = start + size;
        if (*path && strcmp(path, "/") != 0 && strcmp(path, "/0") != 0)
                return error_set(err, ERROR_INVALID, "a Redis address ends behind the port, with \"/\" or with \"/0\"");
        at = memrchr(start, '@', size);
        if (at && !parse_user(start, (size_t)(at - start), arena, &target, err))
                return false;
        if (at) {
                size -= (size_t)(at - start) + 1;
                start = at + 1;
        }
        if (!parse_host(start, size, arena, &target, err))
                return false;
        *ret_target = target;
        return true;
}
