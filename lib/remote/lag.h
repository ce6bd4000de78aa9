/* SPDX-License-Identifier: Apache-2.0 */
/* How far a replica is behind, as a word that does not flutter: it gets worse only when two looks in a row agree, and
 * leaves "Lagging" only well below where it entered it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
        LAG_ENTER_BYTES = 16 * 1024 * 1024, /* one WAL segment */
        LAG_LEAVE_BYTES = 4 * 1024 * 1024,
        LAG_LOOKS = 2 /* that agree before the word gets worse */
};

typedef enum LagWord {
        LAG_NONE,      /* "": nothing is followed, or nobody has looked */
        LAG_STREAMING, /* "Streaming" */
        LAG_LAGGING,   /* "Lagging": streaming, and LAG_ENTER_BYTES or more behind */
        LAG_BROKEN     /* "Broken": not streaming */
} LagWord;

/* All zero before the first look. */
typedef struct Lag {
        LagWord word;
        int looks;     /* in a row that were worse than `word` */
        LagWord worse; /* the mildest of them */
} Lag;

/* One look: whether the replica streams, and how many bytes it is behind (-1: not known). */
void lag_look(Lag *lag, bool streaming, int64_t behind_bytes);
const char *lag_name(LagWord word);
