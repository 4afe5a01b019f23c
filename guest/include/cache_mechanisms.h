/* The mechanisms of cache.h: how a page becomes present, how stores are noticed, how it leaves. Part of cache.h.

   install    bring the page in, BUSY and the caller's; `store`: stores to it are let through at once
   allow      let stores to the page through
   protect    no store gets through any more
   drop       the page leaves memory
   retry      the page is there already: wake who waits for it */
#ifndef CACHE_H
#error "include cache.h"
#endif

#define CACHE_SA 0x44000004UL       /* SA_SIGINFO | SA_RESTORER | SA_NODEFER */
#define CACHE_THREAD 0x210f00UL     /* CLONE_VM | _FS | _FILES | _SIGHAND | _THREAD | _CHILD_CLEARTID */
#define CACHE_STACK (16 * CACHE_PAGE)
#define CACHE_SIGBUS_FEATURE (1UL << 7) /* UFFD_FEATURE_SIGBUS */
#define CACHE_FRAMES 64             /* CACHE_HW: of each core's ring at first */
#define CACHE_LOW 16                /* below that the kernel gives more */
#define CACHE_MORE 32
#define CACHE_OVER_QUOTA 8          /* why the hardware declined */

struct cache_message { unsigned char event, reserved[7]; unsigned long flags, address, rest; };

PFF_GENERAL static long cache_fill(struct cache *cache, unsigned long page, int store);
PFF_GENERAL static long cache_make_room(struct cache *cache);

#include "cache_extensions.h"

PFF_GENERAL __attribute__((unused)) static long cache_install(struct cache *cache, unsigned long page, int store)
{
    unsigned char here[CACHE_PAGE];
    unsigned char *to = cache_is_asked(cache) ? cache_address(cache, page) : here;
    long size = cache->mechanism == CACHE_EXMAP ? cache_act(cache, page, CACHE_EXMAP_ALLOC) : 0;
    if (!size)
        size = pff_syscall(__NR_pread64, cache->fd, to, CACHE_PAGE, page * CACHE_PAGE);
    if (size < 0 || cache_is_asked(cache))
        return size < 0 ? size : 0;
    if (cache->mechanism == CACHE_SIGSEGV) {
        if (pff_syscall(__NR_pwrite64, cache->memfd, here, CACHE_PAGE, page * CACHE_PAGE) != (long)CACHE_PAGE)
            return -5; /* EIO */
        return pff_syscall(__NR_mprotect, cache_address(cache, page), CACHE_PAGE, store ? 3 : 1);
    }
    struct uffdio_copy copy = {
        (unsigned long)cache_address(cache, page), (unsigned long)here, CACHE_PAGE, store ? 0 : UFFDIO_COPY_MODE_WP, 0,
    };
    return pff_syscall(SYS_ioctl, cache->uffd, UFFDIO_COPY, &copy);
}

PFF_INLINE long cache_allow(struct cache *cache, unsigned long page)
{
    if (cache->mechanism == CACHE_SIGSEGV)
        return pff_syscall(__NR_mprotect, cache_address(cache, page), CACHE_PAGE, 3);
    return cache_is_asked(cache)
               ? 0 : pff_protect(cache->uffd, (unsigned long)cache_address(cache, page), CACHE_PAGE, 0);
}

PFF_INLINE long cache_protect(struct cache *cache, unsigned long page)
{
    if (cache->mechanism == CACHE_SIGSEGV)
        return pff_syscall(__NR_mprotect, cache_address(cache, page), CACHE_PAGE, 1);
    return cache_is_asked(cache)
               ? 0 : pff_protect(cache->uffd, (unsigned long)cache_address(cache, page), CACHE_PAGE, 1);
}

/* The hardware takes the page, or with full rings the kernel: then the hardware's quota shrinks by it. */
PFF_GENERAL __attribute__((unused)) static long cache_drop_hw(struct cache *cache, unsigned long address)
{
    if (!(hw_pagedrop(address, cache->directive) & HW_NOT_THERE))
        return 0;
    hw_donate(cache->uffd, HW_EACH_CORE, 0); /* returned frames become fit for use */
    if (!(hw_pagedrop(address, cache->directive) & HW_NOT_THERE))
        return 0;
    __atomic_fetch_add(&cache->lost, 1, __ATOMIC_RELAXED);
    return pff_evict(address, CACHE_PAGE);
}

PFF_INLINE long cache_drop(struct cache *cache, unsigned long page)
{
    unsigned long address = (unsigned long)cache_address(cache, page);
    if (cache->mechanism == CACHE_PIN)
        return 0;
    if (cache->mechanism == CACHE_EXMAP)
        return cache_act(cache, page, CACHE_EXMAP_FREE);
    if (cache->mechanism == CACHE_HW)
        return cache_drop_hw(cache, address);
    if (cache->mechanism == CACHE_SIGSEGV) {
        long error = pff_syscall(__NR_mprotect, address, CACHE_PAGE, 0);
        return error ? error : pff_syscall(__NR_fallocate, cache->memfd, 3 /* PUNCH_HOLE | KEEP_SIZE */,
                                           page * CACHE_PAGE, CACHE_PAGE);
    }
    return pff_evict(address, CACHE_PAGE);
}

PFF_INLINE long cache_retry(struct cache *cache, unsigned long page)
{
    return cache->mechanism == CACHE_UFFD ? pff_wake(cache->uffd, (unsigned long)cache_address(cache, page), CACHE_PAGE) : 0;
}

/* A fault of the cache's memory; elsewhere it is the program's error. */
PFF_GENERAL __attribute__((unused)) static void cache_fault(unsigned long address, int store)
{
    unsigned long page = (address - (unsigned long)cache_here->base) / CACHE_PAGE;
    if (page >= cache_here->pages || cache_fill(cache_here, page, store))
        pff_syscall(SYS_exit_group, 99);
}

PFF_HANDLER void cache_forwarded(struct pff_frame *frame, unsigned long long vector)
{
    (void)vector;
    cache_fault(frame->address, (int)(frame->error & PFF_WRITE));
}

PFF_GENERAL __attribute__((unused)) static void cache_signal(int signal, unsigned char *info, unsigned char *context)
{
    (void)signal;
    cache_fault(*(unsigned long *)(info + 16), (int)(*(unsigned long *)(context + 192) & PFF_WRITE));
}

__attribute__((naked, unused)) static void cache_restorer(void)
{
    __asm__ volatile("mov $15, %eax\n\tsyscall");
}

PFF_INLINE long cache_on_signal(int signal)
{
    unsigned long action[4] = {(unsigned long)cache_signal, CACHE_SA, (unsigned long)cache_restorer, 0};
    return pff_syscall(__NR_rt_sigaction, signal, action, 0, 8);
}

/* The thread of CACHE_UFFD: it answers messages, several at a time. */
__attribute__((unused)) static void cache_serve(void)
{
    struct cache_message messages[16];
    for (;;) {
        long size = pff_syscall(SYS_read, cache_here->uffd, messages, sizeof messages);
        if (size < 0)
            pff_syscall(SYS_exit_group, 99);
        for (long at = 0; at < size / (long)sizeof messages[0]; at++) {
            cache_fault(messages[at].address, (int)(messages[at].flags & 3)); /* WRITE, WP */
            if (cache_here->closing && messages[at].address - (unsigned long)cache_here->base < CACHE_PAGE)
                pff_syscall(__NR_exit, 0); /* cache_close has its page */
        }
    }
}

/* `function()`, which ends by exit, in a thread of this process with the stack below `top`. `running` (may be 0): 1 until it
   does not need its stack any more. */
__attribute__((unused)) static long cache_start(void (*function)(void), unsigned char *top, volatile int *running)
{
    unsigned long *stack = (unsigned long *)top - 2;
    register volatile int *cleared __asm__("r10") = running;
    long result;
    *stack = (unsigned long)function;
    if (running)
        *running = 1;
    __asm__ volatile("xor %%r8d, %%r8d\n\tsyscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\tpop %%rax\n\tand $-16, %%rsp\n\tcall *%%rax\n\tud2\n1:"
                     : "=a"(result)
                     : "a"(__NR_clone), "D"(CACHE_THREAD), "S"(stack), "d"(0), "r"(cleared)
                     : "rcx", "r8", "r11", "memory");
    return result < 0 ? result : 0;
}

/* CACHE_HW: pages that the hardware has brought in are in the books from now on. The lock is held. */
PFF_GENERAL __attribute__((unused)) static long cache_learn(struct cache *cache)
{
    unsigned long records[64], page;
    long count, at;
    do {
        count = hw_drain(cache->uffd, records, 64);
        for (at = 0; at < count; at++) {
            if (!(records[at] & HW_FILLED))
                continue;
            page = (records[at] - (unsigned long)cache->base) / CACHE_PAGE;
            cache->fills++;
            if (cache->state[page] & CACHE_BUSY) {
                cache->state[page] |= CACHE_RETURNED;
            } else if (!(cache->state[page] & CACHE_RESIDENT)) {
                cache->state[page] |= CACHE_RESIDENT;
                cache->resident++;
                cache_enter(cache, page);
            }
        }
    } while (count == 64);
    return count < 0 ? count : 0;
}

/* CACHE_HW: a store to a protected page, or a page that the hardware did not bring in. It tries again afterwards. */
PFF_HANDLER void cache_declined(struct pff_frame *frame, unsigned long long vector)
{
    struct cache *cache = cache_here;
    unsigned long page = (frame->address - (unsigned long)cache->base) / CACHE_PAGE;
    (void)vector;
    if (page >= cache->pages)
        pff_syscall(SYS_exit_group, 99);
    cache_lock(cache);
    if (cache_learn(cache))
        pff_syscall(SYS_exit_group, 99);
    if (frame->error & 1) { /* present */
        int is_busy = cache->state[page] & CACHE_BUSY, is_known = cache->state[page] & CACHE_RESIDENT;
        cache_unlock(cache);
        if (is_known && !is_busy)
            cache_fault(frame->address, 1);
        else
            cache_relax();
        return;
    }
    if (hw_declined(frame) == CACHE_OVER_QUOTA) {
        if (cache->resident + cache->lost >= cache->quota)
            cache_make_room(cache);
        cache_unlock(cache);
        return;
    }
    cache_unlock(cache);
    if (hw_donate(cache->uffd, HW_EACH_CORE, CACHE_MORE) > 0)
        return;
    cache_lock(cache); /* there are none: a page leaves, and its frame is this core's */
    cache_make_room(cache);
    cache_unlock(cache);
}

PFF_INLINE int cache_direct(struct cache *cache)
{
    struct uffdio_direct direct = {
        (unsigned long)cache->base, cache->pages * CACHE_PAGE, HW_COPY, HW_READ | HW_WRITE, HW_PROTECTED, 0,
        (unsigned long)cache->backing, CACHE_PAGE, cache->quota, 0, 0,
    };
    long found = hw_rings(cache->uffd, 1024, CACHE_LOW, CACHE_MORE, 0);
    if (!found)
        found = hw_donate(cache->uffd, HW_EACH_CORE, CACHE_FRAMES);
    if (found >= 0)
        found = hw_direct(cache->uffd, &direct);
    cache->directive = (unsigned long)found;
    return found < 0 ? (int)found : 0;
}

/* A userfaultfd over private memory of `pages` pages. */
PFF_INLINE int cache_register(struct cache *cache)
{
    struct uffdio_api api = {UFFD_API, cache->mechanism == CACHE_UFFD_SIGBUS ? CACHE_SIGBUS_FEATURE : 0, 0};
    long error, uffd = pff_syscall(PFF_SYS_userfaultfd, 02000000 /* O_CLOEXEC */ | UFFD_USER_MODE_ONLY);
    if (uffd < 0)
        return (int)uffd;
    cache->uffd = (int)uffd;
    error = pff_syscall(SYS_ioctl, uffd, UFFDIO_API, &api);
    if (!error)
        error = pff_register(
            cache->uffd, (unsigned long)cache->base, cache->pages * CACHE_PAGE,
            UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
    return (int)error;
}

PFF_INLINE int cache_open_mechanism(struct cache *cache)
{
    unsigned long bytes = cache->pages * CACHE_PAGE;
    int error;
    if (cache->mechanism == CACHE_PIN) {
        cache->base = cache_memory(cache->quota * CACHE_PAGE);
    } else if (cache->mechanism == CACHE_KERNEL) {
        cache->base = (void *)pff_syscall(__NR_mmap, 0, bytes, 3, 1 /* MAP_SHARED */, cache->fd, 0);
    } else if (cache->mechanism == CACHE_SIGSEGV) {
        cache->memfd = (int)pff_syscall(__NR_memfd_create, "pages", 1 /* MFD_CLOEXEC */);
        if (cache->memfd < 0)
            return cache->memfd;
        error = (int)pff_syscall(__NR_ftruncate, cache->memfd, bytes);
        cache->base = (void *)pff_syscall(__NR_mmap, 0, bytes, 0, 1, cache->memfd, 0);
        if (error)
            return error;
    } else if (cache->mechanism == CACHE_EXMAP) {
        cache->base = (void *)cache_open_exmap(cache);
    } else { /* private, anonymous, not reserved */
        cache->base = (void *)pff_syscall(__NR_mmap, 0, bytes, 3, 0x4022, -1, 0);
    }
    if ((long)cache->base < 0 && (long)cache->base > -4096)
        return (int)(long)cache->base;
    switch (cache->mechanism) {
    case CACHE_KERNEL:
    case CACHE_PIN:
    case CACHE_EXMAP:
        return 0;
    case CACHE_SIGSEGV:
        return (int)cache_on_signal(11);
    default:
        error = cache_register(cache);
    }
    if (error || cache->mechanism == CACHE_PFF || cache->mechanism == CACHE_UPCALL || cache->mechanism == CACHE_USERFAULT)
        return error;
    if (cache->mechanism == CACHE_UFFD_SIGBUS)
        return (int)cache_on_signal(7);
    if (cache->mechanism == CACHE_UFFD) {
        cache->stack = cache_memory(CACHE_STACK);
        return (int)cache_start(cache_serve, cache->stack + CACHE_STACK, &cache->serving);
    }
    cache->backing = cache_memory(bytes);
    pff_syscall(__NR_pread64, cache->fd, cache->backing, bytes, 0);
    return cache->mechanism == CACHE_POLICY ? cache_policy(cache, CACHE_POLICY_COPY) : cache_direct(cache);
}

/* All pages have left. */
PFF_INLINE void cache_close_mechanism(struct cache *cache)
{
    unsigned long none[4] = {0, CACHE_SA, (unsigned long)cache_restorer, 0}; /* SIG_DFL */
    if (cache->mechanism == CACHE_PFF || cache->mechanism == CACHE_HW)
        pff_forward_off();
    cache_leave_extension(cache);
    if (cache->mechanism == CACHE_SIGSEGV || cache->mechanism == CACHE_UFFD_SIGBUS)
        pff_syscall(__NR_rt_sigaction, cache->mechanism == CACHE_SIGSEGV ? 11 : 7, none, 0, 8);
    if (cache->stack) { /* the last message */
        cache->closing = 1;
        (void)*(volatile unsigned char *)cache->base;
        while (cache->serving)
            cache_relax();
        pff_syscall(__NR_munmap, cache->stack, CACHE_STACK);
    }
    if (cache->backing)
        pff_syscall(__NR_munmap, cache->backing, cache->pages * CACHE_PAGE);
    if (cache->uffd >= 0)
        pff_syscall(__NR_close, cache->uffd);
    if (cache->memfd)
        pff_syscall(__NR_close, cache->memfd);
}
