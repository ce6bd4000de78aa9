/* SPDX-License-Identifier: Apache-2.0 */
/* One thread for each Sentinel and member; each writes only its own slot. */
#include "ask.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"

typedef struct Question {
        const Settings *settings;
        const Member *member;
        bool is_sentinel;
        char address[SETTINGS_ADDRESS_MAX];
        Peer peer;
        SentinelAnswer sentinel;
} Question;

static void ask_sentinel(Question *question) {
        const Settings *settings = question->settings;
        CONTEXT context = call_connect(question->address, SETTINGS_SENTINEL_PORT, settings->sentinel_password, CALL_MS);
        if (!context)
                return;
        REPLY name = CALL(context, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", settings->group);
        if (!name || name->type == REDIS_REPLY_ERROR)
                return;
        question->sentinel.reachable = true;
        if (name->type != REDIS_REPLY_ARRAY || name->elements < 1 ||
                strlen(name->element[0]->str) >= sizeof question->sentinel.master)
                return;
        memcpy(question->sentinel.master, name->element[0]->str, strlen(name->element[0]->str) + 1);
        REPLY state = CALL(context, "SENTINEL", "MASTER", settings->group);
        const char *epoch = call_field(state, "config-epoch"), *flags = call_field(state, "flags");
        question->sentinel.epoch = epoch ? strtoll(epoch, NULL, 10) : 0;
        question->sentinel.failing_over = flags && strstr(flags, "failover_in_progress");
}

static void ask_member(Question *question) {
        CONTEXT context = call_connect(question->address, SETTINGS_MEMBER_PORT, question->settings->password, CALL_MS);
        REPLY state = context ? CALL(context, "STATE") : NULL;
        const char *name = call_field(state, "name"), *phase = call_field(state, "phase"),
                   *position = call_field(state, "position"), *has_data = call_field(state, "has-data");
        Peer peer;
        if (!name || strcmp(name, question->member->name) != 0) /* the address went to somebody else */
                return;
        if (!phase || !position || !has_data || !judge_phase_parse(phase, &peer.phase) ||
                !position_parse(position, &peer.position))
                return;
        peer.position.has_data = strcmp(has_data, "yes") == 0;
        question->peer = peer;
}

static void *ask_one(void *argument) {
        Question *question = argument;
        if (!settings_address(question->member, question->address)) {
                question->address[0] = 0;
                return NULL;
        }
        if (question->is_sentinel)
                ask_sentinel(question);
        else
                ask_member(question);
        return NULL;
}

static void ask(const Settings *settings, bool members, Knowledge *ret) {
        Question questions[2 * SETTINGS_MEMBERS_MAX];
        pthread_t threads[2 * SETTINGS_MEMBERS_MAX];
        size_t n = 0, n_members = members ? settings->n_redis : 0;
        memset(questions, 0, sizeof questions);
        for (size_t i = 0; i < n_members; i++)
                questions[n++] = (Question){ .settings = settings, .member = &settings->redis[i] };
        for (size_t i = 0; i < settings->n_sentinels; i++)
                questions[n++] =
                        (Question){ .settings = settings, .member = &settings->sentinels[i], .is_sentinel = true };
        for (size_t i = 0; i < n; i++)
                if (pthread_create(&threads[i], NULL, ask_one, &questions[i]) != 0)
                        abort();
        for (size_t i = 0; i < n; i++)
                pthread_join(threads[i], NULL);
        ret->settings = settings;
        for (size_t i = 0; i < n_members; i++) {
                memcpy(ret->addresses[i], questions[i].address, sizeof ret->addresses[i]);
                if (i != settings->self)
                        ret->peers[i] = questions[i].peer;
        }
        for (size_t i = 0; i < settings->n_sentinels; i++)
                ret->sentinels[i] = questions[n_members + i].sentinel;
}

void ask_all(const Settings *settings, Knowledge *ret) {
        ask(settings, true, ret);
}

void ask_sentinels(const Settings *settings, Knowledge *ret) {
        ask(settings, false, ret);
}
