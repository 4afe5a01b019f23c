/* For guests in C, with a libc or without: system calls, Linux's user-interrupt calls, and the frame that a forwarded
   page fault leaves on the stack. Compile with -muintr. */
#ifndef PFF_H
#define PFF_H

#include <asm/unistd.h>
#include <linux/ioctl.h>
#include <linux/userfaultfd.h>
#include <x86gprintrin.h> /* _stui, _clui, _testui, _senduipi */

#ifndef SYS_ioctl /* <sys/syscall.h> has them all */
#define SYS_read __NR_read
#define SYS_write __NR_write
#define SYS_ioctl __NR_ioctl
#define SYS_exit_group __NR_exit_group
#endif
#define PFF_SYS_userfaultfd __NR_userfaultfd
#define SYS_uintr_register_handler 471
#define SYS_uintr_unregister_handler 472
#define UINTR_HANDLER_FLAG_FORWARD_PF 0x10000 /* pffemu's: deliver this thread's userfaultfd faults to it */

/* The frame above the vector, in the layout vector-first: a handler is
   `INTERRUPT void handler(struct pff_frame *frame, unsigned long long vector)`. */
struct pff_frame {
    unsigned long rip, rflags, rsp, address, error;
};
#define PFF_PAGE_FAULT 14 /* the vector */
#define PFF_WRITE 2       /* bit of `error` */

#ifdef __clang__ /* functions that handlers call here use general registers only */
#if __has_warning("-Wexcessive-regsave")
#pragma clang diagnostic ignored "-Wexcessive-regsave"
#else /* its name before clang 17 */
#pragma clang diagnostic ignored "-Winterrupt-service-routine"
#endif
#endif

#define PFF_GENERAL __attribute__((target("general-regs-only")))
#define INTERRUPT __attribute__((interrupt, used)) PFF_GENERAL
#define PFF_INLINE static inline __attribute__((always_inline, unused)) PFF_GENERAL

/* A system call of up to six arguments, each converted to long; -errno when it fails. */
#define pff_syscall(...) PFF_SYSCALL_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define PFF_SYSCALL_(number, a, b, c, d, e, f, ...) \
    pff_syscall6((long)(number), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

PFF_INLINE long pff_syscall6(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* The twelve calls of a user-space page cache. Each returns 0 (pff_open: a descriptor), or -errno. Addresses and lengths in
   bytes, whole pages. They may be called from a handler. */

/* A userfaultfd for faults of ring 3, ready for use. */
PFF_INLINE int pff_open(void)
{
    struct uffdio_api api = {UFFD_API, 0, 0};
    long uffd = pff_syscall(PFF_SYS_userfaultfd, 02000000 /* O_CLOEXEC */ | UFFD_USER_MODE_ONLY);
    long error = uffd < 0 ? 0 : pff_syscall(SYS_ioctl, uffd, UFFDIO_API, &api);
    return (int)(error ? error : uffd);
}

/* From now on the program handles faults in the range. `mode`: UFFDIO_REGISTER_MODE_MISSING, _WP, _MINOR. */
PFF_INLINE int pff_register(int uffd, unsigned long start, unsigned long length, unsigned long mode)
{
    struct uffdio_register reg = {{start, length}, mode, 0};
    return (int)pff_syscall(SYS_ioctl, uffd, UFFDIO_REGISTER, &reg);
}

PFF_INLINE int pff_unregister(int uffd, unsigned long start, unsigned long length)
{
    struct uffdio_range range = {start, length};
    return (int)pff_syscall(SYS_ioctl, uffd, UFFDIO_UNREGISTER, &range);
}

/* Bring missing pages in with a copy of the bytes at `from`. */
PFF_INLINE int pff_copy(int uffd, unsigned long to, unsigned long from, unsigned long length)
{
    struct uffdio_copy copy = {to, from, length, 0, 0};
    return (int)pff_syscall(SYS_ioctl, uffd, UFFDIO_COPY, &copy);
}

/* Bring missing pages in, filled with zeros. */
PFF_INLINE int pff_zero(int uffd, unsigned long start, unsigned long length)
{
    struct uffdio_zeropage zero = {{start, length}, 0, 0};
    return (int)pff_syscall(SYS_ioctl, uffd, UFFDIO_ZEROPAGE, &zero);
}

/* Map pages that the file behind a shared mapping has in its cache (mode _MINOR). */
PFF_INLINE int pff_continue(int uffd, unsigned long start, unsigned long length)
{
    struct uffdio_continue cont = {{start, length}, 0, 0};
    return (int)pff_syscall(SYS_ioctl, uffd, UFFDIO_CONTINUE, &cont);
}

/* Turn faults of stores to the range on (mode _WP) or off. */
PFF_INLINE int pff_protect(int uffd, unsigned long start, unsigned long length, int on)
{
    struct uffdio_writeprotect protect = {{start, length}, on ? UFFDIO_WRITEPROTECT_MODE_WP : 0};
    return (int)pff_syscall(SYS_ioctl, uffd, UFFDIO_WRITEPROTECT, &protect);
}

/* Give pages up: the next access to them faults again. */
PFF_INLINE int pff_evict(unsigned long start, unsigned long length)
{
    return (int)pff_syscall(__NR_madvise, start, length, 4 /* MADV_DONTNEED */);
}

/* Wake the threads that wait for pages of the range; only those whose faults were not forwarded wait. */
PFF_INLINE int pff_wake(int uffd, unsigned long start, unsigned long length)
{
    struct uffdio_range range = {start, length};
    return (int)pff_syscall(SYS_ioctl, uffd, UFFDIO_WAKE, &range);
}

#define PFF_HANDLER INTERRUPT
typedef void pff_handler(struct pff_frame *frame, unsigned long long vector);

/* The calling thread handles its own faults from now on. EINVAL: a kernel without forwarding. */
PFF_INLINE int pff_forward_on(pff_handler *handler)
{
    int error = (int)pff_syscall(SYS_uintr_register_handler, handler, UINTR_HANDLER_FLAG_FORWARD_PF);
    if (!error)
        __builtin_ia32_stui(); /* clang inlines no _stui() where there are general registers only */
    return error;
}

PFF_INLINE int pff_forward_off(void)
{
    __builtin_ia32_clui();
    return (int)pff_syscall(SYS_uintr_unregister_handler, 0);
}

/* Whether the calling thread is in its handler, or has disabled user interrupts. */
PFF_INLINE int pff_is_masked(void)
{
    return !__builtin_ia32_testui();
}

/* A global label at this place of the code. Keep it out of code that the compiler may copy. */
#define PFF_LABEL(name) __asm__ volatile(".globl " #name "\n" #name ":" ::: "memory")

#if !__STDC_HOSTED__
/* Functions that compilers call even without a libc. */
typedef __SIZE_TYPE__ pff_size;

__attribute__((weak)) PFF_GENERAL void *memcpy(void *to, const void *from, pff_size size)
{
    void *end = to;
    __asm__ volatile("rep movsb" : "+D"(end), "+S"(from), "+c"(size)::"memory");
    return to;
}

__attribute__((weak)) PFF_GENERAL void *memset(void *to, int octet, pff_size size)
{
    void *end = to;
    __asm__ volatile("rep stosb" : "+D"(end), "+c"(size) : "a"(octet) : "memory");
    return to;
}

__attribute__((weak)) PFF_GENERAL void *memmove(void *to, const void *from, pff_size size)
{
    char *last = (char *)to + size - 1;
    const char *source = (const char *)from + size - 1;
    if ((char *)to <= (const char *)from || !size)
        return memcpy(to, from, size);
    __asm__ volatile("std\nrep movsb\ncld" : "+D"(last), "+S"(source), "+c"(size)::"memory");
    return to;
}

__attribute__((weak)) PFF_GENERAL int memcmp(const void *left, const void *right, pff_size size)
{
    const unsigned char *a = left, *b = right;
    for (; size; a++, b++, size--)
        if (*a != *b)
            return *a < *b ? -1 : 1;
    return 0;
}
#endif

#endif
