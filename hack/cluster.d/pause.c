/* SPDX-License-Identifier: Apache-2.0
 *
 * The sandbox container of every pod of the test cluster: it holds the pod's namespaces and, as process 1 of a
 * shared PID namespace, reaps orphans. It ends at SIGTERM and SIGINT.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int signal_number) {
        _exit(signal_number == SIGTERM || signal_number == SIGINT ? 0 : 1);
}

static void reap(int signal_number) {
        (void)signal_number;
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
}

int main(void) {
        struct sigaction ending = { .sa_handler = end };
        struct sigaction reaping = { .sa_handler = reap, .sa_flags = SA_NOCLDSTOP };

        if (sigaction(SIGTERM, &ending, NULL) != 0 || sigaction(SIGINT, &ending, NULL) != 0 ||
                sigaction(SIGCHLD, &reaping, NULL) != 0)
                return 1;
        for (;;)
                pause();
}
