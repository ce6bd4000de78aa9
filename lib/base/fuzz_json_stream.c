/* SPDX-License-Identifier: Apache-2.0 */
/* The cutter gives the same documents and the same end however the input is cut. The first byte says how. */
#include <assert.h>
#include <string.h>

#include "lib/base/json_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static bool see(void *seen, const char *bytes, size_t size, Error *err) {
        (void)err;
        text_append_bytes(seen, bytes, size);
        text_append_bytes(seen, "\n", 1);
        return true;
}

static ErrorCode run(JsonStreamMode mode, const char *bytes, size_t size, size_t step, Text *seen) {
        CLEANUP(json_stream_done)
        JsonStream stream = { .mode = mode, .maximum = 1000, .on_document = see, .on_rest = see, .context = seen };
        Error err = { 0 };

        for (size_t at = 0; at < size; at += step)
                if (!json_stream_feed(&stream, bytes + at, size - at < step ? size - at : step, &err))
                        return err.code;
        return json_stream_end(&stream, &err) ? ERROR_NONE : err.code;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
        CLEANUP(text_done) Text whole = { 0 };
        CLEANUP(text_done) Text pieces = { 0 };
        const char *input = (const char *)bytes + 1;
        JsonStreamMode mode;
        ErrorCode one, other;

        if (size < 2)
                return 0;
        mode = bytes[0] & 1 ? JSON_STREAM_LIST : JSON_STREAM_DOCUMENTS;
        one = run(mode, input, size - 1, size, &whole);
        other = run(mode, input, size - 1, 1 + (bytes[0] >> 1) % 16, &pieces);
        /* A document that is both too large and broken may be found to be either first. */
        assert((one == ERROR_NONE) == (other == ERROR_NONE));
        assert(strcmp(text_string(&whole), text_string(&pieces)) == 0);
        return 0;
}
