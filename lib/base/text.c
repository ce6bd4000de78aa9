/* SPDX-License-Identifier: Apache-2.0 */
/* Growable text with a named maximum and sticky failure, and the few questions about strings that all parts ask.
 * Law: an append that does not fit changes nothing but `failed`. */
#include "lib/base/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/alloc.h"

enum { FIRST_CAPACITY = 64, NUMBER_BYTES = 40 };

static const double LARGEST_PLAIN_NUMBER = 1e17;

void text_done(Text *text) {
        free(text->data);
        *text = (Text){ .maximum = text->maximum };
}

void text_clear(Text *text) {
        text->size = 0;
        text->failed = false;
        if (text->data)
                text->data[0] = '\0';
}

/* Room for `size` more bytes and the NUL byte behind them. */
static bool reserve(Text *text, size_t size) {
        size_t maximum = text->maximum ? text->maximum : TEXT_MAXIMUM;
        size_t capacity;

        if (text->failed || size > maximum || text->size > maximum - size) {
                text->failed = true;
                return false;
        }
        if (text->size + size < text->capacity)
                return true;
        capacity = text->capacity ? text->capacity * 2 : FIRST_CAPACITY;
        if (capacity > maximum + 1)
                capacity = maximum + 1;
        if (capacity < text->size + size + 1)
                capacity = text->size + size + 1;
        text->data = alloc_grow(text->data, capacity);
        text->capacity = capacity;
        return true;
}

void text_append(Text *text, const char *string) {
        text_append_bytes(text, string, strlen(string));
}

void text_append_bytes(Text *text, const void *bytes, size_t size) {
        if (!reserve(text, size))
                return;
        if (size)
                memcpy(text->data + text->size, bytes, size);
        text->size += size;
        text->data[text->size] = '\0';
}

void text_printf(Text *text, const char *format, ...) {
        va_list args;
        int length;

        va_start(args, format);
        length = vsnprintf(NULL, 0, format, args);
        va_end(args);
        assert(length >= 0);
        if (!reserve(text, (size_t)length))
                return;
        va_start(args, format);
        (void)vsnprintf(text->data + text->size, (size_t)length + 1, format, args);
        va_end(args);
        text->size += (size_t)length;
}

void text_append_number(Text *text, double number) {
        char digits[NUMBER_BYTES];

        if (__builtin_isnan(number)) {
                text_append(text, "NaN");
                return;
        }
        if (__builtin_isinf(number)) {
                text_append(text, number > 0 ? "+Inf" : "-Inf");
                return;
        }
        if (number > -LARGEST_PLAIN_NUMBER && number < LARGEST_PLAIN_NUMBER && number == (double)(int64_t)number) {
                text_printf(text, "%lld", (long long)number);
                return;
        }
        for (int precision = 15; precision <= 17; precision++) {
                (void)snprintf(digits, sizeof(digits), "%.*g", precision, number);
                if (strtod(digits, NULL) == number)
                        break;
        }
        text_append(text, digits);
}

void text_consume(Text *text, size_t size) {
        assert(size <= text->size);
        if (size == 0)
                return;
        text->size -= size;
        memmove(text->data, text->data + size, text->size + 1);
}

const char *text_string(const Text *text) {
        return text->data ? text->data : "";
}

char *text_take(Text *text) {
        char *taken = NULL;

        /* What is taken may stay for long: without the room that growing left behind it. */
        if (!text->failed)
                taken = text->data ? alloc_grow(TAKE(text->data), text->size + 1) : alloc_string("");
        text_done(text);
        return taken;
}

uint64_t text_hash(const void *bytes, size_t size) {
        return text_hash_more(UINT64_C(0xcbf29ce484222325), bytes, size);
}

uint64_t text_hash_more(uint64_t hash, const void *bytes, size_t size) {
        const unsigned char *at = bytes;

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
        return hash;
}

bool text_same_secret(const char *a, const char *b) {
        volatile unsigned char difference;
        size_t size_a, size_b;

        if (!a || !b)
                return false;
        size_a = strlen(a);
        size_b = strlen(b);
        difference = size_a != size_b;
        for (size_t i = 0; i < size_b; i++)
                difference = (unsigned char)(difference | (a[i < size_a ? i : size_a] ^ b[i]));
        return difference == 0;
}

bool text_to_int(const char *string, int64_t minimum, int64_t maximum, int64_t *ret_value) {
        const char *at = string;
        bool negative;
        int64_t value = 0;

        if (!at)
                return false;
        negative = *at == '-';
        if (negative)
                at++;
        if (!*at)
                return false;
        for (; *at; at++) {
                int digit = *at - '0';

                if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
                        __builtin_add_overflow(value, negative ? -digit : digit, &value))
                        return false;
        }
        if (value < minimum || value > maximum)
                return false;
        *ret_value = value;
        return true;
}

bool text_equal(const char *a, const char *b) {
        return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool is_continuation(unsigned char byte) {
        return (byte & 0xC0) == 0x80;
}

/* The ranges of table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing past U+10FFFF. */
size_t text_utf8_size(const char *bytes, size_t size) {
        const unsigned char *at = (const unsigned char *)bytes;
        size_t length;

        if (size == 0)
                return 0;
        if (at[0] < 0x80)
                return 1;
        length = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : 2;
        if (at[0] < 0xC2 || at[0] > 0xF4 || size < length)
                return 0;
        for (size_t i = 1; i < length; i++)
                if (!is_continuation(at[i]))
                        return 0;
        if ((at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F) || (at[0] == 0xF0 && at[1] < 0x90) ||
                (at[0] == 0xF4 && at[1] > 0x8F))
                return 0;
        return length;
}

size_t text_cut(const char *string, size_t limit) {
        size_t size = strnlen(string, limit + 1);
        size_t at = limit;

        if (size <= limit)
                return size;
        while (at > 0 && limit - at < 4 && is_continuation((unsigned char)string[at]))
                at--;
        return at;
}
