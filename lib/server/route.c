/* SPDX-License-Identifier: Apache-2.0 */
/* Route tables, and parameters of queries. */
#include "lib/server/route.h"

#include <string.h>

#include "lib/server/http_request.h"

static bool fits(const char *pattern, const char *path) {
        size_t length = strlen(pattern);

        if (length > 0 && pattern[length - 1] == '*')
                return strncmp(pattern, path, length - 1) == 0;
        return strcmp(pattern, path) == 0;
}

static void allow(char ret_allow[ROUTE_ALLOW_SIZE], const char *method) {
        size_t used = strlen(ret_allow);
        const char *with_head = strcmp(method, "GET") == 0 ? ", HEAD" : "";

        if (!strstr(ret_allow, method))
                (void)snprintf(
                        ret_allow + used, ROUTE_ALLOW_SIZE - used, "%s%s%s", used ? ", " : "", method, with_head);
}

const ServerRoute *route_find(
        const ServerRoute *routes, const char *method, const char *path, char ret_allow[ROUTE_ALLOW_SIZE]) {
        ret_allow[0] = '\0';
        for (const ServerRoute *route = routes; route->path; route++) {
                if (!fits(route->path, path))
                        continue;
                if (strcmp(route->method, method) == 0)
                        return route;
                allow(ret_allow, route->method);
        }
        return NULL;
}

/* The next parameter of the query: name and value, decoded (NULL where broken). False at the end. */
static bool next_parameter(const char **at, Arena *arena, const char **ret_name, const char **ret_value) {
        size_t length, name_size;

        *at += strspn(*at, "&");
        if (!**at)
                return false;
        length = strcspn(*at, "&");
        name_size = strcspn(*at, "=&");
        *ret_name = http_request_decode(*at, name_size, true, arena);
        *ret_value = name_size == length
                             ? ""
                             : http_request_decode(*at + name_size + 1, length - name_size - 1, true, arena);
        *at += length;
        return true;
}

bool server_query(const ServerRequest *request, const char *name, char *ret_value, size_t size) {
        CLEANUP(arena_done) Arena arena = { 0 };
        const char *at = request->query, *found, *value;

        while (next_parameter(&at, &arena, &found, &value)) {
                if (!found || strcmp(found, name) != 0)
                        continue;
                if (!value || strlen(value) >= size)
                        return false;
                (void)snprintf(ret_value, size, "%s", value);
                return true;
        }
        return false;
}

bool server_query_is(const ServerRequest *request, const char *name, const char *value) {
        CLEANUP(arena_done) Arena arena = { 0 };
        const char *at = request->query, *found, *given;

        while (next_parameter(&at, &arena, &found, &given))
                if (found && given && strcmp(found, name) == 0 && strcmp(given, value) == 0)
                        return true;
        return false;
}
