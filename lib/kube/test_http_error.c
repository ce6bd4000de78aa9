/* SPDX-License-Identifier: Apache-2.0 */
/* The table of reply and action, row by row, with bodies as API servers send them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/kube/http.h"

static Error explain(int status, const char *body, uint32_t retry_after_ms) {
        CLEANUP(http_response_done) HttpResponse response = { .status = status, .retry_after_ms = retry_after_ms };
        Error err = { 0 };
        text_append(&response.body, body);
        assert_false(http_error(&response, "cannot apply Pod x/y", &err));
        assert_int_equal(err.http_status, status);
        return err;
}

#define STATUS(reason, message, details)                                                                               \
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"" message                     \
        "\",\"reason\":\"" reason "\",\"details\":{" details "}}"

static void test_every_status_has_its_code(void **state) {
        static const struct {
                int status;
                const char *body;
                ErrorCode code;
        } cases[] = {
                { 400, STATUS("BadRequest", "no", ""), ERROR_INVALID },
                { 401, STATUS("Unauthorized", "no", ""), ERROR_UNAUTHORIZED },
                { 403, STATUS("Forbidden", "no", ""), ERROR_FORBIDDEN },
                { 404, STATUS("NotFound", "no", ""), ERROR_NOT_FOUND },
                { 404, "404 page not found\n", ERROR_NOT_FOUND },
                { 405, STATUS("MethodNotAllowed", "no", ""), ERROR_BUG },
                { 409, STATUS("AlreadyExists", "no", ""), ERROR_EXISTS },
                { 409, STATUS("Conflict", "no", ""), ERROR_CONFLICT },
                { 410, STATUS("Expired", "no", ""), ERROR_EXPIRED },
                { 413, STATUS("RequestEntityTooLarge", "no", ""), ERROR_TOO_LARGE },
                { 415, "", ERROR_BUG },
                { 422, STATUS("Invalid", "no", ""), ERROR_INVALID },
                { 429, STATUS("TooManyRequests", "no", ""), ERROR_THROTTLED },
                { 500, STATUS("InternalError", "no", ""), ERROR_UNAVAILABLE },
                { 500,
                        STATUS("",
                                "failed to create typed patch object (x/y; /v1, Kind=Pod): .spec.a: field not declared",
                                ""),
                        ERROR_INVALID },
                { 502, "<html>bad gateway</html>", ERROR_UNAVAILABLE },
                { 503, STATUS("ServiceUnavailable", "no", ""), ERROR_UNAVAILABLE },
                { 504, STATUS("Timeout", "no", ""), ERROR_TIMEOUT },
                { 418, "", ERROR_INVALID },
                { 302, "", ERROR_PROTOCOL },
        };
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++)
                assert_int_equal(explain(cases[i].status, cases[i].body, 0).code, cases[i].code);
}

static void test_server_message_reason_and_status_are_told(void **state) {
        (void)state;
        Error err = explain(422, STATUS("Invalid", "spec.members: must be odd", ""), 0);
        assert_string_equal(err.text, "cannot apply Pod x/y: spec.members: must be odd (HTTP 422 Invalid)");
        assert_string_equal(err.reason, "Invalid");
}

static void test_bodies_that_are_no_status_are_cut_and_cleaned(void **state) {
        (void)state;
        assert_string_equal(explain(502, "<b>bad\r\n\x01gateway</b>\n", 0).text,
                "cannot apply Pod x/y: <b>bad   gateway</b> (HTTP 502)");
        assert_string_equal(explain(500, "", 0).text, "cannot apply Pod x/y: no explanation (HTTP 500)");
        assert_string_equal(
                explain(500, "{\"kind\":\"Other\"}", 0).text, "cannot apply Pod x/y: {\"kind\":\"Other\"} (HTTP 500)");
}

static void test_conflicts_of_managers_name_the_fields(void **state) {
        (void)state;
        Error err = explain(409,
                STATUS("Conflict", "Apply failed with 2 conflicts",
                        "\"causes\":[{\"reason\":\"FieldManagerConflict\",\"message\":\"conflict with "
                        "\\\"kubectl\\\"\","
                        "\"field\":\".spec.replicas\"},{\"reason\":\"FieldManagerConflict\",\"message\":\"conflict "
                        "with "
                        "\\\"hpa\\\"\",\"field\":\".spec.x\"}]"),
                0);
        assert_int_equal(err.code, ERROR_CONFLICT);
        assert_string_equal(err.reason, "FieldManagerConflict");
        assert_string_equal(err.text, "cannot apply Pod x/y: Apply failed with 2 conflicts; .spec.replicas (conflict "
                                      "with \"kubectl\"), .spec.x "
                                      "(conflict with \"hpa\") (HTTP 409 FieldManagerConflict)");
}

static void test_terminating_namespace_is_for_a_person_to_wait_for(void **state) {
        static const char DETAILS[] = STATUS("Forbidden", "no", "\"causes\":[{\"reason\":\"NamespaceTerminating\"}]");
        (void)state;
        Error err = explain(403, DETAILS, 0);
        assert_int_equal(err.code, ERROR_FORBIDDEN);
        assert_string_equal(err.reason, "NamespaceTerminating");
        assert_int_equal(explain(409, DETAILS, 0).code, ERROR_FORBIDDEN);
}

static void test_too_new_resource_version_is_told_by_its_cause(void **state) {
        (void)state;
        Error err = explain(504,
                STATUS("Timeout", "Too large resource version",
                        "\"causes\":[{\"reason\":\"ResourceVersionTooLarge\"}],"
                        "\"retryAfterSeconds\":1"),
                0);
        assert_int_equal(err.code, ERROR_TIMEOUT);
        assert_string_equal(err.reason, "ResourceVersionTooLarge");
        assert_int_equal(err.retry_after_ms, 1000);
}

static void test_throttling_always_says_how_long(void **state) {
        (void)state;
        assert_int_equal(explain(429, "", 7000).retry_after_ms, 7000);
        assert_int_equal(
                explain(429, STATUS("TooManyRequests", "no", "\"retryAfterSeconds\":3"), 0).retry_after_ms, 3000);
        assert_int_equal(explain(429, "", 0).retry_after_ms, 1000);
        assert_int_equal(explain(503, "", 2000).code, ERROR_THROTTLED);
        Error err = explain(429, STATUS("TooManyRequests", "no", "\"causes\":[{\"reason\":\"DisruptionBudget\"}]"), 0);
        assert_string_equal(err.reason, "DisruptionBudget");
        assert_int_equal(err.retry_after_ms, 10000);
}

static void test_escapes_what_has_a_meaning_in_urls(void **state) {
        (void)state;
        CLEANUP(text_done) Text url = { 0 };
        http_escape(&url, "a=b,c in (d),e/f%+ \xc3\xa4~");
        assert_string_equal(text_string(&url), "a%3Db%2Cc%20in%20%28d%29%2Ce%2Ff%25%2B%20%C3%A4~");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_status_has_its_code),
                cmocka_unit_test(test_server_message_reason_and_status_are_told),
                cmocka_unit_test(test_bodies_that_are_no_status_are_cut_and_cleaned),
                cmocka_unit_test(test_conflicts_of_managers_name_the_fields),
                cmocka_unit_test(test_terminating_namespace_is_for_a_person_to_wait_for),
                cmocka_unit_test(test_too_new_resource_version_is_told_by_its_cause),
                cmocka_unit_test(test_throttling_always_says_how_long),
                cmocka_unit_test(test_escapes_what_has_a_meaning_in_urls),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
