/* SPDX-License-Identifier: Apache-2.0 */
/* Positions and the witness file. The file ends with a sum of its text, so that a torn write reads as none. */
#include "position.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *current(const Position *position) {
        return position->n_history ? position->history[position->n_history - 1] : "";
}

static bool went_through(const Position *position, const char *id) {
        for (size_t i = 0; i + 1 < position->n_history; i++)
                if (strcmp(position->history[i], id) == 0)
                        return true;
        return false;
}

PositionOrder position_compare(const Position *a, const Position *b) {
        if (a->has_data != b->has_data)
                return a->has_data ? POSITION_NEWER : POSITION_OLDER;
        if (!a->has_data)
                return POSITION_SAME;
        if (!a->n_history || !b->n_history)
                return POSITION_UNRELATED;
        if (strcmp(current(a), current(b)) == 0)
                return a->offset == b->offset ? POSITION_SAME : a->offset > b->offset ? POSITION_NEWER : POSITION_OLDER;
        if (went_through(a, current(b)))
                return POSITION_NEWER;
        if (went_through(b, current(a)))
                return POSITION_OLDER;
        return POSITION_UNRELATED;
}

bool position_move(Position *position, const char *id, long long offset) {
        bool other = strcmp(current(position), id) != 0;
        if (other && strlen(id) == POSITION_ID) {
                if (position->n_history == POSITION_HISTORY_MAX) {
                        memmove(position->history[0], position->history[1],
                                sizeof position->history - sizeof position->history[0]);
                        position->n_history--;
                }
                memcpy(position->history[position->n_history++], id, POSITION_ID + 1);
        }
        position->offset = offset;
        position->has_data = true;
        return other;
}

void position_print(const Position *position, char ret[POSITION_TEXT_MAX]) {
        size_t used = (size_t)snprintf(ret, POSITION_TEXT_MAX, "%lld", position->offset);
        for (size_t i = 0; i < position->n_history; i++)
                used += (size_t)snprintf(ret + used, POSITION_TEXT_MAX - used, " %s", position->history[i]);
}

bool position_parse(const char *text, Position *ret) {
        Position read = { .has_data = true };
        char *rest;
        read.offset = strtoll(text, &rest, 10);
        if (rest == text || read.offset < 0)
                return false;
        while (*rest == ' ' && read.n_history < POSITION_HISTORY_MAX) {
                const char *id = rest + 1;
                if (strspn(id, "0123456789abcdef") != POSITION_ID)
                        return false;
                memcpy(read.history[read.n_history++], id, POSITION_ID);
                rest += 1 + POSITION_ID;
        }
        if (*rest && *rest != '\n')
                return false;
        *ret = read;
        return true;
}

static uint32_t sum_of(const char *text) {
        uint32_t sum = 2166136261u;
        for (; *text; text++)
                sum = (sum ^ (unsigned char)*text) * 16777619u;
        return sum;
}

static bool exists(const char *folder, const char *name) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, name);
        return access(path, F_OK) == 0;
}

Position position_load(const char *folder) {
        Position position = { .has_data = exists(folder, "appendonlydir/appendonly.aof.manifest") ||
                                          exists(folder, "dump.rdb") };
        char path[512], text[POSITION_TEXT_MAX + 16] = "";
        snprintf(path, sizeof path, "%s/witness", folder);
        FILE *file = position.has_data ? fopen(path, "re") : NULL;
        if (!file)
                return position;
        size_t length = fread(text, 1, sizeof text - 1, file);
        fclose(file);
        text[length] = 0;
        char *sum = strchr(text, '\n');
        if (sum) {
                *sum++ = 0;
                if (strtoul(sum, NULL, 16) == sum_of(text))
                        position_parse(text, &position);
        }
        return position;
}

bool position_save(const char *folder, const Position *position, bool durable) {
        char path[512], next[520], line[POSITION_TEXT_MAX], text[POSITION_TEXT_MAX + 16];
        snprintf(path, sizeof path, "%s/witness", folder);
        snprintf(next, sizeof next, "%s.new", path);
        position_print(position, line);
        int length = snprintf(text, sizeof text, "%s\n%08x\n", line, sum_of(line));
        int file = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (file < 0)
                return false;
        bool good = write(file, text, (size_t)length) == length && (!durable || fdatasync(file) == 0);
        good = close(file) == 0 && good;
        if (!good || rename(next, path) != 0)
                return false;
        if (durable) {
                int directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (directory >= 0) {
                        good = fsync(directory) == 0;
                        close(directory);
                }
        }
        return good;
}
