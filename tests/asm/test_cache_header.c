// cache.h: the same program under three mechanisms; stores are found again in the file.
#include "cache.h"

#define PAGES 12

static struct cache cache;
static long words[PAGES * 512];

/* Add to words of pages in a scattered order; 0: the file has all of it. */
static long add(enum cache_mechanism mechanism)
{
    long fd = pff_syscall(__NR_memfd_create, "file", 0), wrong = 0;
    pff_syscall(__NR_ftruncate, fd, sizeof words);
    if (cache_open(&cache, (int)fd, PAGES, 4, mechanism))
        return 1000;
    for (long i = 0; i < 60; i++) {
        unsigned long page = (unsigned long)i * 5 % PAGES;
        long *bytes = cache_get(&cache, page);
        if (i % 3) {
            cache_dirty(&cache, page);
            bytes[i] += i + 1;
        }
        wrong += bytes[511] != 0;
        cache_put(&cache, page);
    }
    if (cache_flush(&cache))
        return 1001;
    pff_syscall(__NR_pread64, fd, words, sizeof words, 0);
    for (long i = 0; i < 60; i++)
        wrong += words[i * 5 % PAGES * 512 + i] != (i % 3 ? i + 1 : 0);
    return wrong;
}

// test: the kernel's cache
// expect: rax == 0
long test_kernel(void)
{
    return add(CACHE_KERNEL);
}

// test: pinned frames keep the quota
// expect: rax == 60
// count: forwarded == 0
long test_pin(void)
{
    long wrong = add(CACHE_PIN);
    return wrong ? -wrong : (long)cache.fills;
}

// test: forwarded faults: one a fill, and one a first store to a page that came in for a load
// expect: rax == 40
long test_pff(void)
{
    long wrong = add(CACHE_PFF);
    return wrong || cache.fills != 60 || cache.evictions != 60 ? -wrong - 1 : (long)cache.write_backs;
}

// test: a page that is held does not leave
// expect: rax == -16
long test_held(void)
{
    long fd = pff_syscall(__NR_memfd_create, "file", 0);
    pff_syscall(__NR_ftruncate, fd, sizeof words);
    cache_open(&cache, (int)fd, PAGES, 4, CACHE_PIN);
    cache_get(&cache, 3);
    return cache_evict(&cache, 3);
}
