/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a server sends as a list or a watch, in whatever pieces: the reflector takes it or ends the request, its
 * version never goes back while it follows, and it always knows what to do next. */
#include <stdlib.h>
#include <string.h>

#include "lib/kube/reflector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const PATHS[] = { "/data/v", NULL };
static const Kind KIND = { .group = "", .version = "v1", .kind = "ConfigMap", .plural = "configmaps", .paths = PATHS };

enum { ROUNDS = 3 };

static void check_order(const char *before, const char *after, bool relisted) {
        if (!relisted && before && after && version_compare(after, before) == VERSION_OLDER)
                abort();
}

/* One request: what is left of the input in pieces of `step` bytes. */
static size_t play(Reflector *reflector, int64_t now_ms, const char *bytes, size_t size, size_t step) {
        ReflectorRequest request = { 0 };
        Error err = { 0 };
        bool good = true;
        size_t used = 0;
        reflector_open(reflector, now_ms, &request);
        text_done(&request.path);
        reflector_accept(reflector, now_ms);
        while (good && used < size) {
                size_t piece = size - used < step ? size - used : step;
                size_t lists = reflector->lists;
                CLEANUP(cleanup_free) char *before = cache_version(reflector->cache, "");
                good = reflector_feed(reflector, now_ms, bytes + used, piece, &err);
                CLEANUP(cleanup_free) char *after = cache_version(reflector->cache, "");
                check_order(before, after, lists != reflector->lists);
                used += piece;
        }
        reflector_close(reflector, now_ms, good ? NULL : &err);
        return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size < 2)
                return 0;
        const WatchOptions options = { .no_watch_list = data[0] & 1, .page = 2 };
        Cache *cache = cache_new(&KIND, SIZE_MAX);
        Reflector *reflector = reflector_new(cache, "", NULL, &options, NULL);
        int64_t now_ms = 0;
        size_t used = 2;
        for (int i = 0; i < ROUNDS && used < size; i++) {
                now_ms += reflector_wait_ms(reflector, now_ms);
                if (reflector_wait_ms(reflector, now_ms) != 0)
                        abort();
                used += play(reflector, now_ms, (const char *)data + used, size - used, (size_t)data[1] + 1);
        }
        reflector_free(reflector);
        cache_free(cache);
        return 0;
}
