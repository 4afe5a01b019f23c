/* Pages at fixed addresses, and looks at them that cannot kill the program. */
#ifndef PAGES_H
#define PAGES_H

#include "conform.h"
#include <setjmp.h>
#include <sys/uio.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#define MADV_GUARD_INSTALL_ 102
#define MADV_GUARD_REMOVE_ 103

#define AREA ((char *)0x10000000UL)
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define AT(page) (AREA + (page) * PAGE)

/* Private anonymous pages at AT(first). */
static inline char *map_at(int first, int pages, int prot)
{
    return (char *)MUST(mmap(AT(first), pages * PAGE, prot, ANON | MAP_FIXED, -1, 0));
}

/* One letter a page: r w for what the kernel can do there on our behalf (by process_vm), - for nothing;
   upper case when mincore calls it resident before. */
static inline void show_pages(const char *what, int first, int pages)
{
    printf("%s: ", what);
    for (int i = first; i < first + pages; i++) {
        unsigned char resident = 0;
        int mapped = mincore(AT(i), PAGE, &resident) == 0;
        char byte;
        struct iovec here = {&byte, 1}, there = {AT(i) + 8, 1};
        int readable = mapped && process_vm_readv(getpid(), &here, 1, &there, 1, 0) == 1;
        int writable = readable && process_vm_writev(getpid(), &here, 1, &there, 1, 0) == 1;
        char letter = !mapped ? '.' : writable ? 'w' : readable ? 'r' : 'n';
        putchar(resident & 1 && letter >= 'a' ? letter - 'a' + 'A' : letter);
    }
    putchar('\n');
}

/* One character a page: + resident, - not, . not mapped. Touches nothing. */
static inline void show_resident(const char *what, int first, int pages)
{
    printf("%s: ", what);
    for (int i = first; i < first + pages; i++) {
        unsigned char resident = 0;
        putchar(mincore(AT(i), PAGE, &resident) ? '.' : resident & 1 ? '+' : '-');
    }
    putchar('\n');
}

static sigjmp_buf fault_jump;
static volatile int fault_signal, fault_code;
static char *volatile fault_address;

static void on_fault(int number, siginfo_t *info, void *context)
{
    fault_signal = number;
    fault_code = info->si_code;
    fault_address = info->si_addr;
    siglongjmp(fault_jump, 1);
}

static inline void catch_faults(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    MUST(sigaction(SIGSEGV, &action, NULL));
    MUST(sigaction(SIGBUS, &action, NULL));
}

/* "what: ok", or the signal, its si_code and the page it names. */
#define TRY(what, ...)                                                                            \
    do {                                                                                          \
        if (sigsetjmp(fault_jump, 1) == 0) {                                                      \
            __VA_ARGS__;                                                                          \
            printf("%s: ok\n", what);                                                             \
        } else                                                                                    \
            printf("%s: %s code %d at %+ld\n", what, fault_signal == SIGBUS ? "SIGBUS" : "SIGSEGV", \
                   fault_code, (long)(fault_address - AREA));                                     \
    } while (0)

#define READ(at) TRY("read " #at, (void)*(volatile char *)(at))
#define WRITE(at, value) TRY("write " #at, *(volatile char *)(at) = (value))
#define VALUE(at) printf("%s = %d\n", #at, *(volatile unsigned char *)(at))

#endif
