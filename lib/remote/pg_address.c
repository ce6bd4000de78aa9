/* SPDX-License-Identifier: Apache-2.0 */
/* host=a,b port=1,2 becomes host=a,a,b hostaddr=x,y,z port=1,1,2: one entry per address.
 * Law: `host` stays beside `hostaddr`, so that TLS is verified against the name that the user gave. */
#include "lib/remote/pg_address.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/remote/dial.h"
#include "lib/remote/pg.h"

enum { ANY_PORT = 5432 };

typedef struct Lists {
        Text hosts, addresses, ports;
        size_t count;
} Lists;

static void cleanup_options(PQconninfoOption **options) {
        PQconninfoFree(*options);
}

static void cleanup_lists(Lists *lists) {
        text_done(&lists->hosts);
        text_done(&lists->addresses);
        text_done(&lists->ports);
}

static bool parse(const char *conninfo, PQconninfoOption **ret_options, Error *err) {
        char *message = NULL;
        PQconninfoOption *options = PQconninfoParse(conninfo, &message);

        /* libpq's sentence quotes what it stumbled over, which may be the password. */
        PQfreemem(message);
        if (options)
                *ret_options = options;
        else
                (void)error_set(err, ERROR_INVALID, "the PostgreSQL connection string cannot be parsed");
        return options != NULL;
}

bool pg_check_conninfo(const char *conninfo, Error *err) {
        CLEANUP(cleanup_options) PQconninfoOption *options = NULL;

        return parse(conninfo, &options, err);
}

static const char *option(const PQconninfoOption *options, const char *keyword) {
        for (; options->keyword; options++)
                if (strcmp(options->keyword, keyword) == 0)
                        return options->val;
        return NULL;
}

static void put(PgAddress *address, const char *keyword, const char *value) {
        if (address->count >= PG_ADDRESS_MAXIMUM - 1)
                return;
        address->keywords[address->count] = keyword;
        address->values[address->count++] = value;
}

static void add_entry(Lists *lists, const char *host, const char *address, const char *port) {
        const char *comma = lists->count++ ? "," : "";

        text_printf(&lists->hosts, "%s%s", comma, host);
        text_printf(&lists->addresses, "%s%s", comma, address);
        text_printf(&lists->ports, "%s%s", comma, port);
}

/* Member `index` of a comma-separated list; a list of one serves all. */
static const char *list_member(const char *list, size_t index, Arena *arena) {
        bool single = !strchr(list, ',');

        for (; index > 0 && !single; index--) {
                list += strcspn(list, ",");
                if (!*list)
                        return "";
                list++;
        }
        return arena_bytes(arena, list, strcspn(list, ","));
}

static bool add_host(Lists *lists, const char *host, const char *port, int64_t deadline_ms, Error *err) {
        char digits[INET6_ADDRSTRLEN];
        struct addrinfo *found = NULL;

        if (*host == '\0' || *host == '/' || *host == '@') { /* a Unix socket */
                add_entry(lists, host, "", port);
                return true;
        }
        if (!dial_resolve(host, ANY_PORT, deadline_ms, &found, err))
                return false;
        for (const struct addrinfo *at = found; at; at = at->ai_next)
                if (getnameinfo(at->ai_addr, at->ai_addrlen, digits, sizeof(digits), NULL, 0, NI_NUMERICHOST) == 0)
                        add_entry(lists, host, digits, port);
        freeaddrinfo(found);
        return true;
}

/* Hosts that cannot be found are left out as long as another can. */
static bool find_hosts(
        const char *hosts, const char *ports, int64_t deadline_ms, Arena *arena, PgAddress *address, Error *err) {
        CLEANUP(cleanup_lists) Lists lists = { 0 };
        Error failure = { 0 };
        size_t index = 0;

        for (const char *at = hosts; at; index++) {
                size_t size = strcspn(at, ",");

                (void)add_host(
                        &lists, arena_bytes(arena, at, size), list_member(ports, index, arena), deadline_ms, &failure);
                at = at[size] ? at + size + 1 : NULL;
        }
        if (lists.count == 0) {
                if (err)
                        *err = failure;
                return false;
        }
        put(address, "host", arena_string(arena, text_string(&lists.hosts)));
        put(address, "hostaddr", arena_string(arena, text_string(&lists.addresses)));
        put(address, "port", arena_string(arena, text_string(&lists.ports)));
        return true;
}

bool pg_address_find(const char *conninfo, int64_t deadline_ms, Arena *arena, PgAddress *ret_address, Error *err) {
        CLEANUP(cleanup_options) PQconninfoOption *options = NULL;
        const char *host, *port;
        bool look_up;

        if (!parse(conninfo, &options, err))
                return false;
        *ret_address = (PgAddress){ 0 };
        put(ret_address, "gssencmode", "disable");
        put(ret_address, "fallback_application_name", "madbase");
        host = option(options, "host");
        port = option(options, "port");
        look_up = host && !option(options, "hostaddr");
        if (look_up && !find_hosts(host, port ? port : "", deadline_ms, arena, ret_address, err))
                return false;
        for (const PQconninfoOption *at = options; at->keyword; at++) {
                bool looked_up = strcmp(at->keyword, "host") == 0 || strcmp(at->keyword, "port") == 0;

                if (at->val && *at->val && !(look_up && looked_up))
                        put(ret_address, arena_string(arena, at->keyword), arena_string(arena, at->val));
        }
        return true;
}
