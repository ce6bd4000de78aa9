/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that trees and texts with holes share: cutting a string at its holes, and the values given for them. */
#pragma once

#include "lib/base/template.h"

typedef enum PieceType { PIECE_END, PIECE_LITERAL, PIECE_HOLE, PIECE_BROKEN } PieceType;

typedef struct Piece {
        PieceType type;
        const char *text; /* of a hole: its name */
        size_t size;
} Piece;

/* The piece at `at`, which moves behind it. PIECE_BROKEN: "${" that begins no hole; `at` stays. */
Piece piece_next(const char **at);

/* The values of one rendering, and which of them were used. */
typedef struct HoleSet {
        const char *template_name;
        const Hole *holes;
        size_t count;
        unsigned char *uses; /* in the arena: whether each was used */
} HoleSet;

HoleSet hole_set(const char *template_name, const Hole *holes, Arena *arena);
/* The value of the hole, which counts as used from now on; NULL with an error when there is none. */
const Hole *hole_set_find(HoleSet *set, Piece name, Error *err) MUST_USE;
/* `text` with its holes filled. An absent value sets ret_absent; the holes behind it count as used all the same. */
bool hole_set_fill(HoleSet *set, const char *text, Text *filled, bool *ret_absent, Error *err) MUST_USE;
/* Whether every value was used. */
bool hole_set_check(const HoleSet *set, Error *err) MUST_USE;
