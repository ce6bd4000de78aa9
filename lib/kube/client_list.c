/* SPDX-License-Identifier: Apache-2.0 */
/* Lists in pages, by blocking requests. */
#include "lib/base/alloc.h"
#include "lib/kube/list_reader.h"

static bool feed(void *context, const char *bytes, size_t size, Error *err) {
        return list_reader_feed(context, bytes, size, err);
}

static bool read_page(Client *client, ListReader *reader, const char *namespace_, const ListOptions *options,
        const char *what, Error *err) {
        CLEANUP(text_done) Text path = { 0 };
        CLEANUP(http_response_done) HttpResponse response = { 0 };
        list_reader_path(reader, namespace_, options, &path);
        list_reader_start(reader);
        const HttpRequest request = {
                .method = "GET", .path = text_string(&path), .on_bytes = feed, .context = reader
        };
        if (!http_exchange(client_http(client), &request, &response, err))
                return error_wrap(err, "%s", what);
        if (response.status != 200)
                return http_error(&response, what, err);
        return list_reader_end(reader, err) || error_wrap(err, "%s", what);
}

bool client_list(Client *client, const Kind *kind, const char *namespace_, const ListOptions *options,
        bool (*on_item)(void *context, const Json *item, Error *err), void *context, char **ret_version, Error *err) {
        static const ListOptions ALL = { 0 };
        CLEANUP(list_reader_done) ListReader reader = { .kind = kind, .on_item = on_item, .context = context };
        CLEANUP(text_done) Text what = { 0 };
        text_printf(&what, "cannot list %s", kind->plural);
        do {
                if (!read_page(client, &reader, namespace_, options ? options : &ALL, text_string(&what), err))
                        return false;
        } while (reader.next);
        if (ret_version)
                *ret_version = TAKE(reader.version);
        return true;
}
