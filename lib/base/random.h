/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers from the kernel (getrandom); good enough for passwords. Safe from every thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A number in [0, limit). */
uint64_t random_below(uint64_t limit);
/* `length` characters of [A-Za-z0-9] and a NUL byte: about 5.95 bits each. */
void random_password(char *ret_text, size_t length);
/* `value` times a random factor in [1, 1 + spread]. */
int64_t random_jitter(int64_t value, double spread);
