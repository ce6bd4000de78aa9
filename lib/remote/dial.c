/* SPDX-License-Identifier: Apache-2.0 */
/* TCP connections by a deadline.
 * Law: getaddrinfo() cannot be told to stop, so it runs on a thread of its own that the caller may leave behind; what
 * the two share is counted, and the last one frees it. Addresses in digits need no thread. */
#include "lib/remote/dial.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"

enum { LOOKUP_STACK = 256 * 1024, PORT_SIZE = 8 };

typedef struct Lookup {
        pthread_mutex_t lock;
        pthread_cond_t ended;
        char *host;
        char port[PORT_SIZE];
        struct addrinfo *addresses;
        int status;
        bool done;
        int users; /* the thread and the caller */
} Lookup;

static const struct addrinfo tcp_hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
static const struct addrinfo digit_hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST
};

static Lookup *lookup_new(const char *host, const char *port) {
        Lookup *lookup = alloc_zero(sizeof(*lookup));

        (void)pthread_mutex_init(&lookup->lock, NULL);
        (void)pthread_cond_init(&lookup->ended, NULL);
        lookup->host = alloc_string(host);
        (void)snprintf(lookup->port, sizeof(lookup->port), "%s", port);
        lookup->users = 2;
        return lookup;
}

/* Called with the lock held; gives it back. */
static void lookup_leave(Lookup *lookup) {
        bool last = --lookup->users == 0;

        (void)pthread_mutex_unlock(&lookup->lock);
        if (!last)
                return;
        if (lookup->addresses)
                freeaddrinfo(lookup->addresses);
        (void)pthread_mutex_destroy(&lookup->lock);
        (void)pthread_cond_destroy(&lookup->ended);
        free(lookup->host);
        free(lookup);
}

static void *run_lookup(void *argument) {
        Lookup *lookup = argument;
        struct addrinfo *addresses = NULL;
        int status = getaddrinfo(lookup->host, lookup->port, &tcp_hints, &addresses);

        (void)pthread_mutex_lock(&lookup->lock);
        lookup->addresses = status == 0 ? addresses : NULL;
        lookup->status = status;
        lookup->done = true;
        (void)pthread_cond_signal(&lookup->ended);
        lookup_leave(lookup);
        return NULL;
}

static bool start_lookup(Lookup *lookup) {
        pthread_attr_t attributes;
        pthread_t thread;
        int status;

        (void)pthread_attr_init(&attributes);
        (void)pthread_attr_setstacksize(&attributes, LOOKUP_STACK);
        (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        status = pthread_create(&thread, &attributes, run_lookup, lookup);
        (void)pthread_attr_destroy(&attributes);
        return status == 0;
}

static bool wait_for_lookup(Lookup *lookup, int64_t deadline_ms, struct addrinfo **ret_addresses, Error *err) {
        bool ok = false;

        (void)pthread_mutex_lock(&lookup->lock);
        while (!lookup->done && clock_wait(&lookup->ended, &lookup->lock, deadline_ms))
                ;
        if (!lookup->done)
                (void)error_set(err, ERROR_TIMEOUT, "looking up %s took too long", lookup->host);
        else if (lookup->status != 0)
                (void)error_set(
                        err, ERROR_UNAVAILABLE, "looking up %s: %s", lookup->host, gai_strerror(lookup->status));
        else {
                *ret_addresses = TAKE(lookup->addresses);
                ok = true;
        }
        lookup_leave(lookup);
        return ok;
}

bool dial_resolve(const char *host, int port, int64_t deadline_ms, struct addrinfo **ret_addresses, Error *err) {
        struct addrinfo *addresses = NULL;
        char digits[PORT_SIZE];
        Lookup *lookup;

        if (!host || !*host || port < 1 || port > 65535)
                return error_set(err, ERROR_INVALID, "\"%s\" port %d is no TCP address", host ? host : "", port);
        (void)snprintf(digits, sizeof(digits), "%d", port);
        if (getaddrinfo(host, digits, &digit_hints, &addresses) == 0) {
                *ret_addresses = addresses;
                return true;
        }
        lookup = lookup_new(host, digits);
        if (!start_lookup(lookup)) {
                lookup->users = 1;
                (void)pthread_mutex_lock(&lookup->lock);
                lookup_leave(lookup);
                return error_set(err, ERROR_UNAVAILABLE, "looking up %s: no thread could be started", host);
        }
        return wait_for_lookup(lookup, deadline_ms, ret_addresses, err);
}

bool dial_wait(int fd, short events, int64_t deadline_ms, Error *err) {
        for (;;) {
                struct pollfd entry = { .fd = fd, .events = events };
                int64_t left = deadline_ms - clock_now_ms();
                int ready;

                if (left <= 0)
                        return error_set(err, ERROR_TIMEOUT, "no answer in time");
                ready = poll(&entry, 1, left > INT32_MAX ? INT32_MAX : (int)left);
                if (ready > 0)
                        return true;
                if (ready < 0 && errno != EINTR)
                        return error_set(err, ERROR_UNAVAILABLE, "waiting for a socket: %s", strerrordesc_np(errno));
        }
}

static bool connect_within(int fd, const struct addrinfo *address, int64_t deadline_ms, Error *err) {
        int failure = 0;
        socklen_t size = sizeof(failure);

        if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
                return true;
        if (errno != EINPROGRESS)
                return error_set(err, ERROR_UNAVAILABLE, "%s", strerrordesc_np(errno));
        if (!dial_wait(fd, POLLOUT, deadline_ms, err))
                return false;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0 || failure != 0)
                return error_set(err, ERROR_UNAVAILABLE, "%s", strerrordesc_np(failure ? failure : errno));
        return true;
}

static bool connect_one(const struct addrinfo *address, int64_t deadline_ms, int *ret_fd, Error *err) {
        int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

        if (fd < 0)
                return error_set(err, ERROR_UNAVAILABLE, "%s", strerrordesc_np(errno));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (!connect_within(fd, address, deadline_ms, err)) {
                (void)close(fd);
                return false;
        }
        *ret_fd = fd;
        return true;
}

static int64_t count_addresses(const struct addrinfo *address) {
        int64_t count = 0;

        for (; address; address = address->ai_next)
                count++;
        return count;
}

bool dial_tcp(const char *host, int port, int64_t deadline_ms, int *ret_fd, Error *err) {
        struct addrinfo *addresses = NULL;
        Error failure = { 0 };
        bool connected = false;

        if (!dial_resolve(host, port, deadline_ms, &addresses, err))
                return false;
        for (struct addrinfo *at = addresses; at && !connected; at = at->ai_next) {
                int64_t now = clock_now_ms();

                connected = connect_one(at, now + (deadline_ms - now) / count_addresses(at), ret_fd, &failure);
        }
        freeaddrinfo(addresses);
        if (connected)
                return true;
        if (err)
                *err = failure;
        return error_wrap(err, "connecting to %s port %d", host, port);
}
