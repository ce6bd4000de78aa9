/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a request head.
 * Law: no guessing. A bare line feed, a folded or doubled header, a length in two ways, a transfer coding: refused, and
 * the connection ends, so that what follows is never taken for another request. */
#include "lib/server/http_request.h"

#include <string.h>

static const char token_characters[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

enum { MAXIMUM_METHOD = 16 };

/* What the headers said, before they are judged together. */
typedef struct Headers {
        const char *host, *length, *expect, *connection, *authorization;
        bool has_transfer_encoding, has_upgrade;
} Headers;

/* The bytes of one request as they are read. */
typedef struct Reader {
        Arena *arena;
        HttpRequest *out;
        HttpRefusal *refusal;
        Headers headers;
        bool is_1_0;
} Reader;

static bool refuse(Reader *reader, int status, const char *sentence) {
        *reader->refusal = (HttpRefusal){ .status = status, .sentence = sentence };
        return false;
}

size_t http_request_find_end(const char *bytes, size_t size, size_t *scanned) {
        const char *end = memmem(bytes + *scanned, size - *scanned, "\r\n\r\n", 4);

        if (end)
                return (size_t)(end - bytes) + 4;
        *scanned = size > 3 ? size - 3 : 0;
        return 0;
}

static int hex_value(char digit) {
        if (digit >= '0' && digit <= '9')
                return digit - '0';
        if (digit >= 'a' && digit <= 'f')
                return digit - 'a' + 10;
        return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

char *http_request_decode(const char *text, size_t size, bool plus, Arena *arena) {
        char *out = arena_bytes(arena, text, size);
        size_t length = 0;

        for (size_t i = 0; i < size; i++, length++) {
                int high, low;

                out[length] = plus && text[i] == '+' ? ' ' : text[i];
                if (text[i] != '%')
                        continue;
                high = size - i > 2 ? hex_value(text[i + 1]) : -1;
                low = size - i > 2 ? hex_value(text[i + 2]) : -1;
                if (high < 0 || low < 0 || high + low == 0)
                        return NULL;
                out[length] = (char)(high * 16 + low);
                i += 2;
        }
        out[length] = '\0';
        return out;
}

static bool read_version(Reader *reader, const char *text) {
        if (strcmp(text, "HTTP/1.1") == 0)
                return true;
        reader->is_1_0 = strcmp(text, "HTTP/1.0") == 0;
        if (reader->is_1_0)
                return true;
        if (strncmp(text, "HTTP/", 5) == 0)
                return refuse(reader, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
        return refuse(reader, 400, "the request line is broken");
}

static bool read_target(Reader *reader, const char *target) {
        ServerRequest *request = &reader->out->request;
        size_t path_size;

        if (strncmp(target, "http://", 7) == 0) { /* absolute form */
                target += 7;
                target += strcspn(target, "/?");
        }
        if (*target != '/')
                return refuse(reader, 400, "the request target is not a path");
        if (target[strcspn(target, "#\"<>\\^`{|}")] != '\0')
                return refuse(reader, 400, "the request target holds a character that must be escaped");
        path_size = strcspn(target, "?");
        request->path = http_request_decode(target, path_size, false, reader->arena);
        if (!request->path)
                return refuse(reader, 400, "the path has a broken %-escape");
        request->query = arena_string(reader->arena, target[path_size] ? target + path_size + 1 : "");
        return true;
}

static bool read_request_line(Reader *reader, char *line) {
        char *target = strchr(line, ' ');
        char *version = target ? strchr(target + 1, ' ') : NULL;
        ServerRequest *request = &reader->out->request;

        if (!version)
                return refuse(reader, 400, "the request line is broken");
        *target++ = '\0';
        *version++ = '\0';
        if (!*line || strlen(line) > MAXIMUM_METHOD || line[strspn(line, token_characters)] != '\0')
                return refuse(reader, 400, "the method is broken");
        if (!read_version(reader, version))
                return false;
        reader->out->head_only = strcmp(line, "HEAD") == 0;
        request->method = arena_string(reader->arena, reader->out->head_only ? "GET" : line);
        return read_target(reader, target);
}

/* A header that may stand there once only. */
static bool read_once(Reader *reader, const char **place, const char *value) {
        if (*place)
                return refuse(reader, 400, "a header that may stand once stands twice");
        *place = value;
        return true;
}

static bool keep_header(Reader *reader, const char *name, const char *value) {
        Headers *headers = &reader->headers;

        if (strcasecmp(name, "host") == 0)
                return read_once(reader, &headers->host, value);
        if (strcasecmp(name, "content-length") == 0)
                return read_once(reader, &headers->length, value);
        if (strcasecmp(name, "expect") == 0)
                return read_once(reader, &headers->expect, value);
        if (strcasecmp(name, "authorization") == 0)
                return read_once(reader, &headers->authorization, value);
        if (strcasecmp(name, "transfer-encoding") == 0)
                headers->has_transfer_encoding = true;
        else if (strcasecmp(name, "upgrade") == 0)
                headers->has_upgrade = true;
        else if (strcasecmp(name, "connection") == 0)
                headers->connection =
                        headers->connection ? arena_printf(reader->arena, "%s,%s", headers->connection, value) : value;
        return true;
}

static bool read_header(Reader *reader, char *line) {
        char *colon = strchr(line, ':');
        char *value, *end;

        if (!colon || colon == line)
                return refuse(reader, 400, "a header line is broken");
        *colon = '\0';
        if (line[strspn(line, token_characters)] != '\0') /* also a folded line, and a blank before the colon */
                return refuse(reader, 400, "a header name is broken");
        value = colon + 1 + strspn(colon + 1, " \t");
        end = value + strlen(value);
        while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
                *--end = '\0';
        return keep_header(reader, line, value);
}

/* One of a comma-separated list of words, whatever its case. */
static bool lists(const char *list, const char *word) {
        for (const char *at = list; at && *at; at += strspn(at, ", \t")) {
                size_t size = strcspn(at, ", \t");

                if (size == strlen(word) && strncasecmp(at, word, size) == 0)
                        return true;
                at += size;
        }
        return false;
}

static bool judge_body(Reader *reader) {
        const Headers *headers = &reader->headers;
        int64_t length = 0;

        if (headers->has_transfer_encoding)
                return refuse(reader, headers->length ? 400 : 411, "a body comes with Content-Length, not chunked");
        if (headers->length) {
                if (!*headers->length || headers->length[strspn(headers->length, "0123456789")] != '\0')
                        return refuse(reader, 400, "Content-Length is not a number");
                if (!text_to_int(headers->length, 0, SERVER_MAXIMUM_BODY, &length))
                        return refuse(reader, 413, "the body is too large");
        }
        if (headers->expect && strcasecmp(headers->expect, "100-continue") != 0)
                return refuse(reader, 417, "this expectation cannot be met");
        reader->out->request.body_size = (size_t)length;
        reader->out->wants_continue = headers->expect && !reader->is_1_0 && length > 0;
        return true;
}

static bool judge_headers(Reader *reader) {
        const Headers *headers = &reader->headers;

        if (!headers->host && !reader->is_1_0)
                return refuse(reader, 400, "the Host header is missing");
        if (headers->has_upgrade)
                return refuse(reader, 501, "a connection is not upgraded here");
        reader->out->keep_alive =
                reader->is_1_0 ? lists(headers->connection, "keep-alive") : !lists(headers->connection, "close");
        reader->out->request.authorization = headers->authorization;
        return judge_body(reader);
}

/* Lines end with CR LF, and no other control character stands anywhere but the tab. */
static bool is_clean(const char *head, size_t size) {
        for (size_t i = 0; i < size; i++) {
                unsigned char byte = (unsigned char)head[i];

                if (byte == '\r' && i + 1 < size && head[i + 1] == '\n')
                        i++;
                else if ((byte < ' ' && byte != '\t') || byte == 0x7f)
                        return false;
        }
        return true;
}

/* The next line, cut off; the head ends with an empty one. */
static char *take_line(char **cursor) {
        char *line = *cursor;
        char *end = strstr(line, "\r\n");

        *end = '\0';
        *cursor = end + 2;
        return line;
}

static bool read_lines(Reader *reader, char *head, size_t size) {
        char *line;

        if (!is_clean(head, size))
                return refuse(reader, 400, "the request holds a control character");
        if (!read_request_line(reader, take_line(&head)))
                return false;
        line = take_line(&head);
        for (int count = 1; *line; count++, line = take_line(&head)) {
                if (count > SERVER_MAXIMUM_HEADERS)
                        return refuse(reader, 431, "there are too many headers");
                if (!read_header(reader, line))
                        return false;
        }
        return judge_headers(reader);
}

bool http_request_parse(
        const char *head, size_t size, Arena *arena, HttpRequest *ret_request, HttpRefusal *ret_refusal) {
        size_t skipped = 0;
        HttpRequest request = { .head_size = size, .request = { .body = "" } };
        Reader reader = { .arena = arena, .out = &request, .refusal = ret_refusal };

        if (strncmp(head, "\r\n", 2) == 0)
                skipped = 2; /* an empty line before a request is let pass */
        if (!read_lines(&reader, arena_bytes(arena, head + skipped, size - skipped), size - skipped))
                return false;
        *ret_request = request;
        return true;
}
