/* SPDX-License-Identifier: Apache-2.0 */
/* The closed list of macros this code base uses; a new one needs a paragraph in docs/architecture.md.
 * CLEANUP(f) runs `f(&variable)` when the variable goes out of scope; TAKE(p) hands a pointer over and leaves NULL. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(f)        __attribute__((cleanup(f)))
#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_LEN(a)      (sizeof(a) / sizeof((a)[0]))
#define TAKE(p)                                                                                                        \
        ({                                                                                                             \
                __typeof__(p) taken_ = (p);                                                                            \
                (p) = NULL;                                                                                            \
                taken_;                                                                                                \
        })

/* For locals: `CLEANUP(cleanup_free) char *text = NULL;` and the like. All accept what was never opened. */
static inline void cleanup_free(void *pointer_to_pointer) {
        free(*(void **)pointer_to_pointer);
}

static inline void cleanup_close(const int *fd) {
        if (*fd >= 0)
                (void)close(*fd);
}

static inline void cleanup_file(FILE **file) {
        if (*file)
                (void)fclose(*file);
}
