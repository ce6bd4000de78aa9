/* SPDX-License-Identifier: Apache-2.0 */
/* A connection's life: read a request, wait for its handler, write the reply, again.
 * Law: nothing is read into a request beyond its announced length, and an idle connection holds no buffer. */
#include "lib/server/connection.h"

#include <string.h>

#include "lib/base/alloc.h"
#include "lib/server/http_reply.h"

static const char pad[CONNECTION_PAD];

Connection *connection_new(void) {
        return alloc_zero(sizeof(Connection));
}

void connection_free(Connection *connection) {
        text_done(&connection->in);
        text_done(&connection->out);
        text_done(&connection->job.reply.body);
        arena_done(&connection->arena);
        free(connection);
}

void connection_refuse(Connection *connection, int status, const char *sentence) {
        server_problem(&connection->job.reply, status, "%s", sentence);
        connection->closing = true;
}

static ConnectionNews refused(Connection *connection, int status, const char *sentence) {
        connection_refuse(connection, status, sentence);
        return CONNECTION_IS_REFUSED;
}

static ConnectionNews read_head(Connection *connection) {
        const Text *in = &connection->in;
        size_t size = in->size ? http_request_find_end(in->data, in->size, &connection->scanned) : 0;
        HttpRefusal refusal = { 0 };

        if (size > SERVER_MAXIMUM_HEAD || (size == 0 && in->size > SERVER_MAXIMUM_HEAD))
                return refused(connection, 431, "the request line and headers are too large");
        if (size == 0 && in->size > 0 && (unsigned char)in->data[0] < ' ' && in->data[0] != '\r')
                return refused(connection, 400, "this is not HTTP; TLS is not spoken here");
        if (size == 0)
                return CONNECTION_WANTS_MORE;
        if (!http_request_parse(in->data, size, &connection->arena, &connection->parsed, &refusal))
                return refused(connection, refusal.status, refusal.sentence);
        connection->has_head = true;
        return connection->parsed.wants_continue ? CONNECTION_WANTS_CONTINUE : CONNECTION_WANTS_MORE;
}

ConnectionNews connection_read(Connection *connection, const char *bytes, size_t size) {
        const HttpRequest *parsed = &connection->parsed;
        ConnectionNews news = CONNECTION_WANTS_MORE;

        text_append_bytes(&connection->in, bytes, size);
        if (!connection->has_head)
                news = read_head(connection);
        if (!connection->has_head || connection->in.size < parsed->head_size + parsed->request.body_size)
                return news;
        connection->job.request = parsed->request;
        connection->job.request.body =
                arena_bytes(&connection->arena, connection->in.data + parsed->head_size, parsed->request.body_size);
        connection->closing = !parsed->keep_alive;
        return CONNECTION_HAS_REQUEST;
}

void connection_reply(Connection *connection, const char *allow) {
        HttpReplyOptions options = { .keep_alive = !connection->closing,
                .head_only = connection->has_head && connection->parsed.head_only,
                .allow = allow };
        ServerReply *reply = &connection->job.reply;

        if (reply->body.failed) {
                text_clear(&reply->body);
                server_problem(reply, 500, "the answer is too large");
        }
        text_append_bytes(&connection->out, pad, sizeof(pad));
        http_reply_write(reply, &options, &connection->out);
        text_done(&reply->body);
        connection->sent = CONNECTION_PAD;
        connection->state = CONNECTION_WRITING;
}

const char *connection_next_piece(Connection *connection, size_t *ret_size) {
        size_t left = connection->out.size - connection->sent;
        const char *piece = connection->out.data + connection->sent;

        if (left == 0)
                return NULL;
        *ret_size = left < CONNECTION_PIECE ? left : CONNECTION_PIECE;
        connection->sent += *ret_size;
        return piece;
}

void connection_next_request(Connection *connection, int64_t now_ms) {
        size_t used = connection->parsed.head_size + connection->parsed.request.body_size;

        text_consume(&connection->in, used);
        if (connection->in.size == 0)
                text_done(&connection->in);
        text_done(&connection->out);
        arena_done(&connection->arena);
        connection->job = (PoolJob){ 0 };
        connection->parsed = (HttpRequest){ 0 };
        connection->has_head = false;
        connection->scanned = 0;
        connection->state = CONNECTION_READING;
        connection->since_ms = now_ms;
}
