/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the JSON: a projection is refused, or has an identity and equals itself. */
#include <stdlib.h>
#include <string.h>

#include "lib/kube/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const PATHS[] = { "/spec/replicas", "/spec/list[type=Ready]/status", "/status", "/metadata/labels/a",
        NULL };
static const Kind KIND = {
        .group = "apps", .version = "v1", .kind = "StatefulSet", .plural = "statefulsets", .paths = PATHS
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        CLEANUP(json_cleanup) Json *json = NULL;
        CLEANUP(object_cleanup) Object *object = NULL;
        if (!json_parse((const char *)data, size, &json, NULL) || !object_project(&KIND, json, &object, NULL))
                return 0;
        if (!*object->name || !*object->uid || !object_same(object, object) || object->value_count != 4)
                abort();
        for (size_t i = 0; i < object->value_count; i++)
                (void)object_value_int(object, i, 0);
        if (version_compare(object->resource_version, object->resource_version) != VERSION_SAME ||
                !strstr(object_key(object), object->name))
                abort();
        return 0;
}
