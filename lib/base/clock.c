/* SPDX-License-Identifier: Apache-2.0 */
/* Time as values: reading the clocks, and RFC 3339 in both directions. https://www.rfc-editor.org/rfc/rfc3339 */
#include "lib/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MICROS = 1000 * 1000, NANOS = 1000 * 1000 * 1000, DAYS_OF_FEBRUARY = 28 };

static int64_t read_clock(clockid_t clock, int64_t parts_per_second) {
        struct timespec now;

        (void)clock_gettime(clock, &now);
        return (int64_t)now.tv_sec * parts_per_second + now.tv_nsec / (NANOS / parts_per_second);
}

int64_t clock_now_ms(void) {
        return read_clock(CLOCK_BOOTTIME, 1000);
}

int64_t clock_now_ns(void) {
        return read_clock(CLOCK_MONOTONIC, NANOS);
}

int64_t clock_wall_us(void) {
        return read_clock(CLOCK_REALTIME, MICROS);
}

/* Writes up to the seconds, without a zone; returns the microseconds that are left. */
static int format_seconds(int64_t wall_us, char ret_text[CLOCK_RFC3339_SIZE]) {
        int64_t micros = wall_us % MICROS;
        time_t seconds = (time_t)(wall_us / MICROS);
        struct tm parts;

        if (micros < 0) {
                micros += MICROS;
                seconds--;
        }
        if (!gmtime_r(&seconds, &parts) || strftime(ret_text, CLOCK_RFC3339_SIZE, "%Y-%m-%dT%H:%M:%S", &parts) != 19)
                memcpy(ret_text, "0000-00-00T00:00:00", 20);
        return (int)micros;
}

void clock_format(int64_t wall_us, char ret_text[CLOCK_RFC3339_SIZE]) {
        (void)format_seconds(wall_us, ret_text);
        memcpy(ret_text + strlen(ret_text), "Z", 2);
}

void clock_format_micro(int64_t wall_us, char ret_text[CLOCK_RFC3339_SIZE]) {
        int micros = format_seconds(wall_us, ret_text);
        size_t length = strlen(ret_text);

        (void)snprintf(ret_text + length, CLOCK_RFC3339_SIZE - length, ".%06dZ", micros);
}

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

/* `count` digits within [minimum, maximum]; moves `at` behind them. */
static bool take_number(const char **at, int count, int minimum, int maximum, int *ret_number) {
        int number = 0;

        for (int i = 0; i < count; i++, (*at)++) {
                if (!is_digit(**at))
                        return false;
                number = number * 10 + (**at - '0');
        }
        *ret_number = number;
        return number >= minimum && number <= maximum;
}

static bool take_char(const char **at, char wanted) {
        char seen = **at;

        if (seen >= 'a' && seen <= 'z')
                seen = (char)(seen - 'a' + 'A');
        if (seen != wanted)
                return false;
        (*at)++;
        return true;
}

static int days_of_month(int year, int month) {
        static const int days[] = { 31, DAYS_OF_FEBRUARY, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        return days[month - 1] + (month == 2 && leap);
}

static bool take_date_time(const char **at, struct tm *ret_parts) {
        struct tm parts = { 0 };

        if (!take_number(at, 4, 1, 9999, &parts.tm_year) || !take_char(at, '-') ||
                !take_number(at, 2, 1, 12, &parts.tm_mon) || !take_char(at, '-') ||
                !take_number(at, 2, 1, days_of_month(parts.tm_year, parts.tm_mon), &parts.tm_mday) ||
                !take_char(at, 'T') || !take_number(at, 2, 0, 23, &parts.tm_hour) || !take_char(at, ':') ||
                !take_number(at, 2, 0, 59, &parts.tm_min) || !take_char(at, ':') ||
                !take_number(at, 2, 0, 60, &parts.tm_sec))
                return false;
        parts.tm_year -= 1900;
        parts.tm_mon -= 1;
        *ret_parts = parts;
        return true;
}

/* Nothing, or a point and digits, of which those past the microsecond are dropped. */
static bool take_fraction(const char **at, int64_t *ret_micros) {
        int64_t micros = 0;
        int64_t unit = MICROS;

        if (take_char(at, '.')) {
                if (!is_digit(**at))
                        return false;
                for (; is_digit(**at); (*at)++) {
                        unit /= 10;
                        micros += unit * (**at - '0');
                }
        }
        *ret_micros = micros;
        return true;
}

static bool take_offset(const char **at, int64_t *ret_seconds) {
        int sign, hours, minutes;

        *ret_seconds = 0;
        if (take_char(at, 'Z'))
                return true;
        sign = **at == '-' ? -1 : 1;
        if (!take_char(at, '+') && !take_char(at, '-'))
                return false;
        if (!take_number(at, 2, 0, 23, &hours) || !take_char(at, ':') || !take_number(at, 2, 0, 59, &minutes))
                return false;
        *ret_seconds = sign * (hours * INT64_C(60) + minutes) * 60;
        return true;
}

bool clock_parse(const char *text, int64_t *ret_wall_us) {
        const char *at = text;
        struct tm parts;
        int64_t micros, offset;

        if (!text || !take_date_time(&at, &parts) || !take_fraction(&at, &micros) || !take_offset(&at, &offset) || *at)
                return false;
        *ret_wall_us = ((int64_t)timegm(&parts) - offset) * MICROS + micros;
        return true;
}

bool clock_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_ms) {
        int64_t left_ms = until_ms - clock_now_ms();
        int64_t until_ns = clock_now_ns() + (left_ms > 0 ? left_ms : 0) * 1000000;
        struct timespec until = { .tv_sec = (time_t)(until_ns / 1000000000), .tv_nsec = (long)(until_ns % 1000000000) };

        return left_ms > 0 && pthread_cond_clockwait(condition, lock, CLOCK_MONOTONIC, &until) != ETIMEDOUT;
}
