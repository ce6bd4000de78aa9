/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics of the process itself, with the names that dashboards know, from /proc and malloc.
 * Law: what cannot be read is left as it was; a page never fails for it.
 * https://man7.org/linux/man-pages/man5/proc.5.html */
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/metrics.h"

enum { LINE_BYTES = 1024, FIRST_FIELD = 3, UTIME = 14, STIME = 15, STARTTIME = 22, VSIZE = 23, RSS = 24 };

static void set(Metrics *metrics, const char *name, const char *help, double value) {
        metric_set(metrics_gauge(metrics, name, help, NULL), NULL, value);
}

/* Reads the fields of /proc/self/stat from the third on: behind the name in brackets, which may hold anything. */
static bool read_stat(double ret_fields[RSS + 1]) {
        CLEANUP(cleanup_file) FILE *file = fopen("/proc/self/stat", "re");
        char line[LINE_BYTES];
        const char *at;
        char *end;

        if (!file || !fgets(line, sizeof(line), file))
                return false;
        at = strrchr(line, ')');
        if (!at || strlen(at) < 4)
                return false;
        /* Over ") S": the state is a letter. */
        at += 3;
        for (int field = FIRST_FIELD + 1; field <= RSS; field++, at = end) {
                ret_fields[field] = strtod(at, &end);
                if (end == at)
                        return false;
        }
        return true;
}

/* The number behind `word` in one of the files of /proc that have a word per line. */
static bool read_word(const char *path, const char *word, double *ret_number) {
        CLEANUP(cleanup_file) FILE *file = fopen(path, "re");
        char line[LINE_BYTES];

        while (file && fgets(line, sizeof(line), file)) {
                if (strncmp(line, word, strlen(word)) == 0) {
                        *ret_number = strtod(line + strlen(word), NULL);
                        return true;
                }
        }
        return false;
}

static int count_descriptors(void) {
        DIR *folder = opendir("/proc/self/fd");
        int count = 0;

        if (!folder)
                return 0;
        while (readdir(folder))
                count++;
        (void)closedir(folder);
        /* Not counted: ".", ".." and the folder itself. */
        return count - 3;
}

static void fill_times(Metrics *metrics) {
        double fields[RSS + 1], boot;
        double ticks = (double)sysconf(_SC_CLK_TCK);
        Metric *cpu = metrics_counter(
                metrics, "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", NULL);

        if (!read_stat(fields))
                return;
        metric_set(cpu, NULL, (fields[UTIME] + fields[STIME]) / ticks);
        set(metrics, "process_virtual_memory_bytes", "Virtual memory size in bytes.", fields[VSIZE]);
        set(metrics, "process_resident_memory_bytes", "Resident memory size in bytes.",
                fields[RSS] * (double)sysconf(_SC_PAGESIZE));
        if (read_word("/proc/stat", "btime ", &boot))
                set(metrics, "process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
                        boot + fields[STARTTIME] / ticks);
}

static void fill_limits(Metrics *metrics) {
        struct rlimit limit;
        double kib;

        if (read_word("/proc/self/status", "RssAnon:", &kib))
                set(metrics, "process_resident_anonymous_memory_bytes",
                        "Resident memory that no file stands behind, in bytes.", kib * 1024);
        set(metrics, "process_open_fds", "Number of open file descriptors.", count_descriptors());
        if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
                set(metrics, "process_max_fds", "Maximum number of open file descriptors.", (double)limit.rlim_cur);
}

static void fill_allocator(Metrics *metrics) {
        struct mallinfo2 info = mallinfo2();

        set(metrics, "allocator_arena_bytes", "Bytes that malloc has from the system for its arenas.",
                (double)info.arena);
        set(metrics, "allocator_mapped_bytes", "Bytes of big allocations, which have mappings of their own.",
                (double)info.hblkhd);
        set(metrics, "allocator_in_use_bytes", "Bytes allocated and not freed.",
                (double)info.uordblks + (double)info.hblkhd);
        set(metrics, "allocator_free_bytes", "Bytes free inside the arenas.", (double)info.fordblks);
        set(metrics, "allocator_releasable_bytes", "Bytes at the top of the heap that trimming would give back.",
                (double)info.keepcost);
}

static void fill_process(Metrics *metrics, void *context) {
        (void)context;
        fill_times(metrics);
        fill_limits(metrics);
        fill_allocator(metrics);
}

void metrics_add_process(Metrics *metrics, const char *version) {
        static const char *const labels[] = { "version", NULL };

        metric_set(metrics_gauge(metrics, "madbase_build_info", "Always 1; the label tells what runs.", labels),
                (const char *const[]){ version }, 1);
        metrics_add_hook(metrics, fill_process, NULL);
}
