/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the loaded objects, and the stack's free end. Law: only segments that nobody can write and stack that no call
 * uses are let go, so that nothing is lost. */
#include "lib/base/footprint.h"

#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

static int release_object(struct dl_phdr_info *info, size_t size, void *context) {
        const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

        (void)size;
        (void)context;
        for (int i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *part = &info->dlpi_phdr[i];
                uintptr_t start = (uintptr_t)(info->dlpi_addr + part->p_vaddr), end = start + part->p_memsz;

                if (part->p_type != PT_LOAD || (part->p_flags & PF_W))
                        continue;
                start &= ~(page - 1);
                /* The kernel's own page of code belongs to no file. */
                if (start == (uintptr_t)getauxval(AT_SYSINFO_EHDR))
                        continue;
                (void)madvise((void *)start, end - start, MADV_DONTNEED); // NOLINT(performance-no-int-to-ptr)
        }
        return 0;
}

void footprint_release_code(void) {
        (void)dl_iterate_phdr(release_object, NULL);
}

void footprint_release_stack(void) {
        const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
        pthread_attr_t attributes;
        void *lowest = NULL;
        size_t size = 0;
        uintptr_t start, end;

        if (pthread_getattr_np(pthread_self(), &attributes) != 0)
                return;
        (void)pthread_attr_getstack(&attributes, &lowest, &size);
        (void)pthread_attr_destroy(&attributes);
        start = ((uintptr_t)lowest + page - 1) & ~(page - 1);
        /* A page below this frame stays: for the frame of the call itself, and what a signal handler may need. */
        end = ((uintptr_t)__builtin_frame_address(0) & ~(page - 1)) - page;
        if (lowest && start < end)
                (void)madvise((void *)start, end - start, MADV_DONTNEED); // NOLINT(performance-no-int-to-ptr)
}

int _gnutls_global_init_skip(void) { // NOLINT(bugprone-reserved-identifier)
        return 1;
}
