/* SPDX-License-Identifier: Apache-2.0 */
/* Time as values. Durations are measured on clocks that do not jump; wall time is only printed. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { CLOCK_RFC3339_SIZE = 32 };

/* Milliseconds on CLOCK_BOOTTIME: goes on during suspend, never jumps. */
int64_t clock_now_ms(void);
/* Nanoseconds on CLOCK_MONOTONIC, for measuring. */
int64_t clock_now_ns(void);
/* Microseconds since 1970, wall clock. */
int64_t clock_wall_us(void);
/* "2026-01-02T03:04:05Z" and "2026-01-02T03:04:05.123456Z" (Kubernetes' Time and MicroTime); years
 * 1000 to 9999. */
void clock_format(int64_t wall_us, char ret_text[CLOCK_RFC3339_SIZE]);
void clock_format_micro(int64_t wall_us, char ret_text[CLOCK_RFC3339_SIZE]);
/* RFC 3339 with or without fraction, "Z" or offset; microseconds since 1970. */
bool clock_parse(const char *text, int64_t *ret_wall_us);
/* pthread_cond_wait with an end, in clock_now_ms() time: false once `until_ms` has passed. The condition needs no clock
 * attribute; wake-ups may be spurious, as ever. */
bool clock_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_ms);
