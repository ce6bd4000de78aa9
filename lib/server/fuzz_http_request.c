/* SPDX-License-Identifier: Apache-2.0 */
/* Request heads from hostile bytes: parsed, or refused with a status and a sentence; never more body than the cap. */
#include <stdlib.h>
#include <string.h>

#include "lib/server/http_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
        CLEANUP(arena_done) Arena arena = { 0 };
        HttpRequest request = { 0 };
        HttpRefusal refusal = { 0 };
        size_t scanned = 0, end = http_request_find_end((const char *)bytes, size, &scanned);

        if (end == 0)
                return 0;
        if (!http_request_parse((const char *)bytes, end, &arena, &request, &refusal)) {
                if (refusal.status < 400 || refusal.status > 599 || !*refusal.sentence)
                        abort();
                return 0;
        }
        if (request.head_size != end || request.request.body_size > SERVER_MAXIMUM_BODY ||
                request.request.path[0] != '/' || strchr(request.request.query, '\n'))
                abort();
        return 0;
}
