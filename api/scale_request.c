/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the body of a scale request. Every sentence names the field, what was given and what is allowed. */
#include <string.h>

#include "api/api.h"

enum { GIVEN_MAXIMUM = 60 };

static bool refuse(const char *field, const Json *given, const char *allowed, Error *err) {
        CLEANUP(cleanup_free) char *text = json_print(given);

        return error_set(err, ERROR_INVALID, "%s is %.*s; it must be %s", field, GIVEN_MAXIMUM, text, allowed);
}

static bool check_fields(const Json *body, Error *err) {
        for (const Json *field = json_first(body); field; field = json_next(field))
                if (strcmp(json_key(field), "target_db_count") != 0 && strcmp(json_key(field), "min_ha_nodes") != 0)
                        return error_set(err, ERROR_INVALID,
                                "%.*s is not a field of this request; there are target_db_count and min_ha_nodes",
                                GIVEN_MAXIMUM, json_key(field));
        return true;
}

bool api_parse_scale(const char *body, size_t size, ScaleRequest *ret_request, Error *err) {
        static const char allowed[] = "1, 3 or 5, because a quorum needs an odd count";
        CLEANUP(json_cleanup) Json *json = NULL;
        const Json *count, *least;
        ScaleRequest request = { 0 };

        if (!json_parse(body ? body : "", size, &json, err) || json_type(json) != JSON_OBJECT)
                return error_set(err, ERROR_INVALID,
                        "the body must be a JSON object such as "
                        "{\"target_db_count\": 3, \"min_ha_nodes\": true}");
        if (!check_fields(json, err))
                return false;
        count = json_get(json, "target_db_count");
        least = json_get(json, "min_ha_nodes");
        if (!count)
                return error_set(err, ERROR_INVALID, "target_db_count is missing; it must be %s", allowed);
        request.target_db_count = json_type(count) == JSON_NUMBER ? json_int(count, 0) : 0;
        if (request.target_db_count != 1 && request.target_db_count != 3 && request.target_db_count != 5)
                return refuse("target_db_count", count, allowed, err);
        if (least && json_type(least) != JSON_BOOL)
                return refuse("min_ha_nodes", least, "true or false", err);
        request.min_ha_nodes = json_bool(least, false);
        if (request.min_ha_nodes && request.target_db_count < 3)
                return error_set(err, ERROR_INVALID, "target_db_count is %lld; with min_ha_nodes it must be 3 or 5",
                        (long long)request.target_db_count);
        *ret_request = request;
        return true;
}
