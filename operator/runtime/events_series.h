/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of one more Event: a new object, one more of a series, or nothing. Pure but for its own table; time
 * comes in as a value. Rules of client-go's recorder (tools/events) and of its older spam filter. Not locked. */
#pragma once

#include <stdint.h>

#include "lib/base/hashmap.h"

enum {
        SERIES_WINDOW_MS = 6 * 60 * 1000,   /* the same again within this: a series; quiet for this: closed */
        SERIES_REFRESH_MS = 30 * 60 * 1000, /* a series that goes on is written this often */
        SERIES_BURST = 25,                  /* Events of one object at once */
        SERIES_REFILL_MS = 5 * 60 * 1000,   /* and one more each */
        SERIES_MAXIMUM = 500,               /* series and objects remembered; beyond, the oldest is forgotten */
        SERIES_NAME_SIZE = 254
};

typedef struct Series {
        char *key;
        char namespace_[64];
        char name[SERIES_NAME_SIZE]; /* of the Event object */
        int64_t count;
        int64_t first_ms, last_ms, written_ms;
        int64_t last_wall_us;
        int64_t written_count; /* what the object says */
} Series;

typedef struct SeriesTable {
        Hashmap series;  /* by key */
        Hashmap budgets; /* by object */
} SeriesTable;

typedef enum SeriesVerdict {
        SERIES_CREATE, /* a new Event object; the caller fills namespace and name of the series */
        SERIES_PATCH,  /* the object's count is to be written */
        SERIES_COUNT,  /* counted here; written later */
        SERIES_DROP    /* the object has had too many Events */
} SeriesVerdict;

void series_done(SeriesTable *table);
/* `key` says everything that makes two Events the same, `object` whose budget it is. *ret_series belongs to the table
 * and is valid until the next call; NULL for SERIES_DROP. */
SeriesVerdict series_note(
        SeriesTable *table, const char *key, const char *object, int64_t now_ms, int64_t wall_us, Series **ret_series);
/* The object says now what the series says. */
void series_written(Series *series, int64_t now_ms);
/* The object could not be made or is gone: the next one makes another. */
void series_forget(SeriesTable *table, Series *series);
/* A series whose count should be written because time has passed; closed ones that need no writing are dropped on the
 * way. NULL when there is none. */
Series *series_due(SeriesTable *table, int64_t now_ms);
