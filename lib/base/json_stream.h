/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a stream of bytes into JSON documents without parsing them: watch frames one after another, or the members of
 * the "items" array of a list. Memory is one document, at most `maximum` bytes, and none while whole documents come in
 * one piece. One thread at a time. */
#pragma once

#include "lib/base/error.h"
#include "lib/base/text.h"

typedef enum JsonStreamMode {
        JSON_STREAM_DOCUMENTS, /* each top-level value is a document (watch) */
        JSON_STREAM_LIST       /* one object; each member of its "items" array is a document; what stands around it
                                * ("kind", "metadata") is collected as one last document with "items":[] */
} JsonStreamMode;

/* `bytes` are valid during the call only, and have no NUL byte behind them. What stands between the outer brackets is
 * not checked further: json_parse does that. Returning false ends the stream with the error given. */
typedef bool JsonStreamDocument(void *context, const char *bytes, size_t size, Error *err);

typedef struct JsonStream {
        JsonStreamMode mode;
        size_t maximum; /* bytes of one document; 0 means JSON_MAXIMUM_BYTES */
        JsonStreamDocument *on_document;
        JsonStreamDocument *on_rest; /* JSON_STREAM_LIST: what stands around the items, once, when the list's last
                                      * bracket has come; may be NULL */
        void *context;
        /* private */
        Text document, rest;
        int state, depth;
        bool in_string, escaped, after_items_key;
        size_t key_start;
        uint64_t brackets[2]; /* a bit per depth: 1 for '{' */
} JsonStream;

/* Frees the memory and forgets what was half read; mode, maximum and callbacks stay: the stream can start over. */
void json_stream_done(JsonStream *stream);
/* Takes the next bytes, in any cut. False after TOO_LARGE, PROTOCOL (unbalanced brackets, depth over
 * JSON_MAXIMUM_DEPTH) or a callback's error; the stream is then dead. */
bool json_stream_feed(JsonStream *stream, const char *bytes, size_t size, Error *err) MUST_USE;
/* At the end of the bytes: false with PROTOCOL when a document is cut short. */
bool json_stream_end(JsonStream *stream, Error *err) MUST_USE;
/* True when nothing is half read. */
bool json_stream_idle(const JsonStream *stream);
