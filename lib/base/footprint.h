/* SPDX-License-Identifier: Apache-2.0 */
/* How much of the program and its libraries stays in memory.
 * Loading some forty shared libraries touches most of their pages once; a program at rest uses few of them. */
#pragma once

/* Lets go of the pages of code and constants that this process has mapped; those still in use come back from the page
 * cache at their next use, for a fraction of a microsecond each. Call when a burst is over. Pages that were written
 * (data, relocations) are never touched. Safe from every thread, also while others run. madvise(2), MADV_DONTNEED. */
void footprint_release_code(void);
/* Lets go of what the calling thread's stack holds below the caller's frame. Call where the thread is about to rest
 * after deep calls; the next deep call gets zeroed pages. */
void footprint_release_stack(void);
/* libcurl's optional protocols bring GnuTLS along, which would read its tables at the start of each program: 0.2 MiB
 * and some milliseconds for nothing, since our TLS is OpenSSL's. GnuTLS asks this function of the program first.
 * https://gnutls.org/manual/html_node/Initialization.html (GNUTLS_SKIP_GLOBAL_INIT) */
int _gnutls_global_init_skip(void); // NOLINT(bugprone-reserved-identifier)
