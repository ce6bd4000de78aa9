/* SPDX-License-Identifier: Apache-2.0 */
/* Real servers for tests.
 * Law: every process started here dies with the test program (PR_SET_PDEATHSIG), also when the test crashes. */
#include "lib/remote/fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/remote/dial.h"

enum { START_MS = 30000, PAUSE_MS = 20, FOLDERS_AT_ONCE = 16 };

static void give_up(const char *what) {
        (void)fprintf(stderr, "the test needs what is not here: %s\n", what);
        abort();
}

static struct sockaddr_in loopback(int port) {
        return (struct sockaddr_in){
                .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
        };
}

static int bound_socket(int *ret_port) {
        struct sockaddr_in address = loopback(0);
        socklen_t size = sizeof(address);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 ||
                getsockname(fd, (struct sockaddr *)&address, &size) != 0)
                give_up("a free port on 127.0.0.1");
        *ret_port = ntohs(address.sin_port);
        return fd;
}

int fixture_free_port(void) {
        int port;

        (void)close(bound_socket(&port));
        return port;
}

static void make_folder(Fixture *fixture) {
        (void)snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/madbase-test-XXXXXX");
        if (!mkdtemp(fixture->folder) || chmod(fixture->folder, 0755) != 0)
                give_up("a folder in /tmp");
}

static const struct passwd *server_user(void) {
        const struct passwd *user = getpwnam("postgres");

        if (!user)
                user = getpwnam("nobody");
        if (!user)
                give_up("the user postgres or nobody");
        return user;
}

/* Never returns: the child. */
static void run_child(const Fixture *fixture, const char *const *args, bool as_server_user) {
        char log[128];
        int fd;

        (void)snprintf(log, sizeof(log), "%s/log", fixture->folder);
        fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        (void)dup2(fd, STDOUT_FILENO);
        (void)dup2(fd, STDERR_FILENO);
        if (as_server_user && geteuid() == 0) {
                const struct passwd *user = server_user();

                if (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)
                        _exit(126);
        }
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)chdir(fixture->folder);
        /* execvp takes pointers to characters that it never writes to. */
        (void)execvp(args[0], (char *const *)(uintptr_t)args);
        _exit(127);
}

static pid_t spawn(const Fixture *fixture, const char *const *args, bool as_server_user) {
        pid_t pid = fork();

        if (pid == 0)
                run_child(fixture, args, as_server_user);
        if (pid < 0)
                give_up("another process");
        return pid;
}

static void show_log(const Fixture *fixture) {
        char command[128];

        (void)snprintf(command, sizeof(command), "tail -n 20 %s/log >&2", fixture->folder);
        (void)!system(command);
}

static bool accepts(int port) {
        int fd;

        if (!dial_tcp("127.0.0.1", port, clock_now_ms() + 1000, &fd, NULL))
                return false;
        (void)close(fd);
        return true;
}

static void wait_until_accepting(Fixture *fixture, const char *what) {
        int64_t end_ms = clock_now_ms() + START_MS;

        while (!accepts(fixture->port)) {
                if (waitpid(fixture->pid, NULL, WNOHANG) == fixture->pid || clock_now_ms() > end_ms) {
                        show_log(fixture);
                        give_up(what);
                }
                (void)poll(NULL, 0, PAUSE_MS);
        }
}

void fixture_start_redis(Fixture *fixture, const char *const *extra) {
        const char *args[FIXTURE_MAXIMUM_ARGS] = { "redis-server", "--save", "", "--bind", "127.0.0.1", "--port" };
        size_t count = 6;
        char port[16];

        if (!*fixture->folder)
                make_folder(fixture);
        if (!fixture->port)
                fixture->port = fixture_free_port();
        (void)snprintf(port, sizeof(port), "%d", fixture->port);
        args[count++] = port;
        for (size_t i = 0; extra && extra[i] && count < FIXTURE_MAXIMUM_ARGS - 1; i++)
                args[count++] = extra[i];
        fixture->pid = spawn(fixture, args, false);
        wait_until_accepting(fixture, "redis-server (package redis-server)");
}

static void write_file(const Fixture *fixture, const char *name, const char *text) {
        char path[128];
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/%s", fixture->folder, name);
        file = fopen(path, "we");
        if (!file || fputs(text, file) < 0 || fclose(file) != 0)
                give_up(path);
}

void fixture_start_sentinel(Fixture *fixture, const char *group, int master_port, const char *redis_password) {
        const char *args[] = { "redis-server", "sentinel.conf", "--sentinel", NULL };
        char settings[512];

        make_folder(fixture);
        fixture->port = fixture_free_port();
        (void)snprintf(settings, sizeof(settings),
                "port %d\nbind 127.0.0.1\ndir %s\nsentinel monitor %s 127.0.0.1 %d 1\n"
                "sentinel auth-pass %s %s\nsentinel down-after-milliseconds %s 1000\n",
                fixture->port, fixture->folder, group, master_port, group, redis_password, group);
        write_file(fixture, "sentinel.conf", settings);
        fixture->pid = spawn(fixture, args, false);
        wait_until_accepting(fixture, "redis-server --sentinel (package redis-server)");
}

void fixture_start_https(Fixture *fixture, const char *cert_pem, const char *key_pem) {
        char port[16];
        const char *args[] = { "openssl", "s_server", "-quiet", "-www", "-accept", port, "-cert", "cert.pem", "-key",
                "key.pem", NULL };

        make_folder(fixture);
        fixture->port = fixture_free_port();
        (void)snprintf(port, sizeof(port), "%d", fixture->port);
        write_file(fixture, "cert.pem", cert_pem);
        write_file(fixture, "key.pem", key_pem);
        fixture->pid = spawn(fixture, args, false);
        wait_until_accepting(fixture, "openssl s_server (package openssl)");
}

static void find_postgres(char *ret_folder, size_t size) {
        glob_t found = { 0 };

        if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) != 0)
                give_up("initdb in /usr/lib/postgresql (package postgresql)");
        (void)snprintf(ret_folder, size, "%s", found.gl_pathv[found.gl_pathc - 1]);
        *strrchr(ret_folder, '/') = '\0';
        globfree(&found);
}

static void initialise_postgres(Fixture *fixture, const char *binaries) {
        char initdb[256];
        const char *args[] = { initdb, "-D", "data", "-U", "app", "-A", "scram-sha-256", "--pwfile=password",
                "--no-sync", "--no-instructions", "-E", "UTF8", "--locale=C", NULL };
        int status;

        if (geteuid() == 0 && chown(fixture->folder, server_user()->pw_uid, server_user()->pw_gid) != 0)
                give_up("a folder of the server's user");
        write_file(fixture, "password", "secret\n");
        (void)snprintf(initdb, sizeof(initdb), "%s/initdb", binaries);
        if (waitpid(spawn(fixture, args, true), &status, 0) < 0 || status != 0) {
                show_log(fixture);
                give_up("initdb");
        }
}

static void create_database(const Fixture *fixture) {
        char command[256];

        (void)snprintf(command, sizeof(command),
                "PGPASSWORD=secret psql -q -h 127.0.0.1 -p %d -U app -d postgres -c 'create database app' 2>>%s/log",
                fixture->port, fixture->folder);
        for (int64_t end_ms = clock_now_ms() + START_MS; system(command) != 0;) {
                if (clock_now_ms() > end_ms) {
                        show_log(fixture);
                        give_up("psql (package postgresql-client)");
                }
                (void)poll(NULL, 0, PAUSE_MS);
        }
}

void fixture_start_postgres(Fixture *fixture) {
        char binaries[128], postgres[256], port[16];
        const char *args[] = { postgres, "-D", "data", "-p", port, "-k", fixture->folder, "-c",
                "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=20", "-c",
                "shared_buffers=16MB", NULL };
        bool first = !*fixture->folder;

        find_postgres(binaries, sizeof(binaries));
        if (first) {
                make_folder(fixture);
                initialise_postgres(fixture, binaries);
                fixture->port = fixture_free_port();
        }
        (void)snprintf(postgres, sizeof(postgres), "%s/postgres", binaries);
        (void)snprintf(port, sizeof(port), "%d", fixture->port);
        fixture->pid = spawn(fixture, args, true);
        wait_until_accepting(fixture, "postgres");
        if (first)
                create_database(fixture);
}

void fixture_signal(const Fixture *fixture, int number) {
        if (fixture->pid > 0)
                (void)kill(fixture->pid, number);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where) {
        (void)status;
        (void)type;
        (void)where;
        return remove(path);
}

void fixture_kill(Fixture *fixture) {
        fixture_signal(fixture, SIGKILL);
        if (fixture->pid > 0)
                (void)waitpid(fixture->pid, NULL, 0);
        fixture->pid = 0;
}

void fixture_stop(Fixture *fixture) {
        fixture_kill(fixture);
        if (*fixture->folder)
                (void)nftw(fixture->folder, remove_entry, FOLDERS_AT_ONCE, FTW_DEPTH | FTW_PHYS);
        *fixture = (Fixture){ 0 };
}

/* What a stub leaves open with `hold`. */
enum { MAXIMUM_HELD = 64 };

static void answer_stub(Stub *stub, int fd) {
        const struct timeval patience = { .tv_sec = 1 };
        const char *reply;
        size_t size;
        char byte;

        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        (void)pthread_mutex_lock(&stub->lock);
        stub->accepted++;
        reply = stub->reply;
        size = stub->size;
        (void)pthread_mutex_unlock(&stub->lock);
        if (reply && recv(fd, &byte, 1, 0) == 1)
                (void)send(fd, reply, size, MSG_NOSIGNAL);
        /* Reading what is left keeps the reply from being cut off by a reset. */
        if (reply && !stub->hold && shutdown(fd, SHUT_WR) == 0)
                while (recv(fd, &byte, 1, 0) == 1)
                        ;
}

static void *run_stub(void *argument) {
        Stub *stub = argument;
        int held[MAXIMUM_HELD], held_count = 0;

        for (;;) {
                int fd = accept4(stub->listener, NULL, NULL, SOCK_CLOEXEC);

                if (fd < 0)
                        break;
                answer_stub(stub, fd);
                if (stub->hold && held_count < MAXIMUM_HELD)
                        held[held_count++] = fd;
                else
                        (void)close(fd);
        }
        while (held_count > 0)
                (void)close(held[--held_count]);
        return NULL;
}

void fixture_stub_start(Stub *stub, const char *reply, size_t size, bool hold) {
        *stub = (Stub){ .reply = reply, .size = size, .hold = hold };
        (void)pthread_mutex_init(&stub->lock, NULL);
        stub->listener = bound_socket(&stub->port);
        if (listen(stub->listener, MAXIMUM_HELD) != 0 || pthread_create(&stub->thread, NULL, run_stub, stub) != 0)
                give_up("a stub server");
}

void fixture_stub_stop(Stub *stub) {
        (void)shutdown(stub->listener, SHUT_RDWR);
        (void)pthread_join(stub->thread, NULL);
        (void)close(stub->listener);
        (void)pthread_mutex_destroy(&stub->lock);
}

void fixture_stub_set(Stub *stub, const char *reply, size_t size) {
        (void)pthread_mutex_lock(&stub->lock);
        stub->reply = reply;
        stub->size = size;
        (void)pthread_mutex_unlock(&stub->lock);
}

int fixture_stub_accepted(Stub *stub) {
        int accepted;

        (void)pthread_mutex_lock(&stub->lock);
        accepted = stub->accepted;
        (void)pthread_mutex_unlock(&stub->lock);
        return accepted;
}

char *fixture_read(const char *path) {
        CLEANUP(cleanup_file) FILE *file = fopen(path, "re");
        CLEANUP(text_done) Text text = { 0 };
        char bytes[4096];
        size_t got;

        if (!file)
                give_up(path);
        while ((got = fread(bytes, 1, sizeof(bytes), file)) > 0)
                text_append_bytes(&text, bytes, got);
        return text_take(&text);
}
