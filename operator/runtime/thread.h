/* SPDX-License-Identifier: Apache-2.0 */
/* Threads with small stacks and names, and conditions that sleep on a clock that does not jump. */
#pragma once

#include <pthread.h>
#include <stdint.h>

#include "lib/base/error.h"

/* Of each thread: what TLS and name resolution need, with room. Sanitizers make frames larger. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { THREAD_STACK_BYTES = 2 * 1024 * 1024 };
#else
enum { THREAD_STACK_BYTES = 256 * 1024 };
#endif

/* `name` is cut to 15 characters and shows in top and gdb. All signals are blocked in the thread. */
bool thread_start(
        pthread_t *ret_thread, const char *name, void *(*run)(void *context), void *context, Error *err) MUST_USE;
/* A condition for thread_sleep. */
void thread_condition(pthread_cond_t *ret_condition);
/* Sleeps until the condition is signalled, at most `milliseconds`; wakes early now and then. The lock is held. */
void thread_sleep(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t milliseconds);
