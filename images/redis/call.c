/* SPDX-License-Identifier: Apache-2.0 */
/* Thin over hiredis: connections with deadlines, commands as words. */
#include "call.h"

#include <stdlib.h>
#include <string.h>

void call_free_reply(redisReply **reply) {
        if (*reply)
                freeReplyObject(*reply);
        *reply = NULL;
}

void call_free(redisContext **context) {
        if (*context)
                redisFree(*context);
        *context = NULL;
}

static redisContext *authenticate(redisContext *context, const char *password, int ms) {
        struct timeval timeout = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
        if (!context || context->err || redisSetTimeout(context, timeout) != REDIS_OK ||
                (password && !CALL_DONE(context, "AUTH", password))) {
                call_free(&context);
                return NULL;
        }
        return context;
}

redisContext *call_connect(const char *address, int port, const char *password, int ms) {
        struct timeval timeout = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
        return authenticate(redisConnectWithTimeout(address, port, timeout), password, ms);
}

redisContext *call_connect_unix(const char *path, const char *password, int ms) {
        struct timeval timeout = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
        return authenticate(redisConnectUnixWithTimeout(path, timeout), password, ms);
}

redisReply *call(redisContext *context, const char *const *words, size_t n) {
        if (!context || n > 16)
                return NULL;
        const char *arguments[16];
        size_t lengths[16];
        for (size_t i = 0; i < n; i++) {
                arguments[i] = words[i];
                lengths[i] = strlen(words[i]);
        }
        return redisCommandArgv(context, (int)n, arguments, lengths);
}

bool call_done(redisContext *context, const char *const *words, size_t n) {
        REPLY reply = call(context, words, n);
        return reply && reply->type != REDIS_REPLY_ERROR;
}

bool call_info(const char *info, const char *field, char *ret, size_t size) {
        size_t length = strlen(field);
        for (const char *line = info; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, field, length) != 0 || line[length] != ':')
                        continue;
                size_t used = strcspn(line + length + 1, "\r\n");
                if (used >= size)
                        return false;
                memcpy(ret, line + length + 1, used);
                ret[used] = 0;
                return true;
        }
        return false;
}

long long call_info_number(const char *info, const char *field, long long otherwise) {
        char text[32];
        return call_info(info, field, text, sizeof text) ? strtoll(text, NULL, 10) : otherwise;
}

const char *call_field(const redisReply *reply, const char *field) {
        for (size_t i = 0; reply && i + 1 < reply->elements; i += 2)
                if (reply->element[i]->str && strcmp(reply->element[i]->str, field) == 0)
                        return reply->element[i + 1]->str;
        return NULL;
}
