/* SPDX-License-Identifier: Apache-2.0 */
/* The core schema of YAML 1.2, as a table of words and three kinds of numbers.
 * Law: what is not surely a number or a word of the table is a string. */
#include "lib/base/yaml_scalar.h"

#include <stdlib.h>
#include <string.h>

static const int64_t LARGEST_EXACT = INT64_C(1) << 53;

static bool is_one_of(const char *text, const char *const *words) {
        for (; *words; words++)
                if (strcmp(text, *words) == 0)
                        return true;
        return false;
}

static const char *skip_sign(const char *text) {
        return *text == '-' || *text == '+' ? text + 1 : text;
}

/* Whether `text` is one or more characters of `digits` and nothing else. */
static bool is_all(const char *text, const char *digits) {
        return *text && text[strspn(text, digits)] == '\0';
}

static bool is_float(const char *text) {
        const char *at = skip_sign(text);
        size_t whole = strspn(at, "0123456789");
        size_t part = 0;

        at += whole;
        if (*at == '.') {
                part = strspn(++at, "0123456789");
                at += part;
        }
        if (whole + part == 0)
                return false;
        if (*at == 'e' || *at == 'E')
                return is_all(skip_sign(at + 1), "0123456789");
        return *at == '\0';
}

static bool whole_number(const char *digits, int base, bool negative, Json **ret_json) {
        int64_t value = 0;

        for (; *digits; digits++) {
                int digit = *digits <= '9' ? *digits - '0' : (*digits | 0x20) - 'a' + 10;

                value = value * base + digit;
                if (value > LARGEST_EXACT)
                        return false;
        }
        *ret_json = json_new_int(negative ? -value : value);
        return true;
}

bool yaml_scalar(const char *text, Json **ret_json) {
        static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
        static const char *const trues[] = { "true", "True", "TRUE", NULL };
        static const char *const falses[] = { "false", "False", "FALSE", NULL };
        static const char *const infinities[] = { ".inf", ".Inf", ".INF", NULL };
        static const char *const nans[] = { ".nan", ".NaN", ".NAN", NULL };
        const char *bare = skip_sign(text);
        double number;

        if (is_all(bare, "0123456789"))
                return (bare[0] != '0' || !bare[1]) && whole_number(bare, 10, *text == '-', ret_json);
        if (strncmp(text, "0o", 2) == 0 && is_all(text + 2, "01234567"))
                return whole_number(text + 2, 8, false, ret_json);
        if (strncmp(text, "0x", 2) == 0 && is_all(text + 2, "0123456789abcdefABCDEF"))
                return whole_number(text + 2, 16, false, ret_json);
        if (is_one_of(bare, infinities) || is_one_of(text, nans))
                return false;
        if (is_float(text)) {
                number = strtod(text, NULL);
                if (!__builtin_isfinite(number))
                        return false;
                *ret_json = json_new_number(number);
        } else if (is_one_of(text, nulls)) {
                *ret_json = json_new_null();
        } else if (is_one_of(text, trues) || is_one_of(text, falses)) {
                *ret_json = json_new_bool((*text | 0x20) == 't');
        } else {
                *ret_json = json_new_string(text);
        }
        return true;
}
