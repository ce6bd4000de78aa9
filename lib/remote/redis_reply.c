/* SPDX-License-Identifier: Apache-2.0 */
/* The callbacks by which hiredis' reader builds JSON, and what the first word of an error reply means.
 * Law: hiredis frees the root alone, so every child hangs on its parent from the moment it exists. */
#include "lib/remote/redis_reply.h"

#include <string.h>

#include "lib/base/alloc.h"

#if HIREDIS_MAJOR >= 1
typedef size_t ElementCount;
#else
typedef int ElementCount;
#endif

static const struct {
        const char *word;
        ErrorCode code;
} refusals[] = {
        { "BUSY", ERROR_UNAVAILABLE },
        { "INPROG", ERROR_CONFLICT },
        { "LOADING", ERROR_UNAVAILABLE },
        { "MASTERDOWN", ERROR_UNAVAILABLE },
        { "NOAUTH", ERROR_UNAUTHORIZED },
        { "NOGOODSLAVE", ERROR_UNAVAILABLE },
        { "NOPERM", ERROR_FORBIDDEN },
        { "NOQUORUM", ERROR_UNAVAILABLE },
        { "NOREPLICAS", ERROR_UNAVAILABLE },
        { "READONLY", ERROR_CONFLICT },
        { "WRONGPASS", ERROR_UNAUTHORIZED },
};

static void *place(const redisReadTask *task, Json *json) {
        if (task->parent)
                json_add(task->parent->obj, json);
        return json;
}

static void *create_string(const redisReadTask *task, char *bytes, size_t size) {
        RedisReplyNotes *notes = task->privdata;
        CLEANUP(cleanup_free) char *text = NULL;

        if (memchr(bytes, '\0', size)) {
                notes->refusal = "a reply with a NUL byte";
                return NULL;
        }
        if (task->type == REDIS_REPLY_ERROR && !task->parent)
                notes->is_error = true;
        text = alloc_bytes(bytes, size);
        return place(task, json_new_string(text));
}

static void *create_array(const redisReadTask *task, ElementCount count) {
        RedisReplyNotes *notes = task->privdata;
        int depth = 1;

        (void)count;
        for (const redisReadTask *at = task->parent; at; at = at->parent)
                depth++;
        if (depth > REDIS_REPLY_MAXIMUM_DEPTH) {
                notes->refusal = "a reply of arrays nested too deep";
                return NULL;
        }
        return place(task, json_new_array());
}

static void *create_integer(const redisReadTask *task, long long value) {
        return place(task, json_new_int(value));
}

static void *create_nil(const redisReadTask *task) {
        return place(task, json_new_null());
}

#if HIREDIS_MAJOR >= 1
static void *create_double(const redisReadTask *task, double value, char *digits, size_t size) {
        (void)value;
        return create_string(task, digits, size);
}

static void *create_bool(const redisReadTask *task, int value) {
        return place(task, json_new_bool(value != 0));
}
#endif

static void free_object(void *json) {
        json_free(json);
}

static redisReplyObjectFunctions callbacks = {
        .createString = create_string,
        .createArray = create_array,
        .createInteger = create_integer,
#if HIREDIS_MAJOR >= 1
        .createDouble = create_double,
        .createBool = create_bool,
#endif
        .createNil = create_nil,
        .freeObject = free_object,
};

redisReader *redis_reply_reader(RedisReplyNotes *notes) {
        redisReader *reader = redisReaderCreateWithFunctions(&callbacks);

        if (!reader)
                abort();
        reader->privdata = notes;
        return reader;
}

bool redis_reply_refused(const char *sentence, Error *err) {
        size_t length = strcspn(sentence, " ");
        ErrorCode code = ERROR_INVALID;

        for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
                if (strlen(refusals[i].word) == length && strncmp(sentence, refusals[i].word, length) == 0)
                        code = refusals[i].code;
        (void)error_set(err, code, "%s", sentence);
        if (err)
                (void)snprintf(err->reason, sizeof(err->reason), "%.*s", (int)length, sentence);
        return false;
}
