/* SPDX-License-Identifier: Apache-2.0 */
/* Four characters for three bytes, either way. */
#include "lib/kube/base64.h"

#include <string.h>

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool base64_decode(const char *encoded, Text *bytes, Error *err) {
        uint32_t group = 0;
        int characters = 0, padding = 0;
        for (const char *at = encoded; *at; at++) {
                if (*at == '\n' || *at == '\r')
                        continue;
                const char *found = strchr(ALPHABET, *at);
                if (*at == '=')
                        padding++;
                else if (!found || padding)
                        return error_set(err, ERROR_INVALID, "not base64");
                group = group << 6 | (found ? (uint32_t)(found - ALPHABET) : 0);
                if (++characters % 4)
                        continue;
                if (padding > 2)
                        break;
                const unsigned char three[] = { (unsigned char)(group >> 16), (unsigned char)(group >> 8),
                        (unsigned char)group };
                text_append_bytes(bytes, three, (size_t)(3 - padding));
        }
        if (characters % 4 || padding > 2 || bytes->failed)
                return error_set(err, ERROR_INVALID, "not base64");
        return true;
}

void base64_encode(const void *bytes, size_t size, Text *encoded) {
        const unsigned char *from = bytes;
        for (size_t i = 0; i < size; i += 3) {
                size_t left = size - i;
                uint32_t group = (uint32_t)from[i] << 16 | (left > 1 ? (uint32_t)from[i + 1] << 8 : 0) |
                                 (left > 2 ? from[i + 2] : 0);
                char four[] = { ALPHABET[group >> 18], ALPHABET[group >> 12 & 63], ALPHABET[group >> 6 & 63],
                        ALPHABET[group & 63] };
                if (left < 3)
                        four[3] = '=';
                if (left < 2)
                        four[2] = '=';
                text_append_bytes(encoded, four, sizeof four);
        }
}
