/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the listening socket. */
#include "lib/server/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum { BACKLOG = 128, PORT_SIZE = 16 };

static bool open_one(const struct addrinfo *at, int *ret_fd) {
        int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, off = 0, failure;

        if (fd < 0)
                return false;
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (at->ai_family == AF_INET6)
                (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
        if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
                *ret_fd = fd;
                return true;
        }
        failure = errno;
        (void)close(fd);
        errno = failure;
        return false;
}

/* "::" takes IPv4 too; where the machine has no IPv6, "0.0.0.0" is left. */
static bool open_any(const char *address, const char *port, int *ret_fd, int *ret_errno) {
        const char *const hosts[] = { address ? address : "::", address ? NULL : "0.0.0.0" };

        for (size_t i = 0; i < ARRAY_LEN(hosts) && hosts[i]; i++) {
                struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                        .ai_socktype = SOCK_STREAM };
                struct addrinfo *found = NULL;
                bool ok;

                *ret_errno = EINVAL;
                if (getaddrinfo(hosts[i], port, &hints, &found) != 0)
                        continue;
                ok = open_one(found, ret_fd);
                *ret_errno = errno;
                freeaddrinfo(found);
                if (ok || *ret_errno == EADDRINUSE)
                        return ok;
        }
        return false;
}

/* Any address, in the three ways it is looked at. */
typedef union Address {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
} Address;

static int port_of(int fd) {
        Address bound = { .v6 = { 0 } };
        socklen_t size = sizeof(bound);

        (void)getsockname(fd, &bound.any, &size);
        return ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
}

bool listener_open(const char *address, int port, int *ret_fd, int *ret_port, Error *err) {
        char digits[PORT_SIZE];
        int fd = -1, failure = 0;

        if (port < 0 || port > UINT16_MAX)
                return error_set(err, ERROR_INVALID, "%d is no port", port);
        (void)snprintf(digits, sizeof(digits), "%d", port);
        if (!open_any(address, digits, &fd, &failure))
                return error_set(err, failure == EINVAL ? ERROR_INVALID : ERROR_UNAVAILABLE,
                        "listening on %s port %d: %s", address ? address : "all addresses", port,
                        strerrordesc_np(failure));
        *ret_port = port_of(fd);
        *ret_fd = fd;
        return true;
}
