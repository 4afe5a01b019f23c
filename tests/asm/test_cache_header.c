// cache.h: the same program under each mechanism; stores are found again in the file, those of several threads, too.
#include "cache.h"

#define PAGES 12

static struct cache cache;
static long fills;
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
    fills = (long)cache.fills;
    if (cache_close(&cache))
        return 1001;
    pff_syscall(__NR_pread64, fd, words, sizeof words, 0);
    for (long i = 0; i < 60; i++)
        wrong += words[i * 5 % PAGES * 512 + i] != (i % 3 ? i + 1 : 0);
    return wrong;
}

#define THREADS 4
#define ADDITIONS 160
static unsigned char stacks[THREADS][16384] __attribute__((aligned(16)));
static volatile int running[THREADS];
static long next;

static void work(long first)
{
    for (long i = first; i < ADDITIONS; i += THREADS) {
        unsigned long page = (unsigned long)i * 5 % PAGES;
        long *bytes = cache_get(&cache, page);
        cache_dirty(&cache, page);
        bytes[i] += i + 1;
        cache_put(&cache, page);
    }
}

static void worker(void)
{
    cache_join(&cache);
    work(__atomic_fetch_add(&next, 1, __ATOMIC_SEQ_CST));
    for (;;)
        pff_syscall(__NR_exit, 0);
}

// Four threads add to words of the same pages.
static long share(enum cache_mechanism mechanism)
{
    long fd = pff_syscall(__NR_memfd_create, "file", 0), wrong = 0;
    pff_syscall(__NR_ftruncate, fd, sizeof words);
    if (cache_open(&cache, (int)fd, PAGES, 6, mechanism))
        return 1000;
    next = 1;
    for (int i = 1; i < THREADS; i++)
        cache_start(worker, stacks[i] + sizeof stacks[i], &running[i]);
    work(0);
    for (int i = 1; i < THREADS; i++)
        while (running[i])
            pff_syscall(__NR_sched_yield);
    if (cache_close(&cache))
        return 1001;
    pff_syscall(__NR_pread64, fd, words, sizeof words, 0);
    for (long i = 0; i < ADDITIONS; i++)
        wrong += words[i * 5 % PAGES * 512 + i] != i + 1;
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
    return wrong ? -wrong : fills;
}

// test: forwarded faults: one a fill, and one a first store to a page that came in for a load
// expect: rax == 40
long test_pff(void)
{
    long wrong = add(CACHE_PFF);
    return wrong || fills != 60 || cache.evictions != 60 ? -wrong - 1 : (long)cache.write_backs;
}

// test: a thread that reads messages
// mode: uffd
// expect: rax == 60
long test_uffd(void)
{
    long wrong = add(CACHE_UFFD);
    return wrong ? -wrong : fills;
}

// test: SIGBUS in the faulting thread
// mode: uffd
// expect: rax == 60
long test_sigbus(void)
{
    long wrong = add(CACHE_UFFD_SIGBUS);
    return wrong ? -wrong : fills;
}

// test: rights by mprotect, without a userfaultfd
// mode: kernel
// expect: rax == 60
// count: uffd_messages == 0
long test_sigsegv(void)
{
    long wrong = add(CACHE_SIGSEGV);
    return wrong ? -wrong : fills;
}

// test: the hardware fills pages; the handler makes room and notices stores
// mode: hw
// expect: rax == 0
long test_hw(void)
{
    long wrong = add(CACHE_HW);
    return wrong || cache.evictions < 40 ? -wrong - 1 : 0;
}

// test: the kernel enters a handler in the faulting thread
// mode: upcall
// expect: rax == 40
// count: uffd_messages == 0
long test_upcall(void)
{
    long wrong = add(CACHE_UPCALL);
    return wrong || fills != 60 || cache.evictions != 60 ? -wrong - 1 : (long)cache.write_backs;
}

// test: the hardware enters a handler for every fault; others than the cache's go to the kernel
// mode: userfault
// cflags: -mno-red-zone
// expect: rax == 40
long test_userfault(void)
{
    long wrong = add(CACHE_USERFAULT);
    return wrong || fills != 60 || cache.evictions != 60 ? -wrong - 1 : (long)cache.write_backs;
}

// test: the kernel copies pages in and keeps the quota
// mode: policy
// expect: rax == 0
// count: uffd_messages == 0
long test_policy(void)
{
    return add(CACHE_POLICY);
}

// test: pages come and go by calls
// mode: kernel
// expect: rax == 60
long test_exmap(void)
{
    long wrong = add(CACHE_EXMAP);
    return wrong || cache.evictions != 60 ? -wrong - 1 : fills;
}

// test: what the machine does not offer is an error of cache_open
// mode: kernel
// expect: rax == -38
long test_not_offered(void)
{
    long fd = pff_syscall(__NR_memfd_create, "file", 0);
    pff_syscall(__NR_ftruncate, fd, sizeof words);
    return cache_open(&cache, (int)fd, PAGES, 4, CACHE_PFF);
}

// test: more pages than the file has are an error of cache_open
// expect: rax == -22
long test_short_file(void)
{
    long fd = pff_syscall(__NR_memfd_create, "file", 0);
    pff_syscall(__NR_ftruncate, fd, sizeof words);
    return cache_open(&cache, (int)fd, PAGES + 1, 4, CACHE_PIN);
}

// test: what is no open file is an error of cache_open
// expect: rax == -9
long test_no_file(void)
{
    return cache_open(&cache, 99, PAGES, 4, CACHE_PIN);
}

// test: four threads under mechanisms of the kernel's machine
// mode: kernel
// cpus: 4
// expect: rax == 0
long test_threads_without_userfaultfd(void)
{
    return share(CACHE_KERNEL) + share(CACHE_PIN) + share(CACHE_SIGSEGV) + share(CACHE_EXMAP);
}

// test: four threads and a handler thread
// mode: uffd
// cpus: 5
// expect: rax == 0
long test_threads_uffd(void)
{
    return share(CACHE_UFFD);
}

// test: four threads with SIGBUS
// mode: uffd
// cpus: 4
// expect: rax == 0
long test_threads_sigbus(void)
{
    return share(CACHE_UFFD_SIGBUS);
}

// test: four threads with forwarded faults
// cpus: 4
// expect: rax == 0
long test_threads_pff(void)
{
    return share(CACHE_PFF);
}

// test: four threads with upcalls
// mode: upcall
// cpus: 4
// expect: rax == 0
long test_threads_upcall(void)
{
    return share(CACHE_UPCALL);
}

// test: four threads with user faults
// mode: userfault
// cflags: -mno-red-zone
// cpus: 4
// expect: rax == 0
long test_threads_userfault(void)
{
    return share(CACHE_USERFAULT);
}

// test: four threads under a policy of the kernel
// mode: policy
// cpus: 4
// expect: rax == 0
long test_threads_policy(void)
{
    return share(CACHE_POLICY);
}

// test: four threads whose pages the hardware fills
// mode: hw
// cpus: 4
// expect: rax == 0
long test_threads_hw(void)
{
    return share(CACHE_HW);
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
