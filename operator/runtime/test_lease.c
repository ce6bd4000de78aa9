/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of leadership: the record as values, and two candidates on one API server in memory, with short times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "lib/base/clock.h"
#include "operator/runtime/fake/fake_api.h"
#include "operator/runtime/lease.h"
#include "operator/runtime/lease_record.h"
#include "operator/runtime/thread.h"

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/x/leases"
#define LEASE  LEASES "/op"

enum { LEASE_MS = 2000, RENEW_MS = 1200, RETRY_MS = 200, WAIT_MS = 10000 };

typedef struct Candidate {
        KubeConfig config;
        Http *http;
        Client *client;
        Lease *lease;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        int started, lost, troubles;
} Candidate;

static void count(Candidate *candidate, int *counter) {
        pthread_mutex_lock(&candidate->lock);
        ++*counter;
        pthread_cond_broadcast(&candidate->changed);
        pthread_mutex_unlock(&candidate->lock);
}

static void on_started(void *context) {
        count(context, &((Candidate *)context)->started);
}

static void on_lost(void *context) {
        count(context, &((Candidate *)context)->lost);
}

static void on_trouble(void *context, const Error *err) {
        if (err)
                count(context, &((Candidate *)context)->troubles);
}

/* Milliseconds until the counter is at least `wanted`; fails the test after WAIT_MS. */
static int64_t await(Candidate *candidate, const int *counter, int wanted) {
        int64_t before = clock_now_ms();
        bool reached;

        pthread_mutex_lock(&candidate->lock);
        while (*counter < wanted && clock_now_ms() - before < WAIT_MS)
                thread_sleep(&candidate->changed, &candidate->lock, 100);
        reached = *counter >= wanted;
        pthread_mutex_unlock(&candidate->lock);
        assert_true(reached);
        return clock_now_ms() - before;
}

static void stand(Candidate *candidate, FakeApi *api, const char *identity) {
        const LeaseOptions options = { .namespace_ = "x",
                .name = "op",
                .identity = identity,
                .lease_ms = LEASE_MS,
                .renew_deadline_ms = RENEW_MS,
                .retry_ms = RETRY_MS,
                .on_started = on_started,
                .on_lost = on_lost,
                .on_trouble = on_trouble,
                .context = candidate };

        *candidate = (Candidate){ .config.server = fake_api_url(api) };
        pthread_mutex_init(&candidate->lock, NULL);
        thread_condition(&candidate->changed);
        assert_true(http_new(&candidate->config, NULL, &candidate->http, NULL));
        candidate->client = client_new(candidate->http);
        assert_true(lease_start(candidate->client, &options, NULL, &candidate->lease, NULL));
}

static void leave(Candidate *candidate, bool release) {
        lease_stop(candidate->lease, release);
        client_free(candidate->client);
        http_free(candidate->http);
        pthread_cond_destroy(&candidate->changed);
        pthread_mutex_destroy(&candidate->lock);
}

static void assert_record(FakeApi *api, const char *path, const char *value) {
        CLEANUP(json_cleanup) Json *record = fake_api_get(api, LEASE);

        assert_string_equal(json_find_string(record, path, "(nothing)"), value);
}

static int64_t transitions(FakeApi *api) {
        CLEANUP(json_cleanup) Json *record = fake_api_get(api, LEASE);

        return json_find_int(record, "/spec/leaseTransitions", -1);
}

static int start(void **state) {
        *state = fake_api_new();
        return 0;
}

static int end(void **state) {
        fake_api_free(*state);
        return 0;
}

static void test_the_first_makes_the_lease_and_renews_it(void **state) {
        FakeApi *api = *state;
        Candidate one;
        Error err = { 0 };

        stand(&one, api, "one");
        (void)await(&one, &one.started, 1);
        assert_true(lease_is_leader(one.lease));
        assert_true(lease_healthy(one.lease));
        assert_true(lease_guard(one.lease, &err));
        assert_record(api, "/spec/holderIdentity", "one");
        assert_int_equal(transitions(api), 0);
        assert_true(fake_api_await(api, "PUT " LEASE, 3));
        assert_int_equal(transitions(api), 0);
        leave(&one, true);
        assert_record(api, "/spec/holderIdentity", "");
}

static void test_a_released_lease_is_taken_at_once(void **state) {
        FakeApi *api = *state;
        Candidate one, two;
        int64_t waited;

        stand(&one, api, "one");
        (void)await(&one, &one.started, 1);
        stand(&two, api, "two");
        assert_true(fake_api_await(api, "WATCH " LEASES, 1));
        assert_false(lease_is_leader(two.lease));
        leave(&one, true);
        waited = await(&two, &two.started, 1);
        assert_true(waited < LEASE_MS);
        assert_record(api, "/spec/holderIdentity", "two");
        assert_int_equal(transitions(api), 1);
        leave(&two, true);
}

static void test_a_silent_leader_is_replaced_when_its_lease_ran_out(void **state) {
        FakeApi *api = *state;
        Candidate one, two;
        int64_t waited;

        stand(&one, api, "one");
        (void)await(&one, &one.started, 1);
        stand(&two, api, "two");
        assert_true(fake_api_await(api, "WATCH " LEASES, 1));
        assert_true(fake_api_await(api, "PUT " LEASE, 2));
        leave(&one, false);
        waited = await(&two, &two.started, 1);
        assert_true(waited >= LEASE_MS - 2 * RETRY_MS);
        assert_true(waited < LEASE_MS + 1000);
        leave(&two, true);
}

/* The standby never trusts the times in the record, only what it saw itself. */
static void test_an_old_record_is_given_its_whole_duration(void **state) {
        FakeApi *api = *state;
        Candidate two;
        int64_t waited;

        fake_api_make(api, LEASE,
                "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"op\","
                "\"namespace\":\"x\",\"labels\":{\"a\":\"b\"}},\"spec\":{\"holderIdentity\":\"gone\","
                "\"leaseDurationSeconds\":1,\"leaseTransitions\":4,\"renewTime\":\"2001-01-01T00:00:00.000000Z\"}}");
        stand(&two, api, "two");
        waited = await(&two, &two.started, 1);
        assert_true(waited >= 900);
        assert_int_equal(transitions(api), 5);
        assert_record(api, "/metadata/labels/a", "b");
        leave(&two, true);
}

static void test_an_unreachable_server_costs_leadership_before_the_lease_ends(void **state) {
        FakeApi *api = *state;
        Candidate one;
        const FakeFault fault = { .method = "PUT",
                .part = "leases",
                .status = 503,
                .reason = "ServiceUnavailable",
                .message = "away",
                .count = 1000 };
        Error err = { 0 };
        int64_t waited;

        stand(&one, api, "one");
        (void)await(&one, &one.started, 1);
        fake_api_fault(api, &fault);
        waited = await(&one, &one.lost, 1);
        assert_true(waited < LEASE_MS);
        assert_int_equal(one.troubles, 1);
        assert_false(lease_is_leader(one.lease));
        assert_false(lease_guard(one.lease, &err));
        assert_int_equal(err.code, ERROR_STOPPED);
        leave(&one, true);
}

static void test_a_conflict_that_leaves_us_the_holder_is_nothing(void **state) {
        FakeApi *api = *state;
        Candidate one;

        stand(&one, api, "one");
        (void)await(&one, &one.started, 1);
        fake_api_edit(api, LEASE, "{\"metadata\":{\"annotations\":{\"note\":\"edited\"}}}");
        assert_true(fake_api_await(api, "PUT " LEASE, 4));
        assert_int_equal(one.lost, 0);
        assert_record(api, "/metadata/annotations/note", "edited");
        leave(&one, true);
}

static void test_a_lease_taken_by_another_is_lost_at_once(void **state) {
        FakeApi *api = *state;
        Candidate one;

        stand(&one, api, "one");
        (void)await(&one, &one.started, 1);
        fake_api_edit(api, LEASE, "{\"spec\":{\"holderIdentity\":\"thief\"}}");
        assert_true(await(&one, &one.lost, 1) < RENEW_MS);
        leave(&one, true);
        assert_record(api, "/spec/holderIdentity", "thief");
}

static void test_a_lease_deleted_by_hand_is_made_again(void **state) {
        FakeApi *api = *state;
        Candidate one;

        stand(&one, api, "one");
        (void)await(&one, &one.started, 1);
        fake_api_remove(api, LEASE);
        assert_true(fake_api_await(api, "POST " LEASES, 2));
        assert_int_equal(one.lost, 0);
        leave(&one, true);
}

static void test_where_watching_is_forbidden_the_standby_polls(void **state) {
        FakeApi *api = *state;
        Candidate one, two;
        const FakeFault fault = { .method = "WATCH",
                .part = "leases",
                .status = 403,
                .reason = "Forbidden",
                .message = "no",
                .count = 1000 };

        fake_api_fault(api, &fault);
        stand(&one, api, "one");
        (void)await(&one, &one.started, 1);
        stand(&two, api, "two");
        (void)await(&two, &two.troubles, 1);
        fake_api_clear_log(api);
        /* Each poll keeps the record fresh, so that the living leader is left alone for longer than a lease. */
        assert_true(fake_api_await(api, "GET " LEASE, LEASE_MS / RETRY_MS + 2));
        assert_int_equal(two.started, 0);
        leave(&one, true);
        assert_true(await(&two, &two.started, 1) < LEASE_MS);
        leave(&two, true);
}

static void test_times_that_cannot_work_are_refused(void **state) {
        const LeaseOptions options = { .namespace_ = "x",
                .name = "op",
                .identity = "one",
                .lease_ms = 1000,
                .renew_deadline_ms = 1000,
                .retry_ms = 100,
                .on_started = on_started,
                .on_lost = on_lost };
        Lease *lease = NULL;
        Error err = { 0 };

        (void)state;
        assert_false(lease_start(NULL, &options, NULL, &lease, &err));
        assert_int_equal(err.code, ERROR_INVALID);
        lease_stop(NULL, true);
}

static Json *parse(const char *text) {
        Json *json = NULL;

        assert_true(json_parse(text, strlen(text), &json, NULL));
        return json;
}

static void test_time_counts_from_the_last_change_seen(void **state) {
        LeaseRecord record = { 0 };
        const char *text = "{\"metadata\":{\"resourceVersion\":\"%d\"},\"spec\":{\"holderIdentity\":\"a\","
                           "\"leaseDurationSeconds\":15}}";

        (void)state;
        lease_record_note(&record, parse(text), 1000);
        assert_int_equal(lease_record_remaining(&record, 9000, 1000), 15000);
        lease_record_note(&record, parse(text), 5000);
        assert_int_equal(lease_record_remaining(&record, 9000, 6000), 10000);
        lease_record_note(&record, parse("{\"spec\":{\"holderIdentity\":\"b\"}}"), 7000);
        assert_int_equal(lease_record_remaining(&record, 9000, 8000), 8000);
        assert_int_equal(lease_record_remaining(&record, 9000, 99000), 0);
        lease_record_note(&record, parse("{\"spec\":{\"holderIdentity\":\"\",\"leaseDurationSeconds\":15}}"), 9000);
        assert_int_equal(lease_record_remaining(&record, 9000, 9000), 0);
        lease_record_done(&record);
}

static void test_renewing_is_no_transition(void **state) {
        LeaseRecord record = { 0 };

        (void)state;
        lease_record_note(&record,
                parse("{\"spec\":{\"holderIdentity\":\"a\",\"leaseTransitions\":3,"
                      "\"acquireTime\":\"then\",\"strategy\":\"kept\"}}"),
                0);
        CLEANUP(json_cleanup) Json *renewed = lease_record_held(&record, "x", "op", "a", 15000, 0);
        CLEANUP(json_cleanup) Json *taken = lease_record_held(&record, "x", "op", "b", 15000, 0);
        assert_int_equal(json_find_int(renewed, "/spec/leaseTransitions", 0), 3);
        assert_string_equal(json_find_string(renewed, "/spec/acquireTime", ""), "then");
        assert_string_equal(json_find_string(renewed, "/spec/renewTime", ""), "1970-01-01T00:00:00.000000Z");
        assert_string_equal(json_find_string(renewed, "/spec/strategy", ""), "kept");
        assert_int_equal(json_find_int(taken, "/spec/leaseTransitions", 0), 4);
        assert_string_equal(json_find_string(taken, "/spec/acquireTime", ""), "1970-01-01T00:00:00.000000Z");
        lease_record_done(&record);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_the_first_makes_the_lease_and_renews_it, start, end),
                cmocka_unit_test_setup_teardown(test_a_released_lease_is_taken_at_once, start, end),
                cmocka_unit_test_setup_teardown(test_a_silent_leader_is_replaced_when_its_lease_ran_out, start, end),
                cmocka_unit_test_setup_teardown(test_an_old_record_is_given_its_whole_duration, start, end),
                cmocka_unit_test_setup_teardown(
                        test_an_unreachable_server_costs_leadership_before_the_lease_ends, start, end),
                cmocka_unit_test_setup_teardown(test_a_conflict_that_leaves_us_the_holder_is_nothing, start, end),
                cmocka_unit_test_setup_teardown(test_a_lease_taken_by_another_is_lost_at_once, start, end),
                cmocka_unit_test_setup_teardown(test_a_lease_deleted_by_hand_is_made_again, start, end),
                cmocka_unit_test_setup_teardown(test_where_watching_is_forbidden_the_standby_polls, start, end),
                cmocka_unit_test(test_times_that_cannot_work_are_refused),
                cmocka_unit_test(test_time_counts_from_the_last_change_seen),
                cmocka_unit_test(test_renewing_is_no_transition),
        };

        json_start();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
