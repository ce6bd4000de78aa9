/* SPDX-License-Identifier: Apache-2.0 */
/* JSON trees as compact text, straight into a Text: no second copy of the document is made.
 * Law: what comes out is valid UTF-8 and valid JSON. https://www.rfc-editor.org/rfc/rfc8259 */
#include <cjson/cJSON.h>
#include <string.h>

#include "lib/base/json.h"

static bool is_plain(unsigned char byte) {
        return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

static void append_escape(unsigned char byte, Text *text) {
        static const char letters[0x20] = { ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };
        char escape[2] = { '\\', (char)byte };

        if (byte < 0x20 && !letters[byte]) {
                text_printf(text, "\\u%04x", byte);
                return;
        }
        if (byte < 0x20)
                escape[1] = letters[byte];
        text_append_bytes(text, escape, sizeof(escape));
}

void json_append_string(const char *value, Text *text) {
        static const char replacement[] = "\xEF\xBF\xBD";
        const char *at = value;
        const char *end = value + strlen(value);

        text_append_bytes(text, "\"", 1);
        while (at < end) {
                const char *run = at;
                size_t size;

                while (is_plain((unsigned char)*at))
                        at++;
                text_append_bytes(text, run, (size_t)(at - run));
                if (at == end)
                        break;
                size = text_utf8_size(at, (size_t)(end - at));
                if (size > 1)
                        text_append_bytes(text, at, size);
                else if (size == 1)
                        append_escape((unsigned char)*at, text);
                else
                        text_append(text, replacement);
                at += size ? size : 1;
        }
        text_append_bytes(text, "\"", 1);
}

static void append_number(double number, Text *text) {
        /* JSON has no word for what is not finite. */
        if (__builtin_isfinite(number))
                text_append_number(text, number);
        else
                text_append(text, "null");
}

static void append_members(const Json *parent, Text *text) {
        bool object = cJSON_IsObject(parent);

        text_append_bytes(text, object ? "{" : "[", 1);
        for (const Json *child = parent->child; child; child = child->next) {
                if (child != parent->child)
                        text_append_bytes(text, ",", 1);
                if (object) {
                        json_append_string(child->string, text);
                        text_append_bytes(text, ":", 1);
                }
                json_append(child, text);
        }
        text_append_bytes(text, object ? "}" : "]", 1);
}

void json_append(const Json *json, Text *text) {
        switch (json_type(json)) {
        case JSON_NULL:
                text_append(text, "null");
                break;
        case JSON_BOOL:
                text_append(text, cJSON_IsTrue(json) ? "true" : "false");
                break;
        case JSON_NUMBER:
                append_number(json->valuedouble, text);
                break;
        case JSON_STRING:
                json_append_string(json->valuestring, text);
                break;
        case JSON_ARRAY:
        case JSON_OBJECT:
                append_members(json, text);
                break;
        }
}

char *json_print(const Json *json) {
        CLEANUP(text_done) Text text = { 0 };

        json_append(json, &text);
        return text_take(&text);
}
