/* SPDX-License-Identifier: Apache-2.0 */
/* A RESP2 reply as a JSON tree, built while it is read: no second tree, and nothing is allocated on the word of the
 * other side (an announced array length costs nothing). Private to redis.c. */
#pragma once

#include <hiredis/hiredis.h>

#include "lib/base/json.h"

/* Levels of arrays; hiredis 1.2 knows no limit of its own. */
enum { REDIS_REPLY_MAXIMUM_DEPTH = 7 };

/* What the reader notes on its way; its address is the reader's privdata. */
typedef struct RedisReplyNotes {
        bool is_error;       /* the reply as a whole is an error */
        const char *refusal; /* why the reply cannot be a tree; NULL: it can */
} RedisReplyNotes;

/* `notes` must live as long as the reader. What redisReaderGetReply gives is a Json tree. */
redisReader *redis_reply_reader(RedisReplyNotes *notes);
/* Turns an error reply into an Error: the table of codes that redis.h documents. Returns false. */
bool redis_reply_refused(const char *sentence, Error *err);
