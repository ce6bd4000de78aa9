/* SPDX-License-Identifier: Apache-2.0 */
/* The one child of process 1, and the signals that end both. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* From now on SIGTERM and SIGINT only set what child_stopping tells. */
void child_watch_signals(void);
bool child_stopping(void);
/* Starts a program found in PATH; argv ends with NULL. It dies with its parent. -1 when that fails. */
pid_t child_start(const char *const *argv);
/* True when pid has ended; other dead children are buried on the way. */
bool child_ended(pid_t pid, int *ret_code);
/* Asks it to end, and ends it when time is up. */
void child_stop(pid_t pid, int seconds);
