/* SPDX-License-Identifier: Apache-2.0 */
/* Holes in strings and their values. Law: every hole has a value and every value a hole; a tree never turns into text.
 */
#include "lib/base/template_holes.h"

#include <string.h>

Hole hole_string(const char *name, const char *value) {
        return value ? (Hole){ .name = name, .type = HOLE_STRING, .string = value } : hole_absent(name);
}

Hole hole_int(const char *name, int64_t value) {
        return (Hole){ .name = name, .type = HOLE_INT, .number = value };
}

Hole hole_bool(const char *name, bool value) {
        return (Hole){ .name = name, .type = HOLE_BOOL, .number = value };
}

Hole hole_tree(const char *name, Json *taken) {
        return taken ? (Hole){ .name = name, .type = HOLE_TREE, .tree = taken } : hole_absent(name);
}

Hole hole_absent(const char *name) {
        return (Hole){ .name = name, .type = HOLE_ABSENT };
}

static Piece hole_piece(const char **at) {
        const char *name = *at + 2;
        size_t size = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

        if (size == 0 || name[size] != '}')
                return (Piece){ .type = PIECE_BROKEN, .text = *at, .size = strlen(*at) };
        *at = name + size + 1;
        return (Piece){ .type = PIECE_HOLE, .text = name, .size = size };
}

Piece piece_next(const char **at) {
        const char *start = *at;
        const char *next;

        if (!*start)
                return (Piece){ .type = PIECE_END };
        if (strncmp(start, "${", 2) == 0)
                return hole_piece(at);
        if (strncmp(start, "$${", 3) == 0) {
                *at = start + 3;
                return (Piece){ .type = PIECE_LITERAL, .text = start + 1, .size = 2 };
        }
        next = strstr(start, "${");
        if (!next)
                next = start + strlen(start);
        else if (next > start && next[-1] == '$')
                next--;
        *at = next;
        return (Piece){ .type = PIECE_LITERAL, .text = start, .size = (size_t)(next - start) };
}

HoleSet hole_set(const char *template_name, const Hole *holes, Arena *arena) {
        HoleSet set = { .template_name = template_name, .holes = holes };

        while (holes[set.count].type != HOLE_END_MARK)
                set.count++;
        set.uses = arena_alloc(arena, set.count);
        return set;
}

const Hole *hole_set_find(HoleSet *set, Piece name, Error *err) {
        for (size_t i = 0; i < set->count; i++) {
                const Hole *hole = &set->holes[i];

                if (strlen(hole->name) == name.size && memcmp(hole->name, name.text, name.size) == 0) {
                        set->uses[i] = 1;
                        return hole;
                }
        }
        (void)error_set(err, ERROR_BUG, "template %s: the hole \"%.*s\" has no value", set->template_name,
                (int)name.size, name.text);
        return NULL;
}

static bool append_value(const HoleSet *set, const Hole *hole, Text *filled, bool *ret_absent, Error *err) {
        switch (hole->type) {
        case HOLE_STRING:
                text_append(filled, hole->string);
                return true;
        case HOLE_INT:
                text_printf(filled, "%lld", (long long)hole->number);
                return true;
        case HOLE_ABSENT:
                *ret_absent = true;
                return true;
        default:
                return error_set(err, ERROR_BUG,
                        "template %s: the hole \"%s\" stands inside a text, where only strings and numbers fit",
                        set->template_name, hole->name);
        }
}

bool hole_set_fill(HoleSet *set, const char *text, Text *filled, bool *ret_absent, Error *err) {
        *ret_absent = false;
        for (;;) {
                Piece piece = piece_next(&text);
                const Hole *hole;

                switch (piece.type) {
                case PIECE_END:
                        if (filled->failed)
                                return error_set(err, ERROR_TOO_LARGE, "template %s: the filled text is too large",
                                        set->template_name);
                        return true;
                case PIECE_LITERAL:
                        text_append_bytes(filled, piece.text, piece.size);
                        break;
                case PIECE_HOLE:
                        hole = hole_set_find(set, piece, err);
                        if (!hole || !append_value(set, hole, filled, ret_absent, err))
                                return false;
                        break;
                case PIECE_BROKEN:
                        return error_set(err, ERROR_PROTOCOL,
                                "template %s: \"%.20s\" is no hole; \"$${\" stands for \"${\"", set->template_name,
                                piece.text);
                }
        }
}

bool hole_set_check(const HoleSet *set, Error *err) {
        for (size_t i = 0; i < set->count; i++)
                if (!set->uses[i])
                        return error_set(err, ERROR_BUG, "template %s: the value \"%s\" has no hole",
                                set->template_name, set->holes[i].name);
        return true;
}
