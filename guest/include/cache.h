/* A cache of a file's pages for programs in C: the sister of guest/asm/cache.s. One cache at a time, FIFO, any number of threads.

       struct cache cache;
       int error = cache_open(&cache, fd, pages, quota, CACHE_PFF);
       long *page = cache_get(&cache, 7);
       cache_dirty(&cache, 7);
       *page += 1;
       cache_put(&cache, 7);
       cache_close(&cache);

   A program that calls get, put and dirty as above runs under each mechanism. Each further thread calls cache_join(&cache)
   before its first get. Functions return 0 or -errno. Compile with -muintr. */
#ifndef CACHE_H
#define CACHE_H

#include "hw.h"

#define CACHE_PAGE 4096UL
/* How pages come in. Where the machine does not offer it, cache_open returns an error, as EINVAL, ENOTTY or ENOSYS. CACHE_PFF
   runs in modes pff and pff-pte; with CACHE_USERFAULT compile with -mno-red-zone. */
enum cache_mechanism {
    CACHE_KERNEL, CACHE_PIN, CACHE_PFF, CACHE_UFFD, CACHE_UFFD_SIGBUS, CACHE_SIGSEGV, CACHE_HW, CACHE_UPCALL,
    CACHE_USERFAULT, CACHE_POLICY, CACHE_EXMAP,
};
/* State of a page. BUSY: a thread brings it in or throws it out, and the others wait. WRITABLE: stores to it do not fault. */
enum { CACHE_RESIDENT = 1, CACHE_DIRTY = 2, CACHE_BUSY = 4, CACHE_WRITABLE = 8, CACHE_RETURNED = 16 };

struct cache {
    enum cache_mechanism mechanism;
    int fd, uffd, memfd;           /* memfd: of CACHE_SIGSEGV; the device of CACHE_EXMAP */
    volatile int lock;
    unsigned long pages, quota, resident;
    unsigned char *base;           /* where the pages are; with CACHE_PIN, the frames */
    volatile unsigned char *state; /* by page */
    unsigned long *queue;          /* pages in memory, in the order in which they came: a ring with room for all */
    unsigned long head, queued;
    unsigned long *frame, *pins, *spare; /* by page: CACHE_PIN's frame, users where it is asked; CACHE_PIN's free frames */
    unsigned char *stack;                /* CACHE_UFFD: of the thread that answers messages */
    volatile int serving, closing;       /* it runs; it is to end */
    unsigned char *backing;              /* CACHE_HW, CACHE_POLICY: the file, in memory */
    unsigned long directive, lost;       /* CACHE_HW */
    unsigned long fills, evictions, write_backs;
};

static struct cache *cache_here; /* of the handlers */

PFF_INLINE void *cache_memory(unsigned long bytes)
{
    /* readable and writable; private, anonymous, populated */
    return (void *)pff_syscall(__NR_mmap, 0, bytes, 3, 0x8022, -1, 0);
}

/* The program asks before each access, so that no access faults. */
PFF_INLINE int cache_is_asked(const struct cache *cache)
{
    return cache->mechanism == CACHE_PIN || cache->mechanism == CACHE_EXMAP;
}

PFF_INLINE unsigned char *cache_address(struct cache *cache, unsigned long page)
{
    return cache->base + (cache->mechanism == CACHE_PIN ? cache->frame[page] : page) * CACHE_PAGE;
}

/* Copy a page. A libc's memcpy would change vector registers, which a handler of the hardware does not save. */
PFF_INLINE void cache_copy(void *to, const void *from)
{
    unsigned long size = CACHE_PAGE;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size)::"memory");
}

/* A thread that waits gives up its core. */
PFF_INLINE void cache_relax(void)
{
    pff_syscall(__NR_sched_yield);
}

PFF_INLINE void cache_lock(struct cache *cache)
{
    while (__atomic_exchange_n(&cache->lock, 1, __ATOMIC_ACQUIRE))
        cache_relax();
}

PFF_INLINE void cache_unlock(struct cache *cache)
{
    __atomic_store_n(&cache->lock, 0, __ATOMIC_RELEASE);
}

/* A page has come in; the lock is held. */
PFF_INLINE void cache_enter(struct cache *cache, unsigned long page)
{
    cache->queue[(cache->head + cache->queued++) % cache->pages] = page;
}

#include "cache_mechanisms.h"

/* The page is BUSY and the caller's: what was stored to it goes to the file, and it leaves memory. */
PFF_GENERAL __attribute__((unused)) static long cache_out(struct cache *cache, unsigned long page)
{
    unsigned char *bytes = cache_address(cache, page);
    long error = 0;
    if (cache->state[page] & CACHE_DIRTY) {
        error = cache_protect(cache, page);
        if (!error && pff_syscall(__NR_pwrite64, cache->fd, bytes, CACHE_PAGE, page * CACHE_PAGE) != (long)CACHE_PAGE)
            error = -5; /* EIO */
        if (!error && cache->backing)
            cache_copy(cache->backing + page * CACHE_PAGE, bytes);
        __atomic_fetch_add(&cache->write_backs, 1, __ATOMIC_RELAXED);
    }
    return error ? error : cache_drop(cache, page);
}

/* Throw the oldest page out that may leave; the lock is held, but not all the time. EBUSY: there is none now. */
PFF_GENERAL __attribute__((unused)) static long cache_make_room(struct cache *cache)
{
    unsigned long tries, page;
    long error;
    for (tries = cache->queued; tries; tries--) {
        page = cache->queue[cache->head];
        cache->head = (cache->head + 1) % cache->pages;
        cache->queued--;
        if (cache->state[page] & CACHE_BUSY || (cache_is_asked(cache) && cache->pins[page])) {
            cache_enter(cache, page);
            continue;
        }
        cache->state[page] |= CACHE_BUSY;
        cache_unlock(cache);
        error = cache_out(cache, page);
        cache_lock(cache);
        if (error)
            return error;
        cache->evictions++;
        if (cache->state[page] & CACHE_RETURNED) { /* the hardware has brought it in again meanwhile */
            cache->state[page] = CACHE_RESIDENT;
            cache_enter(cache, page);
            return 0;
        }
        cache->state[page] = 0;
        cache->resident--;
        if (cache->mechanism == CACHE_PIN)
            cache->spare[cache->quota - 1 - cache->resident] = cache->frame[page];
        return 0;
    }
    return -16; /* EBUSY */
}

/* A thread needs the page, and does not have it or may not store to it. */
PFF_GENERAL __attribute__((unused)) static long cache_fill(struct cache *cache, unsigned long page, int store)
{
    unsigned long waited = 0;
    long error = 0;
    for (;; cache_relax()) {
        cache_lock(cache);
        if (cache->state[page] & CACHE_BUSY) {
            cache_unlock(cache);
            continue;
        }
        if (cache->state[page] & CACHE_RESIDENT) {
            if (!store || cache->state[page] & CACHE_WRITABLE) {
                cache_unlock(cache);
                return cache_retry(cache, page);
            }
            cache->state[page] |= CACHE_BUSY;
            cache_unlock(cache);
            error = cache_allow(cache, page);
            cache_lock(cache);
            cache->state[page] = CACHE_RESIDENT | CACHE_WRITABLE | CACHE_DIRTY;
            cache_unlock(cache);
            return error;
        }
        if (cache->resident < cache->quota)
            break;
        error = cache_make_room(cache);
        cache_unlock(cache);
        if (error && (error != -16 || ++waited == 1 << 16))
            return error; /* all are held, for good */
    }
    cache->state[page] = CACHE_BUSY;
    if (cache->mechanism == CACHE_PIN)
        cache->frame[page] = cache->spare[cache->quota - 1 - cache->resident];
    cache->resident++;
    cache->fills++;
    cache_unlock(cache);
    error = cache_install(cache, page, store);
    cache_lock(cache);
    cache_enter(cache, page);
    cache->state[page] = CACHE_RESIDENT | (store ? CACHE_DIRTY | CACHE_WRITABLE : 0);
    cache_unlock(cache);
    return error;
}

/* Throw this page out. EBUSY: it is held, or on its way. */
PFF_GENERAL __attribute__((unused)) static long cache_evict(struct cache *cache, unsigned long page)
{
    unsigned long at;
    long error = 0;
    cache_lock(cache);
    for (at = 0; at < cache->queued; at++)
        if (cache->queue[(cache->head + at) % cache->pages] == page)
            break;
    if (at < cache->queued && (cache->state[page] & CACHE_BUSY || (cache_is_asked(cache) && cache->pins[page])))
        error = -16; /* EBUSY */
    else if (at < cache->queued) { /* make it the oldest one */
        for (; at; at--)
            cache->queue[(cache->head + at) % cache->pages] = cache->queue[(cache->head + at - 1) % cache->pages];
        cache->queue[cache->head] = page;
        error = cache_make_room(cache);
    }
    cache_unlock(cache);
    return error;
}

/* The calling thread touches pages from now on. */
__attribute__((unused)) static int cache_join(struct cache *cache)
{
    if (cache->mechanism == CACHE_UPCALL || cache->mechanism == CACHE_USERFAULT)
        return cache_join_extension(cache);
    if (cache->mechanism == CACHE_PFF)
        return pff_forward_on(cache_forwarded);
    return cache->mechanism == CACHE_HW ? pff_forward_on(cache_declined) : 0;
}

/* `fd`: a file of `pages` pages (EINVAL: it has fewer). At most `quota` of them are in memory, two at least (not CACHE_KERNEL: the machine's). The
   calling thread has joined. */
__attribute__((unused)) static int cache_open(
    struct cache *cache, int fd, unsigned long pages, unsigned long quota, enum cache_mechanism mechanism)
{
    struct cache zero = {.mechanism = mechanism, .fd = fd, .uffd = -1, .pages = pages, .quota = quota};
    unsigned long at, stat[18]; /* st_size is the seventh word */
    int error;
    *cache = zero;
    error = (int)pff_syscall(__NR_fstat, fd, stat);
    if (error)
        return error;
    if (!pages || quota < 2 || stat[6] / CACHE_PAGE < pages)
        return -22; /* EINVAL */
    if (quota > pages)
        cache->quota = quota = pages;
    cache->state = cache_memory(pages);
    cache->queue = cache_memory(8 * pages);
    cache->frame = cache_memory(16 * pages);
    cache->pins = cache->frame + pages;
    cache->spare = cache_memory(8 * quota);
    for (at = 0; at < quota; at++)
        cache->spare[at] = at;
    cache_here = cache;
    error = cache_open_mechanism(cache);
    return error ? error : cache_join(cache);
}

/* Where the page's bytes are, until cache_put. A null pointer: it cannot be brought in. */
__attribute__((unused)) static void *cache_get(struct cache *cache, unsigned long page)
{
    while (cache_is_asked(cache)) {
        cache_lock(cache);
        if ((cache->state[page] & (CACHE_RESIDENT | CACHE_BUSY)) == CACHE_RESIDENT) {
            cache->pins[page]++;
            cache_unlock(cache);
            break;
        }
        cache_unlock(cache);
        if (cache_fill(cache, page, 0))
            return 0;
    }
    return cache_address(cache, page);
}

__attribute__((unused)) static void cache_put(struct cache *cache, unsigned long page)
{
    if (cache_is_asked(cache))
        __atomic_fetch_sub(&cache->pins[page], 1, __ATOMIC_RELEASE);
}

/* The program is about to store to a page that it holds. */
__attribute__((unused)) static void cache_dirty(struct cache *cache, unsigned long page)
{
    if (cache_is_asked(cache))
        __atomic_fetch_or(&cache->state[page], CACHE_DIRTY, __ATOMIC_RELAXED);
}

/* The file has all that was stored, and no page is in memory (CACHE_KERNEL, CACHE_POLICY: they may stay); none may be held, or touched meanwhile. */
__attribute__((unused)) static int cache_flush(struct cache *cache)
{
    unsigned long waited = 0;
    long error = 0;
    if (cache->mechanism == CACHE_KERNEL)
        return (int)pff_syscall(__NR_msync, cache->base, cache->pages * CACHE_PAGE, 4 /* MS_SYNC */);
    if (cache->mechanism == CACHE_POLICY)
        return cache_flush_policy(cache);
    cache_lock(cache);
    if (cache->mechanism == CACHE_HW)
        error = cache_learn(cache);
    while (cache->resident && (!error || (error == -16 && ++waited < 1 << 16))) {
        error = cache_make_room(cache);
        if (error == -16) { /* a handler that has let its thread go on is still at work on the last page */
            cache_unlock(cache);
            cache_relax();
            cache_lock(cache);
        }
    }
    cache_unlock(cache);
    return (int)error;
}

/* As cache_flush; then the memory is given back. Threads that have joined have ended, but for the caller's own. */
__attribute__((unused)) static int cache_close(struct cache *cache)
{
    int error = cache_flush(cache);
    unsigned long pages = cache->pages;
    if (error)
        return error;
    cache_close_mechanism(cache);
    pff_syscall(__NR_munmap, cache->base, (cache->mechanism == CACHE_PIN ? cache->quota : pages) * CACHE_PAGE);
    pff_syscall(__NR_munmap, cache->state, pages);
    pff_syscall(__NR_munmap, cache->queue, 8 * pages);
    pff_syscall(__NR_munmap, cache->frame, 16 * pages);
    pff_syscall(__NR_munmap, cache->spare, 8 * cache->quota);
    return 0;
}

#endif
