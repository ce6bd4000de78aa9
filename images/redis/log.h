/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON line for each thing done, on standard error. */
#pragma once

__attribute__((format(printf, 2, 3))) void log_line(const char *level, const char *format, ...);
#define LOG_INFO(...)  log_line("info", __VA_ARGS__)
#define LOG_ERROR(...) log_line("error", __VA_ARGS__)
