/* SPDX-License-Identifier: Apache-2.0 */
/* Starting threads. Law: signals are for the main thread alone, which reads them from a descriptor. */
#include "operator/runtime/thread.h"

#include <signal.h>
#include <string.h>
#include <time.h>

bool thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *context), void *context, Error *err) {
        char word[16];
        pthread_attr_t attributes;
        sigset_t all, before;
        int failed;

        (void)snprintf(word, sizeof(word), "%s", name);
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        failed = pthread_create(ret_thread, &attributes, run, context);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attributes);
        if (failed)
                return error_set(err, ERROR_UNAVAILABLE, "cannot start thread %s: %s", name, strerrordesc_np(failed));
        pthread_setname_np(*ret_thread, word);
        return true;
}

void thread_condition(pthread_cond_t *ret_condition) {
        pthread_condattr_t attributes;

        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(ret_condition, &attributes);
        pthread_condattr_destroy(&attributes);
}

void thread_sleep(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t milliseconds) {
        struct timespec until;

        if (milliseconds <= 0)
                return;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += milliseconds / 1000;
        until.tv_nsec += milliseconds % 1000 * 1000000;
        if (until.tv_nsec >= 1000000000) {
                until.tv_sec++;
                until.tv_nsec -= 1000000000;
        }
        (void)pthread_cond_timedwait(condition, lock, &until);
}
