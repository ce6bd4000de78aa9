/* SPDX-License-Identifier: Apache-2.0 */
/* How much of the program and its libraries stays in memory.
 * Loading some forty shared libraries touches most of their pages once; a program at rest uses few of them. */
#pragma once

/* Lets go of the pages of code and constants that this process has mapped; those still in use come back from the page
 * cache at their next use, for a fraction of a microsecond each. Call when a burst is over. Pages that were written
 * (data, relocations) are never touched. Safe from every thread, also while others run. madvise(2), MADV_DONTNEED. */
void footprint_release_code(void);
