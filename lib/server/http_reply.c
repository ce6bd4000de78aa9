/* SPDX-License-Identifier: Apache-2.0 */
/* Writing replies.
 * Law: every reply has a length and says whether the connection goes on. */
#include "lib/server/http_reply.h"

#include <time.h>

#include "lib/base/json.h"

enum { MAXIMUM_SENTENCE = 512 };

static const struct {
        int status;
        const char *reason;
} reasons[] = {
        { 200, "OK" },
        { 201, "Created" },
        { 202, "Accepted" },
        { 204, "No Content" },
        { 304, "Not Modified" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 411, "Length Required" },
        { 413, "Content Too Large" },
        { 415, "Unsupported Media Type" },
        { 417, "Expectation Failed" },
        { 422, "Unprocessable Content" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 504, "Gateway Timeout" },
        { 505, "HTTP Version Not Supported" },
};

const char *http_reply_reason(int status) {
        for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
                if (reasons[i].status == status)
                        return reasons[i].reason;
        return "Unnamed";
}

static void write_date(Text *out) {
        char date[64];
        time_t now = time(NULL);
        struct tm utc;

        (void)gmtime_r(&now, &utc);
        if (strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc) > 0)
                text_printf(out, "Date: %s\r\n", date);
}

void http_reply_write(const ServerReply *reply, const HttpReplyOptions *options, Text *out) {
        int status = reply->status ? reply->status : 200;
        bool has_body = status != 204 && status != 304;

        text_printf(out, "HTTP/1.1 %d %s\r\n", status, http_reply_reason(status));
        write_date(out);
        if (has_body) {
                text_printf(out, "Content-Type: %s\r\n",
                        reply->content_type ? reply->content_type : "text/plain; charset=utf-8");
                text_printf(out, "Content-Length: %zu\r\n", reply->body.size);
        }
        text_append(out, "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n");
        if (options->allow)
                text_printf(out, "Allow: %s\r\n", options->allow);
        if (reply->extra_header)
                text_printf(out, "%s\r\n", reply->extra_header);
        text_printf(out, "Connection: %s\r\n\r\n", options->keep_alive ? "keep-alive" : "close");
        if (has_body && !options->head_only)
                text_append_bytes(out, text_string(&reply->body), reply->body.size);
}

void server_problem(ServerReply *reply, int status, const char *format, ...) {
        CLEANUP(json_cleanup) Json *problem = json_new_object();
        char sentence[MAXIMUM_SENTENCE];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(sentence, sizeof(sentence), format, args);
        va_end(args);
        json_put_string(problem, "type", "about:blank");
        json_put_string(problem, "title", http_reply_reason(status));
        json_put_int(problem, "status", status);
        json_put_string(problem, "detail", sentence);
        text_clear(&reply->body);
        json_append(problem, &reply->body);
        text_append(&reply->body, "\n");
        reply->status = status;
        reply->content_type = "application/problem+json";
}
