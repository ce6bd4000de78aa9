/* SPDX-License-Identifier: Apache-2.0 */
/* What json_parse takes it prints as JSON that it takes again, with the same content; paths never harm. */
#include <assert.h>
#include <string.h>

#include "lib/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
        CLEANUP(json_cleanup) Json *json = NULL;
        CLEANUP(json_cleanup) Json *again = NULL;
        CLEANUP(json_cleanup) Json *copy = NULL;
        CLEANUP(cleanup_free) char *printed = NULL;
        CLEANUP(cleanup_free) char *twice = NULL;

        if (!json_parse((const char *)bytes, size, &json, NULL))
                return 0;
        printed = json_print(json);
        assert(json_parse(printed, strlen(printed), &again, NULL));
        /* What was not UTF-8 has changed; printing a second time changes nothing. */
        twice = json_print(again);
        assert(strcmp(printed, twice) == 0);
        copy = json_copy(json);
        assert(json_size(copy) == json_size(json));
        (void)json_find(json, json_string(json_get(json, "path"), "/a[*]/b[c=d][0]"));
        if (json_type(json) == JSON_OBJECT && json_type(json_get(json, "patch")) == JSON_OBJECT)
                json_merge(copy, json_get(json, "patch"));
        return 0;
}
