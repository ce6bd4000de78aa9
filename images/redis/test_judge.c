/* SPDX-License-Identifier: Apache-2.0 */
/* The decision at a Redis start, case by case: three members, three Sentinels, this member is number 0 unless said. */
#include "judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static Settings settings;

/* A position in one history: "A" is 40 times a, "AB" went from A to B. */
static Position at(const char *history, long long offset) {
        Position position = { .has_data = true, .offset = offset };
        for (const char *c = history; *c; c++)
                memset(position.history[position.n_history++], *c + 'a' - 'A', POSITION_ID);
        return position;
}

static Knowledge begin(size_t self) {
        settings = (Settings){ .n_redis = 3, .n_sentinels = 3, .self = self, .quorum = 2 };
        Knowledge knowledge = { .settings = &settings };
        for (size_t i = 0; i < 3; i++) {
                snprintf(settings.redis[i].name, SETTINGS_NAME_MAX, "prod-redis-%zu", i);
                snprintf(knowledge.addresses[i], SETTINGS_ADDRESS_MAX, "10.0.0.%zu", i);
        }
        snprintf(settings.pod, sizeof settings.pod, "prod-redis-%zu", self);
        knowledge.peers[self].phase = PHASE_CLOSED;
        return knowledge;
}

static void name_master(Knowledge *knowledge, size_t sentinels, size_t master, long long epoch) {
        for (size_t i = 0; i < sentinels; i++) {
                knowledge->sentinels[i] = (SentinelAnswer){ .reachable = true, .epoch = epoch };
                snprintf(knowledge->sentinels[i].master, SETTINGS_ADDRESS_MAX, "10.0.0.%zu", master);
        }
}

static void set_peer(Knowledge *knowledge, size_t member, Phase phase, Position position) {
        knowledge->peers[member] = (Peer){ .phase = phase, .position = position };
}

static void expect(const Knowledge *knowledge, Verdict verdict, size_t master) {
        Judgement judgement = judge(knowledge);
        if (judgement.verdict != verdict)
                print_message("%s\n", judgement.why);
        assert_int_equal(judgement.verdict, verdict);
        if (verdict == VERDICT_FOLLOW || verdict == VERDICT_STAND)
                assert_int_equal(judgement.master, master);
        assert_true(judgement.why[0] != 0);
}

static void test_the_first_member_leads_when_all_are_new(void **state) {
        (void)state;
        for (size_t self = 0; self < 3; self++) {
                Knowledge knowledge = begin(self);
                for (size_t i = 0; i < 3; i++)
                        knowledge.peers[i].phase = PHASE_CLOSED;
                expect(&knowledge, self == 0 ? VERDICT_LEAD : VERDICT_HOLD, 0);
        }
}

static void test_new_members_wait_for_all_when_nobody_knows_a_master(void **state) {
        (void)state;
        Knowledge knowledge = begin(0);
        knowledge.peers[1].phase = PHASE_CLOSED;
        knowledge.waited = true;
        expect(&knowledge, VERDICT_HOLD, 0);
}

static void test_a_member_follows_whom_the_sentinels_name(void **state) {
        (void)state;
        Knowledge knowledge = begin(0);
        name_master(&knowledge, 3, 2, 5);
        set_peer(&knowledge, 0, PHASE_CLOSED, at("A", 10));
        set_peer(&knowledge, 2, PHASE_MASTER, at("AB", 3));
        expect(&knowledge, VERDICT_FOLLOW, 2);
}

static void test_the_newest_configuration_of_the_sentinels_counts(void **state) {
        (void)state;
        Knowledge knowledge = begin(0);
        name_master(&knowledge, 3, 1, 4);
        knowledge.sentinels[2].epoch = 5;
        snprintf(knowledge.sentinels[2].master, SETTINGS_ADDRESS_MAX, "10.0.0.2");
        set_peer(&knowledge, 1, PHASE_MASTER, at("A", 10));
        set_peer(&knowledge, 2, PHASE_MASTER, at("AB", 10));
        expect(&knowledge, VERDICT_FOLLOW, 2);
}

static void test_the_named_member_leads_with_the_same_data_as_its_peers(void **state) {
        (void)state;
        Knowledge knowledge = begin(1);
        name_master(&knowledge, 3, 1, 0);
        for (size_t i = 0; i < 3; i++)
                set_peer(&knowledge, i, PHASE_CLOSED, at("A", 10));
        expect(&knowledge, VERDICT_LEAD, 1);
}

static void test_the_named_member_never_leads_when_empty_beside_data(void **state) {
        (void)state;
        Knowledge knowledge = begin(0);
        name_master(&knowledge, 3, 0, 0);
        set_peer(&knowledge, 1, PHASE_REPLICA, at("A", 10));
        knowledge.waited = true;
        expect(&knowledge, VERDICT_HOLD, 0);
}

static void test_the_named_member_never_leads_when_empty_and_a_peer_is_away(void **state) {
        (void)state;
        Knowledge knowledge = begin(0);
        name_master(&knowledge, 3, 0, 0);
        knowledge.peers[1].phase = PHASE_CLOSED;
        knowledge.waited = true;
        expect(&knowledge, VERDICT_HOLD, 0);
}

static void test_the_named_member_never_leads_with_older_data(void **state) {
        (void)state;
        Knowledge knowledge = begin(0);
        name_master(&knowledge, 3, 0, 0);
        set_peer(&knowledge, 0, PHASE_CLOSED, at("A", 10));
        set_peer(&knowledge, 1, PHASE_CLOSED, at("A", 11));
        set_peer(&knowledge, 2, PHASE_CLOSED, at("A", 9));
        expect(&knowledge, VERDICT_HOLD, 0);
        set_peer(&knowledge, 1, PHASE_CLOSED, at("AB", 1));
        expect(&knowledge, VERDICT_HOLD, 0);
}

static void test_the_most_advanced_stands_when_the_named_one_is_behind(void **state) {
        (void)state;
        Knowledge knowledge = begin(1);
        name_master(&knowledge, 3, 0, 0);
        set_peer(&knowledge, 0, PHASE_CLOSED, at("A", 10));
        set_peer(&knowledge, 1, PHASE_CLOSED, at("A", 12));
        set_peer(&knowledge, 2, PHASE_CLOSED, at("A", 12));
        expect(&knowledge, VERDICT_STAND, 0);
        settings.self = 2; /* of two alike only one stands */
        expect(&knowledge, VERDICT_FOLLOW, 0);
}

static void test_the_named_one_is_given_time_to_answer(void **state) {
        (void)state;
        Knowledge knowledge = begin(1);
        name_master(&knowledge, 3, 0, 0);
        set_peer(&knowledge, 1, PHASE_CLOSED, at("A", 12));
        set_peer(&knowledge, 2, PHASE_CLOSED, at("A", 11));
        expect(&knowledge, VERDICT_FOLLOW, 0);
        knowledge.waited = true;
        expect(&knowledge, VERDICT_STAND, 0);
}

static void test_nobody_stands_without_a_majority_of_the_members(void **state) {
        (void)state;
        Knowledge knowledge = begin(1);
        name_master(&knowledge, 3, 0, 0);
        set_peer(&knowledge, 1, PHASE_CLOSED, at("A", 12));
        knowledge.waited = true;
        expect(&knowledge, VERDICT_FOLLOW, 0);
}

static void test_an_open_replica_with_the_same_data_goes_first(void **state) {
        (void)state;
        Knowledge knowledge = begin(1);
        name_master(&knowledge, 3, 0, 0);
        set_peer(&knowledge, 1, PHASE_CLOSED, at("A", 12));
        set_peer(&knowledge, 2, PHASE_REPLICA, at("A", 12));
        knowledge.waited = true;
        expect(&knowledge, VERDICT_FOLLOW, 0);
}

static void test_the_named_member_needs_a_majority_of_the_sentinels(void **state) {
        (void)state;
        Knowledge knowledge = begin(0);
        name_master(&knowledge, 1, 0, 0);
        set_peer(&knowledge, 0, PHASE_CLOSED, at("A", 10));
        set_peer(&knowledge, 1, PHASE_CLOSED, at("A", 10));
        knowledge.waited = true;
        expect(&knowledge, VERDICT_HOLD, 0);
        name_master(&knowledge, 2, 0, 0);
        expect(&knowledge, VERDICT_LEAD, 0);
}

static void test_the_named_member_waits_while_sentinel_promotes_another(void **state) {
        (void)state;
        Knowledge knowledge = begin(0);
        name_master(&knowledge, 3, 0, 0);
        for (size_t i = 0; i < 3; i++)
                set_peer(&knowledge, i, PHASE_CLOSED, at("A", 10));
        knowledge.sentinels[1].failing_over = true;
        expect(&knowledge, VERDICT_HOLD, 0);
}

static void test_an_open_member_follows_whom_most_sentinels_name_but_for_a_failover_under_way(void **state) {
        (void)state;
        Knowledge knowledge = begin(2);
        name_master(&knowledge, 3, 0, 7);
        assert_int_equal(judge_leader_of_open(&knowledge), 0);
        knowledge.sentinels[1].failing_over = true; /* it may have promoted this member just now */
        assert_int_equal(judge_leader_of_open(&knowledge), 3);
        knowledge.sentinels[1].failing_over = false;
        name_master(&knowledge, 1, 2, 8); /* the first that knows; the others hear of it in two seconds */
        assert_int_equal(judge_leader_of_open(&knowledge), 3);
        name_master(&knowledge, 3, 2, 8);
        assert_int_equal(judge_leader_of_open(&knowledge), 3);
}

static void test_the_named_member_does_not_lead_beside_another_master(void **state) {
        (void)state;
        Knowledge knowledge = begin(0);
        name_master(&knowledge, 3, 0, 0);
        set_peer(&knowledge, 0, PHASE_CLOSED, at("A", 10));
        set_peer(&knowledge, 1, PHASE_MASTER, at("A", 10));
        set_peer(&knowledge, 2, PHASE_REPLICA, at("A", 10));
        expect(&knowledge, VERDICT_HOLD, 0);
}

static void test_a_minority_of_the_sentinels_cannot_make_newer_data_go(void **state) {
        (void)state;
        Knowledge knowledge = begin(0);
        name_master(&knowledge, 1, 1, 0);
        set_peer(&knowledge, 0, PHASE_CLOSED, at("AB", 10));
        set_peer(&knowledge, 1, PHASE_MASTER, at("A", 10));
        expect(&knowledge, VERDICT_HOLD, 0);
        name_master(&knowledge, 2, 1, 0);
        expect(&knowledge, VERDICT_FOLLOW, 1);
}

static void test_the_most_advanced_leads_when_no_sentinel_knows_a_master(void **state) {
        (void)state;
        Knowledge knowledge = begin(2);
        set_peer(&knowledge, 0, PHASE_CLOSED, at("A", 50));
        set_peer(&knowledge, 1, PHASE_CLOSED, (Position){ 0 });
        set_peer(&knowledge, 2, PHASE_CLOSED, at("AB", 10));
        expect(&knowledge, VERDICT_LEAD, 2);
        settings.self = 0;
        expect(&knowledge, VERDICT_HOLD, 0);
}

static void test_data_that_has_parted_waits_for_a_word(void **state) {
        (void)state;
        Knowledge knowledge = begin(0);
        set_peer(&knowledge, 0, PHASE_CLOSED, at("AB", 10));
        set_peer(&knowledge, 1, PHASE_CLOSED, at("AC", 10));
        set_peer(&knowledge, 2, PHASE_CLOSED, at("A", 10));
        expect(&knowledge, VERDICT_HOLD, 0);
        snprintf(settings.rescue, sizeof settings.rescue, "prod-redis-0");
        expect(&knowledge, VERDICT_LEAD, 0);
}

static void test_an_open_master_is_followed_when_no_sentinel_answers(void **state) {
        (void)state;
        Knowledge knowledge = begin(1);
        set_peer(&knowledge, 0, PHASE_MASTER, at("A", 10));
        expect(&knowledge, VERDICT_FOLLOW, 0);
        set_peer(&knowledge, 1, PHASE_CLOSED, at("A", 11));
        expect(&knowledge, VERDICT_HOLD, 0);
        set_peer(&knowledge, 1, PHASE_CLOSED, at("A", 9));
        set_peer(&knowledge, 2, PHASE_MASTER, at("A", 10));
        expect(&knowledge, VERDICT_HOLD, 0);
}

static void test_an_address_that_is_no_members_is_not_followed(void **state) {
        (void)state;
        Knowledge knowledge = begin(0);
        name_master(&knowledge, 3, 0, 0);
        for (size_t i = 0; i < 3; i++)
                snprintf(knowledge.sentinels[i].master, SETTINGS_ADDRESS_MAX, "192.0.2.1");
        expect(&knowledge, VERDICT_HOLD, 0);
}

static void test_a_named_member_that_follows_another_is_not_outrun_by_older_data(void **state) {
        (void)state;
        Knowledge knowledge = begin(1);
        name_master(&knowledge, 3, 0, 0);
        knowledge.waited = true;
        set_peer(&knowledge, 0, PHASE_REPLICA, at("A", 10));
        set_peer(&knowledge, 1, PHASE_CLOSED, at("A", 9));
        set_peer(&knowledge, 2, PHASE_CLOSED, at("A", 8));
        expect(&knowledge, VERDICT_FOLLOW, 0);
        set_peer(&knowledge, 1, PHASE_CLOSED, at("A", 10));
        expect(&knowledge, VERDICT_STAND, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_first_member_leads_when_all_are_new),
                cmocka_unit_test(test_new_members_wait_for_all_when_nobody_knows_a_master),
                cmocka_unit_test(test_a_member_follows_whom_the_sentinels_name),
                cmocka_unit_test(test_the_newest_configuration_of_the_sentinels_counts),
                cmocka_unit_test(test_the_named_member_leads_with_the_same_data_as_its_peers),
                cmocka_unit_test(test_the_named_member_never_leads_when_empty_beside_data),
                cmocka_unit_test(test_the_named_member_never_leads_when_empty_and_a_peer_is_away),
                cmocka_unit_test(test_the_named_member_never_leads_with_older_data),
                cmocka_unit_test(test_the_most_advanced_stands_when_the_named_one_is_behind),
                cmocka_unit_test(test_the_named_one_is_given_time_to_answer),
                cmocka_unit_test(test_nobody_stands_without_a_majority_of_the_members),
                cmocka_unit_test(test_an_open_replica_with_the_same_data_goes_first),
                cmocka_unit_test(test_the_named_member_needs_a_majority_of_the_sentinels),
                cmocka_unit_test(test_the_named_member_waits_while_sentinel_promotes_another),
                cmocka_unit_test(test_an_open_member_follows_whom_most_sentinels_name_but_for_a_failover_under_way),
                cmocka_unit_test(test_the_named_member_does_not_lead_beside_another_master),
                cmocka_unit_test(test_a_minority_of_the_sentinels_cannot_make_newer_data_go),
                cmocka_unit_test(test_the_most_advanced_leads_when_no_sentinel_knows_a_master),
                cmocka_unit_test(test_data_that_has_parted_waits_for_a_word),
                cmocka_unit_test(test_an_open_master_is_followed_when_no_sentinel_answers),
                cmocka_unit_test(test_an_address_that_is_no_members_is_not_followed),
                cmocka_unit_test(test_a_named_member_that_follows_another_is_not_outrun_by_older_data),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
