/* SPDX-License-Identifier: Apache-2.0 */
/* Route tables and query parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/server/route.h"

static const ServerRoute routes[] = {
        { .method = "GET", .path = "/healthz*" },
        { .method = "GET", .path = "/api/scale" },
        { .method = "POST", .path = "/api/scale" },
        { .method = "GET", .path = "/api/*" },
        { 0 },
};

static void test_the_first_row_that_fits_counts(void **state) {
        char allow[ROUTE_ALLOW_SIZE];

        (void)state;
        assert_ptr_equal(route_find(routes, "GET", "/healthz", allow), &routes[0]);
        assert_ptr_equal(route_find(routes, "GET", "/healthz/ping", allow), &routes[0]);
        assert_ptr_equal(route_find(routes, "GET", "/api/scale", allow), &routes[1]);
        assert_ptr_equal(route_find(routes, "POST", "/api/scale", allow), &routes[2]);
        assert_ptr_equal(route_find(routes, "GET", "/api/scale/more", allow), &routes[3]);
        assert_ptr_equal(route_find(routes, "GET", "/api/", allow), &routes[3]);
}

static void test_an_unknown_path_allows_nothing_and_an_unknown_method_names_the_known(void **state) {
        char allow[ROUTE_ALLOW_SIZE];

        (void)state;
        assert_null(route_find(routes, "GET", "/api", allow));
        assert_string_equal(allow, "");
        assert_null(route_find(routes, "DELETE", "/api/scale", allow));
        assert_string_equal(allow, "GET, HEAD, POST");
        assert_null(route_find(routes, "get", "/healthz", allow));
        assert_string_equal(allow, "GET, HEAD");
}

static void test_parameters_are_decoded(void **state) {
        const ServerRequest request = { .query = "a=1&b=x%20y+z&&c&d=&a=2&e%3D=%3d&long=0123456789" };
        char value[8];

        (void)state;
        assert_true(server_query(&request, "a", value, sizeof(value)));
        assert_string_equal(value, "1");
        assert_true(server_query(&request, "b", value, sizeof(value)));
        assert_string_equal(value, "x y z");
        assert_true(server_query(&request, "c", value, sizeof(value)));
        assert_string_equal(value, "");
        assert_true(server_query(&request, "d", value, sizeof(value)));
        assert_string_equal(value, "");
        assert_true(server_query(&request, "e=", value, sizeof(value)));
        assert_string_equal(value, "=");
        assert_false(server_query(&request, "long", value, sizeof(value)));
        assert_false(server_query(&request, "f", value, sizeof(value)));
        assert_true(server_query_is(&request, "a", "1"));
        assert_true(server_query_is(&request, "a", "2"));
        assert_false(server_query_is(&request, "a", "3"));
}

static void test_broken_parameters_are_not_there(void **state) {
        const ServerRequest request = { .query = "a=%zz&%=1&b=%00" };
        char value[8];

        (void)state;
        assert_false(server_query(&request, "a", value, sizeof(value)));
        assert_false(server_query(&request, "b", value, sizeof(value)));
        assert_false(server_query_is(&request, "a", ""));
        assert_false(server_query(&(ServerRequest){ .query = "" }, "a", value, sizeof(value)));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_first_row_that_fits_counts),
                cmocka_unit_test(test_an_unknown_path_allows_nothing_and_an_unknown_method_names_the_known),
                cmocka_unit_test(test_parameters_are_decoded),
                cmocka_unit_test(test_broken_parameters_are_not_there),
        };

        return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
