/* SPDX-License-Identifier: Apache-2.0 */
/* Asks all Sentinels and all members at once, each in a thread with a deadline, so that a dead one costs no more time
 * than a slow one. */
#pragma once

#include "judge.h"

/* Fills ret but for peers[self] and waited. Takes about a second at most, longer only where names must be resolved. */
void ask_all(const Settings *settings, Knowledge *ret);
/* The same for the Sentinels alone. */
void ask_sentinels(const Settings *settings, Knowledge *ret);
