/* SPDX-License-Identifier: Apache-2.0 */
/* How far a member's data is: the replication ids it went through, oldest first, and the offset in the last one.
 * Redis forgets both when it starts from its append-only file, so they are kept in a file beside it, the witness.
 * Of two members the one whose history goes on where the other's ends is newer; never is age asked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { POSITION_ID = 40, POSITION_HISTORY_MAX = 16, POSITION_TEXT_MAX = 1024 };

typedef struct Position {
        bool has_data;    /* there are keys, or there is a history */
        size_t n_history; /* 0: nothing is known of where the data came from */
        char history[POSITION_HISTORY_MAX][POSITION_ID + 1];
        long long offset; /* in the last id of the history */
} Position;

typedef enum PositionOrder {
        POSITION_SAME,
        POSITION_OLDER,
        POSITION_NEWER,
        POSITION_UNRELATED, /* the histories parted, or one has none */
} PositionOrder;

/* How a stands to b. */
PositionOrder position_compare(const Position *a, const Position *b);
/* Takes over what Redis says now. True when the id is another than before. */
bool position_move(Position *position, const char *id, long long offset);
/* The one-line form of the witness and of the members' port: "OFFSET ID ID ...". */
void position_print(const Position *position, char ret[POSITION_TEXT_MAX]);
bool position_parse(const char *text, Position *ret);

/* Reads the witness of a data folder. A folder without data has an empty position, whatever the witness says. */
Position position_load(const char *folder);
/* Writes the witness; durable: also through a power cut. False when the volume refuses. */
bool position_save(const char *folder, const Position *position, bool durable);
