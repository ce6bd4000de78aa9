/* SPDX-License-Identifier: Apache-2.0 */
/* Kubernetes quantities as whole thousandths. Law: what is smaller is rounded away from zero, as the API server does,
 * and nothing overflows silently.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/ */
#include <string.h>

#include "lib/base/fields.h"

enum { FRACTION_DIGITS = 9, MILLI_EXPONENT = 3, EXPONENT_MAXIMUM = 60 };

static const unsigned __int128 LARGEST = INT64_MAX;

typedef struct Quantity {
        bool negative;
        unsigned __int128 digits; /* without the point */
        int exponent;             /* of ten */
        int binary_exponent;      /* of two */
        bool more;                /* digits that are not zero were dropped behind */
        bool too_large;
} Quantity;

/* Digits with at most one point; those past the ninth of the fraction only count as "more". */
static bool take_digits(const char **at, Quantity *quantity) {
        bool point = false;
        int count = 0;

        for (;; (*at)++) {
                int digit = **at - '0';

                if (**at == '.' && !point) {
                        point = true;
                        continue;
                }
                if (digit < 0 || digit > 9)
                        return count > 0;
                count++;
                if (point && quantity->exponent <= -FRACTION_DIGITS) {
                        quantity->more = quantity->more || digit != 0;
                        continue;
                }
                if (__builtin_mul_overflow(quantity->digits, 10, &quantity->digits) ||
                        __builtin_add_overflow(quantity->digits, digit, &quantity->digits))
                        quantity->too_large = true;
                quantity->exponent -= point;
        }
}

static bool take_suffix(const char *at, Quantity *quantity) {
        static const struct {
                const char *suffix;
                int exponent, binary_exponent;
        } suffixes[] = { { "", 0, 0 }, { "n", -9, 0 }, { "u", -6, 0 }, { "m", -3, 0 }, { "k", 3, 0 }, { "M", 6, 0 },
                { "G", 9, 0 }, { "T", 12, 0 }, { "P", 15, 0 }, { "E", 18, 0 }, { "Ki", 0, 10 }, { "Mi", 0, 20 },
                { "Gi", 0, 30 }, { "Ti", 0, 40 }, { "Pi", 0, 50 }, { "Ei", 0, 60 } };
        int64_t exponent;

        for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
                if (strcmp(at, suffixes[i].suffix) == 0) {
                        quantity->exponent += suffixes[i].exponent;
                        quantity->binary_exponent = suffixes[i].binary_exponent;
                        return true;
                }
        }
        if (*at != 'e' && *at != 'E')
                return false;
        at += at[1] == '+' && at[2] != '-' ? 2 : 1;
        if (!text_to_int(at, -EXPONENT_MAXIMUM, EXPONENT_MAXIMUM, &exponent))
                return false;
        quantity->exponent += (int)exponent;
        return true;
}

/* digits * 10^exponent * 2^binary_exponent, rounded up; false when it is no int64_t. */
static bool whole_value(const Quantity *quantity, int64_t *ret_value) {
        unsigned __int128 value = quantity->digits;
        bool more = quantity->more;
        int64_t whole;

        if (quantity->too_large)
                return false;
        for (int i = 0; i < quantity->binary_exponent; i++)
                if (__builtin_mul_overflow(value, 2, &value))
                        return false;
        for (int i = 0; i < quantity->exponent && value > 0; i++)
                if (__builtin_mul_overflow(value, 10, &value))
                        return false;
        for (int i = quantity->exponent; i < 0; i++) {
                more = more || value % 10 != 0;
                value /= 10;
        }
        if (value > LARGEST - more)
                return false;
        whole = (int64_t)(value + more);
        *ret_value = quantity->negative ? -whole : whole;
        return true;
}

bool fields_parse_quantity(const char *text, int64_t *ret_thousandths, Error *err) {
        Quantity quantity = { .exponent = 0, .negative = *text == '-' };
        const char *at = text;
        int64_t value;

        if (*at == '-' || *at == '+')
                at++;
        if (!take_digits(&at, &quantity) || !take_suffix(at, &quantity))
                return error_set(
                        err, ERROR_INVALID, "\"%.60s\" is no quantity such as \"500m\", \"4\" or \"10Gi\"", text);
        quantity.exponent += MILLI_EXPONENT;
        if (!whole_value(&quantity, &value))
                return error_set(err, ERROR_INVALID, "the quantity \"%.60s\" is too large", text);
        *ret_thousandths = value;
        return true;
}
