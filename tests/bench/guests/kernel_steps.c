/* Steps of the host's kernel that the default profile has from a measurement: kernel_steps FOLDER ROUNDS. FOLDER is on a file
   system with a page cache and a disk below it. The steps of a group take turns; one line a step, "GROUP STEP NS": the lower
   quartile of the rounds' medians. Where a step is a batch of pages, it is what one page more takes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define TURNS 24
#define FEW 16          /* pages of a small batch */
#define MANY 48         /* of a large one */
#define ROUNDS 64       /* at most */

enum { NULL_CALL, READ_FAULT, PROTECT, CUT, JOIN, SPLIT, MERGE, ALLOW, FORBID, NULL_CALL_2, READ_FAULT_2, DIRECT_READ,
       COLD, PAGEOUT = COLD + 2, DROP = PAGEOUT + 2, DISCARD = DROP + 2, WRITE = DISCARD + 2, STEPS = WRITE + 2 };
static const char *const names[STEPS] = {
    "areas null-call", "areas read-fault",
    "areas protect",                    /* an area that has the page alone */
    "areas cut", "areas join",          /* a page at an area's edge: an area more, an area less */
    "areas split", "areas merge",       /* one in its middle: two more, two less */
    "areas allow", "areas forbid",      /* as protect, of a page that is in memory: without a flush, with one */
    "pages null-call", "pages read-fault",
    "pages direct-read",                /* a page past the page cache */
    "pages cold", "", "pages pageout", "", /* mapped pages of the file: made inactive, evicted */
    "pages drop", "",                   /* pages of the file that no process has mapped */
    "pages discard", "",                /* private pages */
    "pages write", "",                  /* dirty pages of the file, side by side: one request, not waited for */
};
static double samples[STEPS][TURNS], rounds[STEPS][ROUNDS];
static volatile char sink;

static inline uint64_t now(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence\n rdtsc\n lfence" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

#define TIMED(step, turn, what)                  \
    do {                                         \
        uint64_t start = now();                  \
        what;                                    \
        samples[step][turn] = now() - start;     \
    } while (0)

static void must(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(1);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double at(double *values, int count, int part)
{
    qsort(values, count, sizeof *values, compare);
    return values[count / part];
}

static double ticks_a_nanosecond(void)
{
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    uint64_t start = now();
    long passed;
    do {
        clock_gettime(CLOCK_MONOTONIC, &to);
        passed = (to.tv_sec - from.tv_sec) * 1000000000L + to.tv_nsec - from.tv_nsec;
    } while (passed < 50000000);
    return (double)(now() - start) / passed;
}

/* private pages between two holes, so that no other area joins theirs */
static char *memory(long pages, int rights)
{
    char *start = mmap(0, (pages + 2) * PAGE, rights, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    must(start != MAP_FAILED, "mmap");
    munmap(start, PAGE);
    munmap(start + (pages + 1) * PAGE, PAGE);
    madvise(start + PAGE, pages * PAGE, MADV_NOHUGEPAGE);
    return start + PAGE;
}

/* `pages` of the file, every one in memory and in the page table, none in a folio with others */
static char *cached(int file, long pages)
{
    char *start = mmap(0, pages * PAGE, PROT_READ, MAP_SHARED, file, 0);
    must(start != MAP_FAILED, "mmap of the file");
    must(madvise(start, pages * PAGE, MADV_RANDOM) == 0, "MADV_RANDOM");
    for (long i = 0; i < pages; i++)
        sink = start[i * PAGE];
    return start;
}

static void areas(void)
{
    char *readable = memory(2 * TURNS, PROT_READ), *own = memory(5, PROT_EXEC), *edge = memory(4, PROT_NONE);
    char *split = memory(2 * TURNS + 2, PROT_NONE);
    must(mprotect(own + PAGE, PAGE, PROT_READ) == 0, "mprotect");
    must(mprotect(own + 3 * PAGE, PAGE, PROT_READ) == 0, "mprotect");
    for (long i = 0; i < TURNS; i++) {
        TIMED(NULL_CALL, i, syscall(SYS_getppid));
        TIMED(READ_FAULT, i, sink = readable[i * PAGE]);
        TIMED(PROTECT, i, mprotect(own + PAGE, PAGE, i & 1 ? PROT_READ : PROT_READ | PROT_WRITE));
        TIMED(CUT, i, mprotect(edge, PAGE, PROT_READ));
        TIMED(JOIN, i, mprotect(edge, PAGE, PROT_NONE));
        sink = own[3 * PAGE];
        TIMED(FORBID, i, mprotect(own + 3 * PAGE, PAGE, PROT_NONE));
        TIMED(ALLOW, i, mprotect(own + 3 * PAGE, PAGE, PROT_READ));
        TIMED(SPLIT, i, mprotect(split + (2 * i + 1) * PAGE, PAGE, PROT_READ));
    }
    for (long i = 0; i < TURNS; i++) {
        sink = readable[(TURNS + i) * PAGE];
        syscall(SYS_getppid);
        TIMED(MERGE, i, mprotect(split + (2 * i + 1) * PAGE, PAGE, PROT_NONE));
    }
    munmap(readable, 2 * TURNS * PAGE);
    munmap(own, 5 * PAGE);
    munmap(edge, 4 * PAGE);
    munmap(split, (2 * TURNS + 2) * PAGE);
}

static void pages(int file, int direct, void *buffer)
{
    long each = TURNS * (FEW + MANY);
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    char *cold = cached(file, 3 * each), *out = cold + each * PAGE;
    munmap(cold + 2 * each * PAGE, each * PAGE);
    char *readable = memory(TURNS, PROT_READ), *discarded = memory(each, PROT_READ | PROT_WRITE);
    memset(discarded, 1, each * PAGE);
    for (long i = 0; i < TURNS; i++) {
        long few = i * (FEW + MANY) * PAGE, many = few + FEW * PAGE, unmapped = 2 * each * PAGE, dirty = 3 * each * PAGE;
        for (long page = 0; page < FEW + MANY; page++)
            must(pwrite(file, buffer, PAGE, dirty + few + page * PAGE) == PAGE, "pwrite");
        TIMED(NULL_CALL_2, i, syscall(SYS_getppid));
        TIMED(READ_FAULT_2, i, sink = readable[i * PAGE]);
        if (direct >= 0)
            TIMED(DIRECT_READ, i, must(pread(direct, buffer, PAGE, i * PAGE) == PAGE, "pread past the page cache"));
        TIMED(COLD, i, madvise(cold + few, FEW * PAGE, MADV_COLD));
        TIMED(COLD + 1, i, madvise(cold + many, MANY * PAGE, MADV_COLD));
        TIMED(PAGEOUT, i, madvise(out + few, FEW * PAGE, MADV_PAGEOUT));
        TIMED(PAGEOUT + 1, i, madvise(out + many, MANY * PAGE, MADV_PAGEOUT));
        TIMED(DROP, i, posix_fadvise(file, unmapped + few, FEW * PAGE, POSIX_FADV_DONTNEED));
        TIMED(DROP + 1, i, posix_fadvise(file, unmapped + many, MANY * PAGE, POSIX_FADV_DONTNEED));
        TIMED(DISCARD, i, madvise(discarded + few, FEW * PAGE, MADV_DONTNEED));
        TIMED(DISCARD + 1, i, madvise(discarded + many, MANY * PAGE, MADV_DONTNEED));
    }
    for (long i = 0; i < TURNS; i++) {
        long few = i * (FEW + MANY) * PAGE;
        TIMED(WRITE, i, sync_file_range(file, 3 * each * PAGE + few, FEW * PAGE, SYNC_FILE_RANGE_WRITE));
        TIMED(WRITE + 1, i, sync_file_range(file, 3 * each * PAGE + few + FEW * PAGE, MANY * PAGE, SYNC_FILE_RANGE_WRITE));
    }
    must(fsync(file) == 0, "fsync");
    unsigned char in_memory[TURNS * (FEW + MANY)];
    must(mincore(out, each * PAGE, in_memory) == 0, "mincore");
    for (long i = 0; i < each; i++)
        if (in_memory[i] & 1) {
            fprintf(stderr, "MADV_PAGEOUT: the file system of FOLDER keeps its pages\n");
            exit(1);
        }
    munmap(cold, 2 * each * PAGE);
    munmap(readable, TURNS * PAGE);
    munmap(discarded, each * PAGE);
}

int main(int count, char **values)
{
    must(count > 2 && atoi(values[2]) <= ROUNDS, "usage: kernel_steps FOLDER ROUNDS");
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(sched_getcpu(), &cores);
    sched_setaffinity(0, sizeof cores, &cores);
    double scale = ticks_a_nanosecond();
    must(chdir(values[1]) == 0, values[1]);
    long bytes = 4 * TURNS * (FEW + MANY) * PAGE;
    int file = open("kernel_steps.pages", O_RDWR | O_CREAT | O_TRUNC, 0600);
    int direct = open("kernel_steps.pages", O_RDONLY | O_DIRECT);
    unlink("kernel_steps.pages");
    char *content = calloc(1, bytes), *buffer = aligned_alloc(PAGE, PAGE);
    must(file >= 0 && write(file, content, bytes) == bytes && fsync(file) == 0, "a file in FOLDER");
    for (int round = 0; round < atoi(values[2]); round++) {
        areas();
        pages(file, direct, buffer);
        for (int step = 0; step < STEPS; step++)
            rounds[step][round] = at(samples[step], TURNS, 2);
        for (int step = COLD; step < STEPS; step += 2)
            rounds[step][round] = (rounds[step + 1][round] - rounds[step][round]) / (MANY - FEW);
    }
    for (int step = 0; step < STEPS; step++)
        if (*names[step] && (step != DIRECT_READ || direct >= 0))
            printf("%s %.1f\n", names[step], at(rounds[step], atoi(values[2]), 4) / scale);
    return 0;
}
