/* SPDX-License-Identifier: Apache-2.0 */
/* Which row of a route table a request belongs to. Pure. */
#pragma once

#include "lib/server/server.h"

enum { ROUTE_ALLOW_SIZE = 128 };

/* NULL when no row fits; `ret_allow` then lists the methods that the path knows ("GET, HEAD, POST"), "" when the path
 * is unknown. */
const ServerRoute *route_find(
        const ServerRoute *routes, const char *method, const char *path, char ret_allow[ROUTE_ALLOW_SIZE]);
