/* SPDX-License-Identifier: Apache-2.0 */
/* Growable text with a named maximum. Appending past the maximum fails for good (text.failed) and leaves what was
 * there: append many times, check once. A Text belongs to one thread. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"

typedef struct Text {
        char *data; /* always NUL-terminated once anything was appended; NULL before */
        size_t size;
        size_t capacity;
        size_t maximum; /* bytes; 0 means TEXT_MAXIMUM */
        bool failed;
} Text;

enum { TEXT_MAXIMUM = 64 * 1024 * 1024 };

void text_done(Text *text);
/* Empties the text and forgets a failure; keeps the memory. */
void text_clear(Text *text);
void text_append(Text *text, const char *string);
void text_append_bytes(Text *text, const void *bytes, size_t size);
void text_printf(Text *text, const char *format, ...) PRINTF(2, 3);
/* The shortest decimal that reads back as the same number, whole numbers without point or exponent up to 10^17; NaN
 * and the infinities as "NaN", "+Inf", "-Inf". */
void text_append_number(Text *text, double number);
/* Removes the first `size` bytes. */
void text_consume(Text *text, size_t size);
/* The string so far, "" when empty; valid until the next change. */
const char *text_string(const Text *text);
/* Hands the string to the caller, who frees it, and leaves an empty text; NULL after a failure. */
char *text_take(Text *text);

/* FNV-1a, 64 bits: for content hashes in annotations and maps, not for secrets.
 * http://www.isthe.com/chongo/tech/comp/fnv/ */
uint64_t text_hash(const void *bytes, size_t size);
uint64_t text_hash_more(uint64_t hash, const void *bytes, size_t size);
/* Same content, in time that depends on the length alone; for passwords and tokens. NULL equals nothing. */
bool text_same_secret(const char *a, const char *b);
/* Whole decimal number within [minimum, maximum], nothing around it. */
bool text_to_int(const char *string, int64_t minimum, int64_t maximum, int64_t *ret_value);
/* strcmp that takes NULL as "". */
bool text_equal(const char *a, const char *b);
/* Bytes of the well-formed UTF-8 character that `bytes` begins with (1 to 4); 0 when there is none. */
size_t text_utf8_size(const char *bytes, size_t size);
/* The most bytes, at most `limit`, that `string` can be cut to without splitting a UTF-8 character. */
size_t text_cut(const char *string, size_t limit);
