/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines as JSON; each goes out by one write. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LOG_TEXT_MAX = 1024 };

void log_line(const char *level, const char *format, ...) {
        char text[LOG_TEXT_MAX], line[2 * LOG_TEXT_MAX + 128], when[32];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        struct timespec now;
        struct tm parts;
        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &parts);
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &parts);
        int used = snprintf(line, sizeof line,
                "{\"level\":\"%s\",\"ts\":\"%s.%03ldZ\",\"logger\":\"madbase-redis\",\"msg\":\"", level, when,
                now.tv_nsec / 1000000);
        size_t at = (size_t)used;
        for (const char *c = text; *c; c++) {
                if (*c == '"' || *c == '\\')
                        line[at++] = '\\';
                line[at++] = (unsigned char)*c < ' ' ? ' ' : *c;
        }
        line[at++] = '"';
        line[at++] = '}';
        line[at++] = '\n';
        if (write(STDERR_FILENO, line, at) < 0)
                return; /* nobody to tell */
}
