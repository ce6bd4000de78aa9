/* SPDX-License-Identifier: Apache-2.0 */
/* The table of Events under way. Law: a count that was raised here reaches the server within SERIES_REFRESH_MS, or when
 * the series closes. */
#include "operator/runtime/events_series.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"

typedef struct Budget {
        char *object;
        int64_t since_ms; /* when the next refill began */
        int tokens;
} Budget;

static void series_free(Series *series) {
        free(series->key);
        free(series);
}

static void budget_free(Budget *budget) {
        free(budget->object);
        free(budget);
}

void series_done(SeriesTable *table) {
        Series *series;
        Budget *budget;
        size_t at = 0;

        while ((series = hashmap_next(&table->series, &at)))
                series_free(series);
        at = 0;
        while ((budget = hashmap_next(&table->budgets, &at)))
                budget_free(budget);
        hashmap_done(&table->series);
        hashmap_done(&table->budgets);
}

void series_forget(SeriesTable *table, Series *series) {
        (void)hashmap_remove(&table->series, series->key);
        series_free(series);
}

static void drop_oldest_series(SeriesTable *table) {
        Series *series, *oldest = NULL;
        size_t at = 0;

        while ((series = hashmap_next(&table->series, &at)))
                if (!oldest || series->last_ms < oldest->last_ms)
                        oldest = series;
        if (oldest)
                series_forget(table, oldest);
}

/* Full budgets are as good as none; failing those, the one that was used longest ago. */
static void drop_spare_budgets(SeriesTable *table, int64_t now_ms) {
        Budget *budget, *oldest = NULL;
        size_t at = 0;

        while ((budget = hashmap_next(&table->budgets, &at))) {
                if (now_ms - budget->since_ms >= (int64_t)(SERIES_BURST - budget->tokens) * SERIES_REFILL_MS) {
                        (void)hashmap_remove(&table->budgets, budget->object);
                        budget_free(budget);
                } else if (!oldest || budget->since_ms < oldest->since_ms) {
                        oldest = budget;
                }
        }
        if (oldest && table->budgets.size >= SERIES_MAXIMUM) {
                (void)hashmap_remove(&table->budgets, oldest->object);
                budget_free(oldest);
        }
}

static bool spend(SeriesTable *table, const char *object, int64_t now_ms) {
        Budget *budget = hashmap_get(&table->budgets, object);
        int64_t refills;

        if (!budget) {
                if (table->budgets.size >= SERIES_MAXIMUM)
                        drop_spare_budgets(table, now_ms);
                budget = alloc_zero(sizeof(*budget));
                *budget = (Budget){ .object = alloc_string(object), .since_ms = now_ms, .tokens = SERIES_BURST };
                (void)hashmap_put(&table->budgets, budget->object, budget);
        }
        refills = (now_ms - budget->since_ms) / SERIES_REFILL_MS;
        budget->since_ms += refills * SERIES_REFILL_MS;
        if (refills >= SERIES_BURST - budget->tokens) {
                budget->tokens = SERIES_BURST;
                budget->since_ms = now_ms;
        } else {
                budget->tokens += (int)refills;
        }
        if (budget->tokens == 0)
                return false;
        budget->tokens--;
        return true;
}

static Series *add_series(SeriesTable *table, const char *key, int64_t now_ms, int64_t wall_us) {
        Series *series = alloc_zero(sizeof(*series));

        if (table->series.size >= SERIES_MAXIMUM)
                drop_oldest_series(table);
        series->key = alloc_string(key);
        series->count = 1;
        series->first_ms = series->last_ms = now_ms;
        series->last_wall_us = wall_us;
        (void)hashmap_put(&table->series, series->key, series);
        return series;
}

SeriesVerdict series_note(
        SeriesTable *table, const char *key, const char *object, int64_t now_ms, int64_t wall_us, Series **ret_series) {
        Series *series = hashmap_get(&table->series, key);

        *ret_series = NULL;
        if (series && now_ms - series->last_ms > SERIES_WINDOW_MS) {
                series_forget(table, series);
                series = NULL;
        }
        if (!series) {
                if (!spend(table, object, now_ms))
                        return SERIES_DROP;
                *ret_series = add_series(table, key, now_ms, wall_us);
                return SERIES_CREATE;
        }
        series->count++;
        series->last_ms = now_ms;
        series->last_wall_us = wall_us;
        *ret_series = series;
        return series->count == 2 ? SERIES_PATCH : SERIES_COUNT;
}

void series_written(Series *series, int64_t now_ms) {
        series->written_ms = now_ms;
        series->written_count = series->count;
}

Series *series_due(SeriesTable *table, int64_t now_ms) {
        Series *series;
        size_t at = 0;

        while ((series = hashmap_next(&table->series, &at))) {
                bool closed = now_ms - series->last_ms > SERIES_WINDOW_MS;
                bool stale = series->count > series->written_count;

                if (stale && (closed || now_ms - series->written_ms >= SERIES_REFRESH_MS))
                        return series;
                if (closed)
                        series_forget(table, series);
        }
        return NULL;
}
