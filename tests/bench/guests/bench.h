/* What the benchmark's guests share. The measured part lies between the functions begin and finish, where the emulator is
   stopped; elsewhere the guest itself prints the processor time between them, in nanoseconds. */
#ifndef BENCH_H
#define BENCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

__attribute__((noinline, used)) void begin(void) { __asm__ volatile("" ::: "memory"); }
__attribute__((noinline, used)) void finish(void) { __asm__ volatile("" ::: "memory"); }

#ifdef __cplusplus
}
#endif

static long nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000L + now.tv_nsec;
}

/* Run `work` between the marks and print its result, which keeps the compiler from dropping it, and its time. */
static inline int measure(unsigned long (*work)(long), long argument)
{
    long since = nanoseconds();
    begin();
    unsigned long result = work(argument);
    finish();
    printf("%lu %ld\n", result, nanoseconds() - since);
    return 0;
}

/* A heap of `bytes` that stays resident: the measured part takes no page fault and makes no system call. */
static inline void keep_heap(size_t bytes)
{
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    void *heap = malloc(bytes);
    memset(heap, 1, bytes);
    __asm__ volatile("" ::"r"(heap) : "memory");
    free(heap);
}

static inline uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return *state >> 24;
}

static inline long argument(int count, char **values, int index, long otherwise)
{
    return index < count ? atol(values[index]) : otherwise;
}

#endif
