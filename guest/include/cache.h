/* A cache of a file's pages for programs in C: the small sister of guest/asm/cache.s. One thread, one cache at a time, FIFO.
   CACHE_KERNEL, CACHE_PIN and CACHE_PFF; the assembly library has the other mechanisms, threads, batches and more policies.

       struct cache cache;
       int error = cache_open(&cache, fd, pages, quota, CACHE_PFF);
       long *page = cache_get(&cache, 7);
       cache_dirty(&cache, 7);
       *page += 1;
       cache_put(&cache, 7);
       cache_flush(&cache);

   A program that calls get, put and dirty as above runs under each. Functions return 0 or -errno. Compile with -muintr. */
#ifndef CACHE_H
#define CACHE_H

#include "pff.h"

#define CACHE_PAGE 4096UL
enum cache_mechanism { CACHE_KERNEL, CACHE_PIN, CACHE_PFF };
enum { CACHE_RESIDENT = 1, CACHE_DIRTY = 2 }; /* of a page */

struct cache {
    enum cache_mechanism mechanism;
    int fd, uffd;
    unsigned long pages, quota, resident, hand;
    unsigned char *base;            /* where the pages are; with CACHE_PIN, the frames */
    unsigned char *state;           /* by page */
    unsigned char *staging;         /* a page */
    unsigned long *ring;            /* pages in memory, in the order in which they came; with CACHE_PIN, by frame */
    unsigned long *frame, *pins;    /* CACHE_PIN: by page: frame, users */
    unsigned long fills, evictions, write_backs;
};

static struct cache *cache_here; /* of the handler */

PFF_INLINE void *cache_memory(unsigned long bytes)
{
    /* readable and writable; private, anonymous, populated */
    return (void *)pff_syscall(__NR_mmap, 0, bytes, 3, 0x8022, -1, 0);
}

PFF_INLINE unsigned char *cache_address(struct cache *cache, unsigned long page)
{
    return cache->base + (cache->mechanism == CACHE_PIN ? cache->frame[page] : page) * CACHE_PAGE;
}

/* The page leaves memory; what was stored to it goes to the file. */
PFF_GENERAL __attribute__((unused)) static long cache_evict(struct cache *cache, unsigned long page)
{
    unsigned char *bytes = cache_address(cache, page);
    if (!(cache->state[page] & CACHE_RESIDENT))
        return 0;
    if (cache->mechanism == CACHE_PIN && cache->pins[page])
        return -16; /* EBUSY */
    if (cache->state[page] & CACHE_DIRTY) {
        if (pff_syscall(__NR_pwrite64, cache->fd, bytes, CACHE_PAGE, page * CACHE_PAGE) != (long)CACHE_PAGE)
            return -5; /* EIO */
        cache->write_backs++;
    }
    cache->state[page] = 0;
    cache->evictions++;
    return cache->mechanism == CACHE_PFF ? pff_evict((unsigned long)bytes, CACHE_PAGE) : 0;
}

/* A place in the ring: a free one, or that of the oldest page that may leave. */
PFF_GENERAL __attribute__((unused)) static long cache_room(struct cache *cache)
{
    unsigned long tries, at;
    if (cache->resident < cache->quota)
        return (long)cache->resident++;
    for (tries = 0; tries < cache->quota; tries++) {
        at = cache->hand;
        cache->hand = at + 1 == cache->quota ? 0 : at + 1;
        if (!cache_evict(cache, cache->ring[at]))
            return (long)at;
    }
    return -12; /* ENOMEM */
}

PFF_GENERAL __attribute__((unused)) static long cache_fill(struct cache *cache, unsigned long page, int store)
{
    long at = cache_room(cache), size;
    unsigned char *to = cache->mechanism == CACHE_PIN ? cache->base + (unsigned long)at * CACHE_PAGE : cache->staging;
    if (at < 0)
        return at;
    size = pff_syscall(__NR_pread64, cache->fd, to, CACHE_PAGE, page * CACHE_PAGE);
    if (size < 0)
        return size;
    cache->ring[at] = page;
    cache->state[page] = CACHE_RESIDENT | (store ? CACHE_DIRTY : 0);
    cache->fills++;
    if (cache->mechanism == CACHE_PFF) {
        struct uffdio_copy copy = {
            (unsigned long)cache_address(cache, page), (unsigned long)to, CACHE_PAGE, store ? 0 : UFFDIO_COPY_MODE_WP, 0,
        };
        return pff_syscall(SYS_ioctl, cache->uffd, UFFDIO_COPY, &copy);
    }
    cache->frame[page] = (unsigned long)at;
    return 0;
}

/* A page is missing, or a store to it is noticed. */
PFF_HANDLER void cache_fault(struct pff_frame *frame, unsigned long long vector)
{
    struct cache *cache = cache_here;
    unsigned long address = frame->address & -CACHE_PAGE, page = (address - (unsigned long)cache->base) / CACHE_PAGE;
    (void)vector;
    if (page >= cache->pages)
        pff_syscall(SYS_exit_group, 99);
    if (cache->state[page] & CACHE_RESIDENT) {
        cache->state[page] |= CACHE_DIRTY;
        pff_protect(cache->uffd, address, CACHE_PAGE, 0);
    } else if (cache_fill(cache, page, (int)(frame->error & PFF_WRITE))) {
        pff_syscall(SYS_exit_group, 99);
    }
}

/* `fd`: a file of `pages` pages. At most `quota` of them are in memory, two at least (not CACHE_KERNEL: the machine's). */
__attribute__((unused)) static int cache_open(
    struct cache *cache, int fd, unsigned long pages, unsigned long quota, enum cache_mechanism mechanism)
{
    struct cache zero = {.mechanism = mechanism, .fd = fd, .uffd = -1, .pages = pages, .quota = quota};
    *cache = zero;
    if (!pages || quota < 2)
        return -22; /* EINVAL */
    cache->state = cache_memory(pages);
    cache->ring = cache_memory(8 * quota);
    cache->staging = cache_memory(CACHE_PAGE);
    cache->frame = cache_memory(16 * pages);
    cache->pins = cache->frame + pages;
    if (mechanism == CACHE_KERNEL) {
        cache->base = (void *)pff_syscall(__NR_mmap, 0, pages * CACHE_PAGE, 3, 1 /* MAP_SHARED */, fd, 0);
    } else if (mechanism == CACHE_PIN) {
        cache->base = cache_memory(quota * CACHE_PAGE);
    } else { /* private, anonymous, not reserved */
        cache->base = (void *)pff_syscall(__NR_mmap, 0, pages * CACHE_PAGE, 3, 0x4022, -1, 0);
        cache->uffd = pff_open();
        if (cache->uffd < 0)
            return cache->uffd;
        long error = pff_register(
            cache->uffd, (unsigned long)cache->base, pages * CACHE_PAGE,
            UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP);
        cache_here = cache;
        return (int)(error ? error : pff_forward_on(cache_fault));
    }
    return (long)cache->base < 0 && (long)cache->base > -4096 ? (int)(long)cache->base : 0;
}

/* Where the page's bytes are, until cache_put. A null pointer: it cannot be brought in. */
__attribute__((unused)) static void *cache_get(struct cache *cache, unsigned long page)
{
    if (cache->mechanism == CACHE_PIN) {
        if (!(cache->state[page] & CACHE_RESIDENT) && cache_fill(cache, page, 0))
            return 0;
        cache->pins[page]++;
    }
    return cache_address(cache, page);
}

__attribute__((unused)) static void cache_put(struct cache *cache, unsigned long page)
{
    if (cache->mechanism == CACHE_PIN)
        cache->pins[page]--;
}

/* The program is about to store to a page that it holds. */
__attribute__((unused)) static void cache_dirty(struct cache *cache, unsigned long page)
{
    if (cache->mechanism == CACHE_PIN)
        cache->state[page] |= CACHE_DIRTY;
}

/* The file has all that was stored, and no page is in memory; none may be held. */
__attribute__((unused)) static int cache_flush(struct cache *cache)
{
    unsigned long at;
    long error = 0;
    if (cache->mechanism == CACHE_KERNEL)
        return (int)pff_syscall(__NR_msync, cache->base, cache->pages * CACHE_PAGE, 4 /* MS_SYNC */);
    for (at = 0; at < cache->resident && !error; at++)
        error = cache_evict(cache, cache->ring[at]);
    cache->resident = cache->hand = 0;
    return (int)error;
}

#endif
