/* SPDX-License-Identifier: Apache-2.0 */
/* Process 1's duties: one child, its end, the orphans. */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

static volatile sig_atomic_t stopping;

static void on_signal(int number) {
        (void)number;
        stopping = 1;
}

void child_watch_signals(void) {
        struct sigaction action = { .sa_handler = on_signal };
        sigaction(SIGTERM, &action, NULL);
        sigaction(SIGINT, &action, NULL);
        signal(SIGPIPE, SIG_IGN);
}

bool child_stopping(void) {
        return stopping != 0;
}

pid_t child_start(const char *const *argv) {
        enum { WORDS_MAX = 8, WORD_MAX = 512 };
        char words[WORDS_MAX][WORD_MAX], *list[WORDS_MAX + 1] = { NULL };
        for (size_t i = 0; i < WORDS_MAX && argv[i] && strlen(argv[i]) < WORD_MAX; i++)
                list[i] = memcpy(words[i], argv[i], strlen(argv[i]) + 1);
        pid_t pid = fork();
        if (pid != 0)
                return pid;
        signal(SIGPIPE, SIG_DFL);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        execvp(list[0], list);
        _exit(127);
}

bool child_ended(pid_t pid, int *ret_code) {
        int status;
        for (pid_t dead; (dead = waitpid(-1, &status, WNOHANG)) > 0;)
                if (dead == pid) {
                        *ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
                        return true;
                }
        return false;
}

void child_stop(pid_t pid, int seconds) {
        int64_t end = clock_ms() + seconds * 1000;
        int code;
        kill(pid, SIGCONT);
        kill(pid, SIGTERM);
        while (!child_ended(pid, &code)) {
                if (clock_ms() > end)
                        kill(pid, SIGKILL);
                usleep(20 * 1000);
        }
}
