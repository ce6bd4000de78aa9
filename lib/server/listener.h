/* SPDX-License-Identifier: Apache-2.0 */
/* The listening socket. Private to the server. */
#pragma once

#include "lib/base/error.h"

/* A listening non-blocking socket on the address (numeric; NULL: all, by both IP versions where there are two) and port
 * (0: any free one). UNAVAILABLE when the port is taken, INVALID for an address that is none. The caller closes it. */
bool listener_open(const char *address, int port, int *ret_fd, int *ret_port, Error *err) MUST_USE;
