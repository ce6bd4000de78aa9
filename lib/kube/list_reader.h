/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of a list, read while they come: one object in memory at a time. Used by client_list and by reflectors.
 * Private to lib/kube.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks */
#pragma once

#include "lib/base/json_stream.h"
#include "lib/kube/client.h"

enum { LIST_PAGE = 500 };

typedef struct ListReader {
        const Kind *kind;
        bool (*on_item)(void *context, const Json *item, Error *err);
        void *context;
        char *version; /* of the whole list: all pages tell the same */
        char *next;    /* token of the next page; NULL: that was the last */
        /* private */
        JsonStream stream;
        bool complete;
} ListReader;

/* Appends path and query of the next page: the first when `reader->next` is NULL, which alone names the version. */
void list_reader_path(const ListReader *reader, const char *namespace_, const ListOptions *options, Text *path);
/* Before each page. */
void list_reader_start(ListReader *reader);
/* Bytes of the body. Errors: PROTOCOL, TOO_LARGE, INVALID for another kind of list, or on_item's own. */
bool list_reader_feed(ListReader *reader, const char *bytes, size_t size, Error *err) MUST_USE;
/* At the end of the body: PROTOCOL when the page is cut short. */
bool list_reader_end(ListReader *reader, Error *err) MUST_USE;
void list_reader_done(ListReader *reader);
