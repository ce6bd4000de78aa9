/* SPDX-License-Identifier: Apache-2.0 */
/* Reads small files; descriptors do not leak into programs that are started meanwhile. */
#include "lib/kube/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool read_file(const char *file, Text *text, Error *err) {
        CLEANUP(cleanup_close) int fd = open(file, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return error_set(err, ERROR_NOT_FOUND, "cannot open %s: %s", file, strerror(errno));
        char bytes[4096];
        ssize_t got = 0;
        do {
                got = read(fd, bytes, sizeof bytes);
                if (got < 0 && errno != EINTR)
                        return error_set(err, ERROR_NOT_FOUND, "cannot read %s: %s", file, strerror(errno));
                if (got > 0)
                        text_append_bytes(text, bytes, (size_t)got);
        } while (got != 0 && !text->failed);
        explicit_bzero(bytes, sizeof bytes);
        if (text->failed)
                return error_set(err, ERROR_TOO_LARGE, "%s is larger than %zu bytes", file,
                        text->maximum ? text->maximum : (size_t)TEXT_MAXIMUM);
        return true;
}
