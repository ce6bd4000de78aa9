/* SPDX-License-Identifier: Apache-2.0 */
/* TCP connections by a deadline, name look-ups included: a dead name server or member costs the caller no more than it
 * asked for. Safe from every thread. */
#pragma once

#include <netdb.h>

#include "lib/base/error.h"

/* Addresses of the host (name or address) for TCP. A look-up that takes longer than until `deadline_ms` (clock_now_ms)
 * goes on behind the caller's back and is dropped when it ends. Errors: TIMEOUT, UNAVAILABLE (no such name, or no name
 * server). The caller calls freeaddrinfo(). */
bool dial_resolve(
        const char *host, int port, int64_t deadline_ms, struct addrinfo **ret_addresses, Error *err) MUST_USE;
/* A connected non-blocking socket with TCP_NODELAY; every address of the host is tried, the time left shared out evenly
 * among them. Errors: UNAVAILABLE, TIMEOUT. The caller closes it. */
bool dial_tcp(const char *host, int port, int64_t deadline_ms, int *ret_fd, Error *err) MUST_USE;
/* Waits for POLLIN or POLLOUT on a socket. False with TIMEOUT at the deadline. */
bool dial_wait(int fd, short events, int64_t deadline_ms, Error *err) MUST_USE;
