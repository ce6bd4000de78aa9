/* SPDX-License-Identifier: Apache-2.0 */
/* Redis and Sentinel over a socket of our own.
 * Law: every wait has a deadline, and a connection whose place in the stream is lost answers nothing more. */
#include "lib/remote/redis.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/remote/dial.h"
#include "lib/remote/redis_reply.h"

enum { READ_SIZE = 4096 };

struct Redis {
        int fd;
        bool lost; /* the next bytes of the stream may belong to an older command */
        int64_t timeout_ms;
        int64_t deadline_ms; /* 0: none but the timeout */
        char *host;
        int port;
};

void redis_close(Redis *redis) {
        if (!redis)
                return;
        cleanup_close(&redis->fd);
        free(redis->host);
        free(redis);
}

void redis_cleanup(Redis **redis) {
        redis_close(*redis);
}

void redis_set_deadline(Redis *redis, int64_t deadline_ms) {
        redis->deadline_ms = deadline_ms;
}

static bool send_all(Redis *redis, const char *bytes, size_t size, int64_t deadline_ms, Error *err) {
        while (size > 0) {
                ssize_t sent = send(redis->fd, bytes, size, MSG_NOSIGNAL);

                if (sent >= 0) {
                        bytes += sent;
                        size -= (size_t)sent;
                        continue;
                }
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return error_set(err, ERROR_UNAVAILABLE, "sending: %s", strerrordesc_np(errno));
                if (!dial_wait(redis->fd, POLLOUT, deadline_ms, err))
                        return false;
        }
        return true;
}

/* One read of the socket into the reader; what is not there yet is waited for. */
static bool feed(Redis *redis, redisReader *reader, size_t *total, int64_t deadline_ms, Error *err) {
        char bytes[READ_SIZE];
        ssize_t got = recv(redis->fd, bytes, sizeof(bytes), 0);

        if (got < 0 && errno == EINTR)
                return true;
        if (got < 0 && errno == EAGAIN)
                return dial_wait(redis->fd, POLLIN, deadline_ms, err);
        if (got < 0)
                return error_set(err, ERROR_UNAVAILABLE, "receiving: %s", strerrordesc_np(errno));
        if (got == 0)
                return error_set(err, ERROR_UNAVAILABLE, "the connection was closed");
        *total += (size_t)got;
        if (*total > REDIS_MAXIMUM_REPLY)
                return error_set(err, ERROR_TOO_LARGE, "a reply over %d bytes", REDIS_MAXIMUM_REPLY);
        if (redisReaderFeed(reader, bytes, (size_t)got) != REDIS_OK)
                return error_set(err, ERROR_PROTOCOL, "%s", reader->errstr);
        return true;
}

static bool receive(Redis *redis, redisReader *reader, int64_t deadline_ms, Json **ret_reply, Error *err) {
        const RedisReplyNotes *notes = reader->privdata;
        size_t total = 0;
        void *reply = NULL;

        while (!reply) {
                if (!feed(redis, reader, &total, deadline_ms, err))
                        return false;
                if (redisReaderGetReply(reader, &reply) != REDIS_OK)
                        return error_set(err, ERROR_PROTOCOL, "%s", notes->refusal ? notes->refusal : reader->errstr);
        }
        *ret_reply = reply;
        if (reader->pos < reader->len) {
                json_free(TAKE(*ret_reply));
                return error_set(err, ERROR_PROTOCOL, "more than one reply to one command");
        }
        return true;
}

static bool exchange(Redis *redis, const char *const *args, size_t arg_count, Json **ret_reply, Error *err) {
        int64_t deadline_ms = clock_now_ms() + redis->timeout_ms;
        const char *words[REDIS_MAXIMUM_ARGS];
        size_t sizes[REDIS_MAXIMUM_ARGS];
        RedisReplyNotes notes = { 0 };
        Json *reply = NULL;
        char *command = NULL;
        redisReader *reader;
        long long size; /* an int in hiredis 0.14 */
        bool ok;

        if (redis->deadline_ms && redis->deadline_ms < deadline_ms)
                deadline_ms = redis->deadline_ms;
        for (size_t i = 0; i < arg_count; i++) {
                words[i] = args[i];
                sizes[i] = strlen(args[i]);
        }
        size = redisFormatCommandArgv(&command, (int)arg_count, words, sizes);
        if (size < 0)
                abort(); /* out of memory is all that it can say */
        reader = redis_reply_reader(&notes);
        ok = send_all(redis, command, (size_t)size, deadline_ms, err) &&
             receive(redis, reader, deadline_ms, &reply, err);
        redisFreeCommand(command);
        redisReaderFree(reader);
        redis->lost = !ok;
        if (ok && notes.is_error) {
                ok = redis_reply_refused(json_string(reply, ""), err);
                json_free(TAKE(reply));
        }
        if (ok)
                *ret_reply = reply;
        return ok;
}

bool redis_command(Redis *redis, const char *const *args, size_t arg_count, Json **ret_reply, Error *err) {
        Json *reply = NULL;

        if (arg_count < 1 || arg_count > REDIS_MAXIMUM_ARGS)
                return error_set(err, ERROR_BUG, "a Redis command of %zu words", arg_count);
        if (redis->lost)
                return error_set(
                        err, ERROR_UNAVAILABLE, "the connection to %s port %d was lost", redis->host, redis->port);
        if (!exchange(redis, args, arg_count, &reply, err))
                return error_wrap(err, "%s on %s port %d", args[0], redis->host, redis->port);
        if (ret_reply)
                *ret_reply = reply;
        else
                json_free(reply);
        return true;
}

static bool authenticate(Redis *redis, const RedisTarget *target, Error *err) {
        const char *args[3] = { "AUTH", target->username, target->password };
        Error failure = { 0 };

        if (!target->password)
                return true;
        if (!target->username)
                args[1] = target->password;
        if (redis_command(redis, args, target->username ? 3 : 2, NULL, &failure))
                return true;
        /* A server without a password answers ERR to AUTH: our credentials do not fit either. */
        if (failure.code == ERROR_INVALID)
                failure.code = ERROR_UNAUTHORIZED;
        if (err)
                *err = failure;
        return false;
}

bool redis_connect(const RedisTarget *target, Redis **ret_redis, Error *err) {
        int64_t deadline_ms = clock_now_ms() + target->timeout_ms;
        CLEANUP(redis_cleanup) Redis *redis = NULL;
        int fd;

        if (!dial_tcp(target->host, target->port, deadline_ms, &fd, err))
                return false;
        redis = alloc_zero(sizeof(*redis));
        *redis = (Redis){ .fd = fd,
                .timeout_ms = target->timeout_ms,
                .deadline_ms = deadline_ms,
                .host = alloc_string(target->host),
                .port = target->port };
        if (!authenticate(redis, target, err))
                return false;
        redis->deadline_ms = 0;
        *ret_redis = TAKE(redis);
        return true;
}

Json *redis_parse_info(const char *info) {
        Json *object = json_new_object();

        while (*info) {
                size_t line = strcspn(info, "\r\n");
                const char *colon = memchr(info, ':', line);

                if (colon && *info != '#') {
                        CLEANUP(cleanup_free) char *key = alloc_bytes(info, (size_t)(colon - info));
                        CLEANUP(cleanup_free)
                        char *value = alloc_bytes(colon + 1, line - (size_t)(colon - info) - 1);

                        json_put_string(object, key, value);
                }
                info += line;
                info += strspn(info, "\r\n");
        }
        return object;
}
