/* SPDX-License-Identifier: Apache-2.0 */
/* The decision at a Redis start. Two cases: the Sentinels name a master, or none of those within reach knows one. */
#include "judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const PHASES[] = { "Unreachable", "Loading", "Closed", "Replica", "Master" };

const char *judge_phase_name(Phase phase) {
        return PHASES[phase];
}

bool judge_phase_parse(const char *name, Phase *ret) {
        for (size_t i = 0; i < sizeof PHASES / sizeof *PHASES; i++)
                if (strcmp(PHASES[i], name) == 0) {
                        *ret = (Phase)i;
                        return true;
                }
        return false;
}

__attribute__((format(printf, 3, 4))) static Judgement verdict(
        Verdict verdict, size_t master, const char *format, ...) {
        Judgement judgement = { .verdict = verdict, .master = master };
        va_list args;
        va_start(args, format);
        vsnprintf(judgement.why, sizeof judgement.why, format, args);
        va_end(args);
        return judgement;
}

static const char *name_of(const Knowledge *knowledge, size_t member) {
        return knowledge->settings->redis[member].name;
}

static const Position *own(const Knowledge *knowledge) {
        return &knowledge->peers[knowledge->settings->self].position;
}

static bool within_reach(const Knowledge *knowledge, size_t member) {
        return knowledge->peers[member].phase != PHASE_UNREACHABLE;
}

static size_t count_reachable(const Knowledge *knowledge) {
        size_t n = 0;
        for (size_t i = 0; i < knowledge->settings->n_redis; i++)
                n += within_reach(knowledge, i);
        return n;
}

/* The first member in the phase, from `from` on; n_redis when there is none. */
static size_t find_phase(const Knowledge *knowledge, Phase phase, size_t from) {
        size_t i = from;
        while (i < knowledge->settings->n_redis && knowledge->peers[i].phase != phase)
                i++;
        return i;
}

/* A member within reach whose position stands to ours as `order`, other than `except`; n_redis when there is none. */
static size_t find_order(const Knowledge *knowledge, PositionOrder order, size_t except) {
        for (size_t i = 0; i < knowledge->settings->n_redis; i++)
                if (i != knowledge->settings->self && i != except && within_reach(knowledge, i) &&
                        position_compare(&knowledge->peers[i].position, own(knowledge)) == order)
                        return i;
        return knowledge->settings->n_redis;
}

/* Of those with the most advanced data, all but `except`, is this member the one to go first? An open one goes before
 * a closed one, then the lower number. */
static bool goes_first(const Knowledge *knowledge, size_t except) {
        size_t self = knowledge->settings->self;
        if (find_order(knowledge, POSITION_NEWER, except) < knowledge->settings->n_redis)
                return false;
        for (size_t i = 0; i < knowledge->settings->n_redis; i++)
                if (i != self && i != except && within_reach(knowledge, i) &&
                        position_compare(&knowledge->peers[i].position, own(knowledge)) == POSITION_SAME &&
                        (knowledge->peers[i].phase >= PHASE_REPLICA || i < self))
                        return false;
        return true;
}

/* Which member the Sentinels name: its index, or n_redis when none, or an address that is no member's. majority: more
 * than half of all Sentinels name it. knows: some Sentinel names a master, known to us or not. */
static size_t judge_named(const Knowledge *knowledge, bool *ret_majority, bool *ret_knows) {
        const Settings *settings = knowledge->settings;
        const SentinelAnswer *best = NULL;
        for (size_t i = 0; i < settings->n_sentinels; i++) {
                const SentinelAnswer *answer = &knowledge->sentinels[i];
                if (answer->reachable && answer->master[0] && (!best || answer->epoch > best->epoch))
                        best = answer;
        }
        size_t agree = 0;
        for (size_t i = 0; best && i < settings->n_sentinels; i++)
                agree += knowledge->sentinels[i].reachable && strcmp(knowledge->sentinels[i].master, best->master) == 0;
        *ret_majority = agree > settings->n_sentinels / 2;
        *ret_knows = best != NULL;
        size_t member = 0;
        while (best && member < settings->n_redis && strcmp(knowledge->addresses[member], best->master) != 0)
                member++;
        return best ? member : settings->n_redis;
}

static bool is_failing_over(const Knowledge *knowledge) {
        for (size_t i = 0; i < knowledge->settings->n_sentinels; i++)
                if (knowledge->sentinels[i].reachable && knowledge->sentinels[i].failing_over)
                        return true;
        return false;
}

size_t judge_leader_of_open(const Knowledge *knowledge) {
        bool majority, knows;
        size_t named = judge_named(knowledge, &majority, &knows);
        bool other = majority && named != knowledge->settings->self;
        return other && !is_failing_over(knowledge) ? named : knowledge->settings->n_redis;
}

/* The Sentinels name this member. */
static Judgement judge_named_self(const Knowledge *knowledge, bool majority) {
        const Settings *settings = knowledge->settings;
        size_t none = settings->n_redis, self = settings->self, other = find_phase(knowledge, PHASE_MASTER, 0);
        bool all = count_reachable(knowledge) == settings->n_redis;
        if (other < none)
                return verdict(
                        VERDICT_HOLD, self, "the Sentinels name this member, but %s leads", name_of(knowledge, other));
        if ((other = find_order(knowledge, POSITION_NEWER, none)) < none)
                return verdict(VERDICT_HOLD, self, "%s has newer data: the Sentinels must promote it",
                        name_of(knowledge, other));
        if (is_failing_over(knowledge))
                return verdict(VERDICT_HOLD, self, "the Sentinels are promoting another member");
        if (!own(knowledge)->has_data && !all)
                return verdict(VERDICT_HOLD, self,
                        "this member is empty, and %zu of %zu members do not answer: they may hold the data",
                        none - count_reachable(knowledge), none);
        if (!all && !knowledge->waited)
                return verdict(VERDICT_HOLD, self, "waiting for all members to answer");
        if (!majority && (!all || find_order(knowledge, POSITION_UNRELATED, none) < none))
                return verdict(VERDICT_HOLD, self, "no majority of the Sentinels names a master");
        return verdict(VERDICT_LEAD, self, "the Sentinels name this member, and no member has newer data");
}

/* The named master is away or held back itself: if ours is the best data, Sentinel must be able to promote us. */
static Judgement judge_candidate(const Knowledge *knowledge, size_t named) {
        const Settings *settings = knowledge->settings;
        bool away = !within_reach(knowledge, named);
        size_t reachable = count_reachable(knowledge);
        if (!own(knowledge)->has_data)
                return verdict(VERDICT_FOLLOW, named, "waiting for %s to lead", name_of(knowledge, named));
        if (!goes_first(knowledge, away ? settings->n_redis : named))
                return verdict(VERDICT_FOLLOW, named, "waiting for %s to lead", name_of(knowledge, named));
        if (!knowledge->waited && reachable < settings->n_redis)
                return verdict(VERDICT_FOLLOW, named, "waiting for all members to answer");
        if (reachable <= settings->n_redis / 2)
                return verdict(VERDICT_FOLLOW, named, "waiting for a majority of the members to answer");
        return verdict(VERDICT_STAND, named, "%s %s, and this member has the most advanced data",
                name_of(knowledge, named), away ? "does not answer" : "has older data");
}

/* The Sentinels name another member. */
static Judgement judge_named_other(const Knowledge *knowledge, size_t named, bool majority) {
        PositionOrder order = position_compare(own(knowledge), &knowledge->peers[named].position);
        switch (knowledge->peers[named].phase) {
        case PHASE_MASTER:
                if (order == POSITION_NEWER && !majority)
                        return verdict(VERDICT_HOLD, named,
                                "%s leads with older data, and only a minority of the Sentinels names it",
                                name_of(knowledge, named));
                return verdict(VERDICT_FOLLOW, named, "%s leads", name_of(knowledge, named));
        case PHASE_REPLICA:
                if (order == POSITION_OLDER)
                        return verdict(VERDICT_FOLLOW, named, "%s is named, but follows another itself",
                                name_of(knowledge, named));
                return judge_candidate(knowledge, named);
        case PHASE_LOADING:
        case PHASE_CLOSED:
                if (order != POSITION_NEWER)
                        return verdict(VERDICT_FOLLOW, named, "waiting for %s to lead", name_of(knowledge, named));
                return judge_candidate(knowledge, named);
        case PHASE_UNREACHABLE:
        default:
                return judge_candidate(knowledge, named);
        }
}

/* No Sentinel within reach knows a master: the first start ever, or all Sentinels away or new. */
static Judgement judge_unnamed(const Knowledge *knowledge) {
        const Settings *settings = knowledge->settings;
        size_t none = settings->n_redis, self = settings->self;
        size_t master = find_phase(knowledge, PHASE_MASTER, 0);
        if (master < none) {
                if (find_phase(knowledge, PHASE_MASTER, master + 1) < none)
                        return verdict(VERDICT_HOLD, self, "more than one member leads, and no Sentinel answers");
                if (position_compare(own(knowledge), &knowledge->peers[master].position) == POSITION_NEWER)
                        return verdict(VERDICT_HOLD, self, "%s leads with older data, and no Sentinel answers",
                                name_of(knowledge, master));
                return verdict(VERDICT_FOLLOW, master, "%s leads", name_of(knowledge, master));
        }
        if (count_reachable(knowledge) < none)
                return verdict(VERDICT_HOLD, self, "no Sentinel knows a master, and %zu of %zu members do not answer",
                        none - count_reachable(knowledge), none);
        size_t other = find_order(knowledge, POSITION_UNRELATED, none);
        if (other < none && find_order(knowledge, POSITION_NEWER, none) == none)
                return verdict(VERDICT_HOLD, self,
                        "no Sentinel knows a master, and the data of %s and of this member have parted: name the one "
                        "to go on with",
                        name_of(knowledge, other));
        if (!goes_first(knowledge, none))
                return verdict(VERDICT_HOLD, self, "another member with the same or newer data leads");
        return verdict(
                VERDICT_LEAD, self, own(knowledge)->has_data ? "no member has newer data" : "all members are new");
}

Judgement judge(const Knowledge *knowledge) {
        const Settings *settings = knowledge->settings;
        bool majority, knows;
        size_t named = judge_named(knowledge, &majority, &knows);
        if (strcmp(settings->rescue, settings->pod) == 0)
                return verdict(VERDICT_LEAD, settings->self, "the pillar names this member to go on with");
        if (knows && named == settings->n_redis)
                return verdict(VERDICT_HOLD, settings->self, "the Sentinels name an address that is no member's");
        if (!knows)
                return judge_unnamed(knowledge);
        if (named == settings->self)
                return judge_named_self(knowledge, majority);
        return judge_named_other(knowledge, named, majority);
}
