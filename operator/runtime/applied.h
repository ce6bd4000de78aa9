/* SPDX-License-Identifier: Apache-2.0 */
/* A small memory of what our writes left on the server: per object (by UID) one 64-bit hash. It only ever saves
 * requests: what it does not know is read from the server. Safe from every thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Applied Applied;

Applied *applied_new(void);
/* Accepts NULL. */
void applied_free(Applied *applied);
/* The parts of an object that are remembered apart. */
typedef enum AppliedPart { APPLIED_FIELDS, APPLIED_STATUS, APPLIED_REVERTS, APPLIED_PARTS } AppliedPart;

void applied_remember(Applied *applied, const char *uid, AppliedPart part, uint64_t hash);
/* False when nothing is remembered. */
bool applied_recall(Applied *applied, const char *uid, AppliedPart part, uint64_t *ret_hash);
/* All parts: the object is gone. */
void applied_forget(Applied *applied, const char *uid);
/* Parts remembered. */
size_t applied_size(Applied *applied);
