/* SPDX-License-Identifier: Apache-2.0 */
/* What yaml_parse_all takes is a JSON tree that prints as JSON. */
#include <assert.h>
#include <string.h>

#include "lib/base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
        CLEANUP(json_cleanup) Json *all = NULL;
        CLEANUP(json_cleanup) Json *first = NULL;
        CLEANUP(json_cleanup) Json *again = NULL;
        CLEANUP(cleanup_free) char *printed = NULL;

        if (!yaml_parse_all((const char *)bytes, size, &all, NULL))
                return 0;
        assert(yaml_parse((const char *)bytes, size, &first, NULL) == (json_size(all) > 0));
        assert(json_equal(first, json_at(all, 0)));
        if (!first)
                return 0;
        printed = json_print(first);
        if (strlen(printed) <= JSON_MAXIMUM_BYTES)
                assert(json_parse(printed, strlen(printed), &again, NULL));
        return 0;
}
