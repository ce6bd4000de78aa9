/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts bytes into JSON documents by brackets and quotes alone; every byte of watch traffic comes through here.
 * Law: the result does not depend on where the input is cut, and the work is linear in its bytes. */
#include "lib/base/json_stream.h"

#include <string.h>

#include "lib/base/json.h"

/* A buffer that one big document needed is given back: a watch may rest for hours, and most documents need none. */
enum { KEPT_BYTES = 512, LIST_FLOOR = 2, SHORT_STRING_BYTES = 32, WINDOW_BYTES = 256 };

typedef enum State { START, BETWEEN, NESTED, SCALAR, AROUND, FINISHED, DEAD } State;

typedef enum Class { PLAIN, SPACE, SEPARATOR, QUOTE, OPEN, CLOSE } Class;

static const unsigned char classes[256] = { [' '] = SPACE,
        ['\t'] = SPACE,
        ['\n'] = SPACE,
        ['\r'] = SPACE,
        [','] = SEPARATOR,
        [':'] = SEPARATOR,
        ['"'] = QUOTE,
        ['{'] = OPEN,
        ['['] = OPEN,
        ['}'] = CLOSE,
        [']'] = CLOSE };

typedef struct Cursor {
        const char *at, *end;
} Cursor;

static Class class_of(char c) {
        return (Class)classes[(unsigned char)c];
}

static bool unexpected(char c, Error *err) {
        return error_set(err, ERROR_PROTOCOL, "byte 0x%02x makes no sense between JSON documents", (unsigned char)c);
}

static size_t maximum_of(const JsonStream *stream) {
        return stream->maximum ? stream->maximum : JSON_MAXIMUM_BYTES;
}

static bool too_large(const JsonStream *stream, Error *err) {
        return error_set(
                err, ERROR_TOO_LARGE, "a JSON document of the stream has more than %zu bytes", maximum_of(stream));
}

static bool open_bracket(JsonStream *stream, char c, Error *err) {
        uint64_t bit = UINT64_C(1) << (stream->depth % 64);
        uint64_t *word = &stream->brackets[stream->depth / 64];

        if (stream->depth == JSON_MAXIMUM_DEPTH)
                return error_set(err, ERROR_PROTOCOL, "the JSON is nested more than %d deep", JSON_MAXIMUM_DEPTH);
        *word = c == '{' ? *word | bit : *word & ~bit;
        stream->depth++;
        return true;
}

static bool close_bracket(JsonStream *stream, char c, Error *err) {
        int depth = stream->depth - 1;

        if (depth < 0 || (stream->brackets[depth / 64] >> (depth % 64) & 1) != (c == '}'))
                return error_set(err, ERROR_PROTOCOL, "the JSON has a '%c' that closes nothing", c);
        stream->depth = depth;
        return true;
}

/* The first quote or backslash from `at` on, or `end`. Most strings are short: a plain loop beats memchr there. */
static const char *find_special(const char *at, const char *end) {
        const char *near = end - at > SHORT_STRING_BYTES ? at + SHORT_STRING_BYTES : end;
        const char *quote, *backslash;

        for (; at < near; at++)
                if (*at == '"' || *at == '\\')
                        return at;
        /* In windows, so that a far quote is not searched for again behind every backslash. */
        while (at < end) {
                size_t size = end - at > WINDOW_BYTES ? WINDOW_BYTES : (size_t)(end - at);

                quote = memchr(at, '"', size);
                size = quote ? (size_t)(quote - at) : size;
                backslash = memchr(at, '\\', size);
                if (backslash || quote)
                        return backslash ? backslash : quote;
                at += size;
        }
        return end;
}

/* Goes behind the string's closing quote, or to the end of the input. */
static void skip_string(JsonStream *stream, Cursor *cursor) {
        if (stream->escaped) {
                stream->escaped = false;
                cursor->at++;
        }
        while (cursor->at < cursor->end) {
                cursor->at = find_special(cursor->at, cursor->end);
                if (cursor->at == cursor->end)
                        return;
                if (*cursor->at++ == '"') {
                        stream->in_string = false;
                        return;
                }
                if (cursor->at == cursor->end) {
                        stream->escaped = true;
                        return;
                }
                cursor->at++;
        }
}

/* Goes behind the document that stands `floor` deep, or to the end of the input. */
static bool skip_nested(JsonStream *stream, Cursor *cursor, bool *ret_complete, Error *err) {
        int floor = stream->mode == JSON_STREAM_LIST ? LIST_FLOOR : 0;

        *ret_complete = false;
        while (cursor->at < cursor->end && !*ret_complete) {
                char c;

                if (stream->in_string) {
                        skip_string(stream, cursor);
                        *ret_complete = stream->depth == floor && !stream->in_string;
                        continue;
                }
                while (cursor->at < cursor->end && classes[(unsigned char)*cursor->at] < QUOTE)
                        cursor->at++;
                if (cursor->at == cursor->end)
                        break;
                c = *cursor->at++;
                if (c == '"') {
                        stream->in_string = true;
                } else if (class_of(c) == OPEN) {
                        if (!open_bracket(stream, c, err))
                                return false;
                } else {
                        if (!close_bracket(stream, c, err))
                                return false;
                        *ret_complete = stream->depth == floor;
                }
        }
        return true;
}

/* Takes a piece of the current document; hands the document on when this was the last one. */
static bool take_piece(JsonStream *stream, const char *bytes, size_t size, bool complete, Error *err) {
        Text *document = &stream->document;
        bool taken;

        if (size > maximum_of(stream) || document->size > maximum_of(stream) - size)
                return too_large(stream, err);
        if (complete && document->size == 0) {
                stream->state = BETWEEN;
                return stream->on_document(stream->context, bytes, size, err);
        }
        document->maximum = maximum_of(stream);
        text_append_bytes(document, bytes, size);
        if (!complete)
                return true;
        stream->state = BETWEEN;
        taken = stream->on_document(stream->context, document->data, document->size, err);
        if (document->capacity > KEPT_BYTES)
                text_done(document);
        else
                text_clear(document);
        return taken;
}

static bool step_nested(JsonStream *stream, Cursor *cursor, Error *err) {
        const char *start = cursor->at;
        bool complete;

        return skip_nested(stream, cursor, &complete, err) &&
               take_piece(stream, start, (size_t)(cursor->at - start), complete, err);
}

static bool step_scalar(JsonStream *stream, Cursor *cursor, Error *err) {
        const char *start = cursor->at;

        while (cursor->at < cursor->end && class_of(*cursor->at) == PLAIN)
                cursor->at++;
        return take_piece(stream, start, (size_t)(cursor->at - start), cursor->at < cursor->end, err);
}

static bool append_rest(JsonStream *stream, const char *bytes, size_t size, Error *err) {
        stream->rest.maximum = maximum_of(stream);
        text_append_bytes(&stream->rest, bytes, size);
        return !stream->rest.failed || too_large(stream, err);
}

static bool step_between(JsonStream *stream, Cursor *cursor, Error *err) {
        bool list = stream->mode == JSON_STREAM_LIST;
        char c = *cursor->at;

        switch (class_of(c)) {
        case SPACE:
                cursor->at++;
                return true;
        case QUOTE:
        case OPEN:
                stream->state = NESTED;
                return true;
        case PLAIN:
                stream->state = SCALAR;
                return true;
        case SEPARATOR:
                cursor->at++;
                return (list && c == ',') || unexpected(c, err);
        case CLOSE:
                if (!list)
                        return unexpected(c, err);
                cursor->at++;
                stream->state = AROUND;
                stream->after_items_key = false;
                return close_bracket(stream, c, err) && append_rest(stream, &c, 1, err);
        }
        return unexpected(c, err);
}

static bool is_items_key(const JsonStream *stream) {
        static const char key[] = "\"items\"";
        const Text *rest = &stream->rest;

        return stream->depth == 1 && rest->size - stream->key_start == sizeof(key) - 1 &&
               memcmp(rest->data + stream->key_start, key, sizeof(key) - 1) == 0;
}

static bool finish_list(JsonStream *stream, Error *err) {
        bool taken = true;

        stream->state = FINISHED;
        if (stream->on_rest)
                taken = stream->on_rest(stream->context, stream->rest.data, stream->rest.size, err);
        text_done(&stream->rest);
        return taken;
}

/* One structural byte outside the items. */
static bool take_structure(JsonStream *stream, char c, Error *err) {
        if (c == '"') {
                stream->in_string = true;
                stream->key_start = stream->rest.size;
        } else if (class_of(c) == OPEN) {
                if (!open_bracket(stream, c, err))
                        return false;
                if (c == '[' && stream->depth == LIST_FLOOR && stream->after_items_key)
                        stream->state = BETWEEN;
        } else if (class_of(c) == CLOSE) {
                if (!close_bracket(stream, c, err))
                        return false;
        } else if (c == ',' && stream->depth == 1) {
                stream->after_items_key = false;
        }
        if (!append_rest(stream, &c, 1, err))
                return false;
        return stream->depth > 0 || finish_list(stream, err);
}

static bool step_around(JsonStream *stream, Cursor *cursor, Error *err) {
        const char *start = cursor->at;
        Class class = class_of(*start);

        if (stream->in_string) {
                skip_string(stream, cursor);
                if (!append_rest(stream, start, (size_t)(cursor->at - start), err))
                        return false;
                if (!stream->in_string && is_items_key(stream))
                        stream->after_items_key = true;
                return true;
        }
        if (stream->depth == 0 && class != SPACE && *start != '{')
                return error_set(err, ERROR_PROTOCOL, "the list is no JSON object");
        if (class > SPACE) {
                cursor->at++;
                return take_structure(stream, *start, err);
        }
        if (stream->depth == 0) {
                cursor->at++;
                return true;
        }
        while (cursor->at < cursor->end && class_of(*cursor->at) <= SPACE)
                cursor->at++;
        return append_rest(stream, start, (size_t)(cursor->at - start), err);
}

static bool step_finished(Cursor *cursor, Error *err) {
        char c = *cursor->at++;

        return class_of(c) == SPACE || unexpected(c, err);
}

static bool step(JsonStream *stream, Cursor *cursor, Error *err) {
        switch ((State)stream->state) {
        case START:
                stream->state = stream->mode == JSON_STREAM_LIST ? AROUND : BETWEEN;
                return true;
        case BETWEEN:
                return step_between(stream, cursor, err);
        case NESTED:
                return step_nested(stream, cursor, err);
        case SCALAR:
                return step_scalar(stream, cursor, err);
        case AROUND:
                return step_around(stream, cursor, err);
        case FINISHED:
                return step_finished(cursor, err);
        case DEAD:
                break;
        }
        return error_set(err, ERROR_PROTOCOL, "the JSON stream has failed before");
}

void json_stream_done(JsonStream *stream) {
        text_done(&stream->document);
        text_done(&stream->rest);
        *stream = (JsonStream){ .mode = stream->mode,
                .maximum = stream->maximum,
                .on_document = stream->on_document,
                .on_rest = stream->on_rest,
                .context = stream->context };
}

bool json_stream_feed(JsonStream *stream, const char *bytes, size_t size, Error *err) {
        Cursor cursor = { .at = bytes, .end = bytes + size };

        while (cursor.at < cursor.end) {
                if (!step(stream, &cursor, err)) {
                        stream->state = DEAD;
                        return false;
                }
        }
        return true;
}

bool json_stream_end(JsonStream *stream, Error *err) {
        bool list = stream->mode == JSON_STREAM_LIST;
        bool ended;

        if (stream->state == SCALAR && !list) {
                ended = take_piece(stream, "", 0, true, err);
        } else {
                ended = stream->state == FINISHED || (!list && json_stream_idle(stream));
                if (!ended)
                        (void)error_set(err, ERROR_PROTOCOL, "the JSON stream is cut short");
        }
        if (!ended)
                stream->state = DEAD;
        return ended;
}

bool json_stream_idle(const JsonStream *stream) {
        bool list = stream->mode == JSON_STREAM_LIST;

        switch ((State)stream->state) {
        case START:
        case FINISHED:
                return true;
        case BETWEEN:
                return !list;
        case AROUND:
                return stream->depth == 0;
        default:
                return false;
        }
}
