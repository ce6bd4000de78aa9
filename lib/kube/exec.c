/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a credential plugin: argv and execve, no shell; its own process group, killed when it takes too long. What goes
 * in and what comes out is exec_credential.c. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/kube/credentials_internal.h"

enum { EXIT_POLL_NS = 5 * 1000 * 1000 };

static size_t count_strings(const char *const *strings) {
        size_t count = 0;
        while (strings && strings[count])
                count++;
        return count;
}

static bool is_overridden(const char *pair, const char *const *env) {
        size_t name = strcspn(pair, "=") + 1;
        for (; env && *env; env++)
                if (!strncmp(pair, *env, name))
                        return true;
        return !strncmp(pair, "KUBERNETES_EXEC_INFO=", name);
}

/* Our environment, the config's on top, and the request. The array is the arena's. */
static char **build_environment(const KubeExec *exec, const char *request, Arena *arena) {
        size_t own = count_strings((const char *const *)environ), more = count_strings(exec->env), count = 0;
        const char **all = arena_alloc(arena, (own + more + 2) * sizeof(char *));
        for (size_t i = 0; i < own; i++)
                if (!is_overridden(environ[i], exec->env))
                        all[count++] = environ[i];
        for (size_t i = 0; i < more; i++)
                all[count++] = exec->env[i];
        all[count++] = arena_printf(arena, "KUBERNETES_EXEC_INFO=%s", request);
        return (char **)(uintptr_t)all;
}

static char **build_arguments(const KubeExec *exec, Arena *arena) {
        size_t more = count_strings(exec->args);
        const char **all = arena_alloc(arena, (more + 2) * sizeof(char *));
        all[0] = exec->command;
        for (size_t i = 0; i < more; i++)
                all[i + 1] = exec->args[i];
        return (char **)(uintptr_t)all;
}

/* Starts the plugin with /dev/null as input and `output` as its standard output; 0 or an errno. */
static int start(const KubeExec *exec, const char *request, int output, pid_t *ret_pid) {
        CLEANUP(arena_done) Arena arena = { 0 };
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attributes;
        sigset_t none, broken_pipe;
        sigemptyset(&none);
        sigemptyset(&broken_pipe);
        sigaddset(&broken_pipe, SIGPIPE);
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &broken_pipe);
        int failure = posix_spawnp(ret_pid, exec->command, &files, &attributes, build_arguments(exec, &arena),
                build_environment(exec, request, &arena));
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&files);
        return failure;
}

/* Everything until the end of the stream, within the deadline. */
static bool collect(int from, int64_t deadline_ms, Text *output, Error *err) {
        char bytes[4096];
        ssize_t got = -1;
        while (got != 0) {
                int64_t left = deadline_ms - clock_now_ms();
                struct pollfd ready = { .fd = from, .events = POLLIN };
                if (left <= 0 || poll(&ready, 1, (int)left) == 0)
                        return error_set(err, ERROR_TIMEOUT, "no answer within %d s", CREDENTIALS_EXEC_MS / 1000);
                got = read(from, bytes, sizeof bytes);
                if (got < 0 && errno != EINTR)
                        return error_set(err, ERROR_UNAUTHORIZED, "cannot read its answer: %s", strerror(errno));
                if (got > 0)
                        text_append_bytes(output, bytes, (size_t)got);
                if (output->failed)
                        return error_set(
                                err, ERROR_TOO_LARGE, "its answer is larger than %d bytes", CREDENTIALS_MAXIMUM);
        }
        explicit_bzero(bytes, sizeof bytes);
        return true;
}

/* The exit status; past the deadline the whole group is killed first. */
static int reap(pid_t pid, int64_t deadline_ms) {
        int status = 0;
        pid_t ended = 0;
        while ((ended = waitpid(pid, &status, WNOHANG)) == 0 && clock_now_ms() < deadline_ms)
                (void)nanosleep(&(struct timespec){ .tv_nsec = EXIT_POLL_NS }, NULL);
        if (ended == 0) {
                (void)kill(-pid, SIGKILL);
                (void)waitpid(pid, &status, 0);
        }
        return status;
}

static bool run(const KubeConfig *config, const char *ca_pem, Text *output, Error *err) {
        CLEANUP(text_done) Text request = { 0 };
        int ends[2] = { -1, -1 };
        pid_t pid = -1;
        exec_print_request(config, ca_pem, &request);
        if (pipe2(ends, O_CLOEXEC) != 0)
                return error_set(err, ERROR_UNAUTHORIZED, "cannot make a pipe: %s", strerror(errno));
        int failure = start(&config->exec, text_string(&request), ends[1], &pid);
        (void)close(ends[1]);
        CLEANUP(cleanup_close) int from = ends[0];
        if (failure)
                return error_set(err, ERROR_UNAUTHORIZED, "cannot be started: %s", strerror(failure));
        int64_t deadline_ms = clock_now_ms() + CREDENTIALS_EXEC_MS;
        bool collected = collect(from, deadline_ms, output, err);
        int status = reap(pid, collected ? deadline_ms : 0);
        if (!collected)
                return false;
        if (WIFSIGNALED(status))
                return error_set(err, ERROR_UNAUTHORIZED, "was killed by signal %d", WTERMSIG(status));
        if (WEXITSTATUS(status) != 0)
                return error_set(err, ERROR_UNAUTHORIZED, "failed with exit status %d", WEXITSTATUS(status));
        return true;
}

bool exec_run(const KubeConfig *config, const char *ca_pem, ExecAnswer *ret_answer, Error *err) {
        CLEANUP(text_done) Text output = { .maximum = CREDENTIALS_MAXIMUM };
        bool done =
                run(config, ca_pem, &output, err) && exec_parse_answer(config->exec.api_version, text_string(&output),
                                                             output.size, clock_wall_us(), ret_answer, err);
        if (output.data)
                explicit_bzero(output.data, output.size);
        return done || error_wrap(err, "credential plugin %s", config->exec.command);
}
