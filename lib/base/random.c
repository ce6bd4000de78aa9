/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers from the kernel. Law: every value is equally likely; what would lean to one side is drawn again. */
#include "lib/base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

static void fill(void *bytes, size_t size) {
        unsigned char *at = bytes;

        while (size > 0) {
                ssize_t got = getrandom(at, size, 0);

                if (got > 0) {
                        at += got;
                        size -= (size_t)got;
                } else if (errno != EINTR) {
                        /* No kernel that this code runs on lacks getrandom; a weak password would be worse. */
                        abort();
                }
        }
}

uint64_t random_below(uint64_t limit) {
        uint64_t number, unfair;

        if (limit == 0)
                return 0;
        unfair = -limit % limit;
        do
                fill(&number, sizeof(number));
        while (number < unfair);
        return number % limit;
}

void random_password(char *ret_text, size_t length) {
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        enum { LETTERS = sizeof(letters) - 1, FAIR = 256 / LETTERS * LETTERS };
        unsigned char bytes[64];
        size_t done = 0;

        while (done < length) {
                fill(bytes, sizeof(bytes));
                for (size_t i = 0; i < sizeof(bytes) && done < length; i++)
                        if (bytes[i] < FAIR)
                                ret_text[done++] = letters[bytes[i] % LETTERS];
        }
        ret_text[length] = '\0';
}

int64_t random_jitter(int64_t value, double spread) {
        double part = (double)random_below(UINT64_C(1) << 53) / (double)(UINT64_C(1) << 53);
        double more = (double)value * spread * part;
        int64_t sum;

        if (more >= (double)INT64_MAX || __builtin_add_overflow(value, (int64_t)more, &sum))
                return INT64_MAX;
        return sum;
}
