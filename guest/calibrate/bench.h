/* What the parts of the calibration program share: the clock, samples, threads on cores, userfaultfd. */
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define MOST 4096 /* samples of one measure */

typedef uint64_t u64;

/* Time-stamp counter, neither before earlier instructions have ended nor after later ones have begun. */
static inline u64 now(void)
{
    uint32_t low, high;
    __asm__ volatile("lfence\n rdtsc\n lfence" : "=a"(low), "=d"(high) : : "memory");
    return (u64)high << 32 | low;
}

/* A system call, without the C library's errno. */
static inline long call3(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

/* of a thread's partner: on its own core; on the other one; there, while neither core ever idles */
enum where { HERE, ACROSS, AWAKE };

struct settings {
    int samples;     /* of each measure in a round */
    int core, other; /* -1: there is no other core */
    int uffd;        /* userfaultfd can be used */
    int policies;    /* SCHED_BATCH and SCHED_IDLE can be used */
};
extern struct settings settings;

void sample(const char *name, int batch, u64 ticks); /* one sample of a measure: ticks of `batch` operations */
void left_out(const char *name, const char *why);
void must(int ok, const char *what);
void stay_on(int core);
int set_policy(int policy);                  /* of the calling thread; false: not permitted */
void let_sleep(enum where where);            /* give a partner the time to fall asleep */

char *map_pages(long pages);                 /* private, anonymous, never huge */
int open_uffd(u64 features);                 /* -1: not possible */
void register_pages(int fd, char *start, long pages, u64 mode);
int ioctl_page(int fd, unsigned long kind, char *page, char *source, u64 mode);
char *map_memfd(long pages, char **other);   /* the populated pages of a memfd, and a second mapping without entries */

#define TIMED(name, what)                     \
    do {                                      \
        u64 start = now();                    \
        what;                                 \
        sample(name, 1, now() - start);       \
    } while (0)

/* Operations that take turns: `open` prepares `pages` turns of all, `turn` makes turn i. */
void open_primitives(long pages);
void turn_of_primitives(long i);
void close_primitives(void);
void open_faults(enum where where, long pages);
void turn_of_faults(long i);
void close_faults(void);
void open_ping_pong(enum where where);
void turn_of_ping_pong(enum where where);
void close_ping_pong(void);
void keep_awake(void); /* both cores, until let_idle() */
void let_idle(void);

void run_busy(void);
void run_wakes(void);
void run_instructions(void);
void run_memory(void);
