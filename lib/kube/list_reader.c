/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a page into its items. Law: a page that was not read to its last bracket counts for nothing. */
#include "lib/kube/list_reader.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"

static void append_parameter(Text *path, const char *name, const char *value) {
        if (!value)
                return;
        text_append(path, strchr(text_string(path), '?') ? "&" : "?");
        text_append(path, name);
        text_append(path, "=");
        http_escape(path, value);
}

void list_reader_path(const ListReader *reader, const char *namespace_, const ListOptions *options, Text *path) {
        client_path(reader->kind, namespace_, NULL, NULL, path);
        append_parameter(path, "labelSelector", options->label_selector);
        append_parameter(path, "fieldSelector", options->field_selector);
        if (options->page >= 0)
                text_printf(path, "%slimit=%d", strchr(text_string(path), '?') ? "&" : "?",
                        options->page ? options->page : LIST_PAGE);
        if (reader->next) {
                append_parameter(path, "continue", reader->next);
        } else if (options->resource_version) {
                append_parameter(path, "resourceVersion", options->resource_version);
                append_parameter(path, "resourceVersionMatch", "NotOlderThan");
        }
}

static bool read_item(void *context, const char *bytes, size_t size, Error *err) {
        const ListReader *reader = context;
        CLEANUP(json_cleanup) Json *item = NULL;
        return json_parse(bytes, size, &item, err) && reader->on_item(reader->context, item, err);
}

static bool read_rest(void *context, const char *bytes, size_t size, Error *err) {
        ListReader *reader = context;
        CLEANUP(json_cleanup) Json *list = NULL;
        if (!json_parse(bytes, size, &list, err))
                return false;
        const char *kind = json_string(json_get(list, "kind"), "");
        const char *version = json_find_string(list, "/metadata/resourceVersion", "");
        const char *next = json_find_string(list, "/metadata/continue", "");
        size_t length = strlen(reader->kind->kind);
        if (strncmp(kind, reader->kind->kind, length) != 0 || strcmp(kind + length, "List") != 0)
                return error_set(err, ERROR_INVALID, "expected a list of %s, got kind %s", reader->kind->kind, kind);
        if (!*version)
                return error_set(err, ERROR_PROTOCOL, "the list of %s has no resourceVersion", reader->kind->kind);
        free(reader->version);
        free(reader->next);
        reader->version = alloc_string(version);
        reader->next = *next ? alloc_string(next) : NULL;
        reader->complete = true;
        return true;
}

void list_reader_start(ListReader *reader) {
        json_stream_done(&reader->stream);
        reader->stream = (JsonStream){
                .mode = JSON_STREAM_LIST, .on_document = read_item, .on_rest = read_rest, .context = reader
        };
        reader->complete = false;
}

bool list_reader_feed(ListReader *reader, const char *bytes, size_t size, Error *err) {
        return json_stream_feed(&reader->stream, bytes, size, err);
}

bool list_reader_end(ListReader *reader, Error *err) {
        bool ended = json_stream_end(&reader->stream, err);
        json_stream_done(&reader->stream);
        if (ended && !reader->complete)
                return error_set(err, ERROR_PROTOCOL, "the list of %s is cut short", reader->kind->kind);
        return ended;
}

void list_reader_done(ListReader *reader) {
        json_stream_done(&reader->stream);
        free(TAKE(reader->version));
        free(TAKE(reader->next));
}
