/* Measures what system calls, faults, signals, wake-ups, instructions and memory accesses take.
 *
 *   calibrate SAMPLES ROUNDS GROUP...
 *
 * GROUP: primitives, composites, hardware. Each round measures all of them, so that all see the same conditions. Output, one line each: "tsc HZ"; "sample NAME BATCH TICKS..." (ticks for BATCH operations);
 * "left-out NAME REASON". The same program runs on the host and in pffemu, where the counter is virtual time. */
#include "bench.h"

#define MEASURES 96

struct settings settings;
static struct measure {
    const char *name;
    int batch, taken;
    u64 ticks[MOST];
} measures[MEASURES];

void sample(const char *name, int batch, u64 ticks)
{
    struct measure *at = measures;
    while (at->name != NULL && strcmp(at->name, name))
        at++;
    must(at < measures + MEASURES - 1, "too many measures");
    at->name = name;
    at->batch = batch;
    if (at->taken < MOST)
        at->ticks[at->taken++] = ticks;
}

/* prints what was sampled since the last time */
static void print_samples(void)
{
    for (struct measure *at = measures; at->name != NULL; at++) {
        if (!at->taken)
            continue;
        printf("sample %s %d", at->name, at->batch);
        for (int i = 0; i < at->taken; i++)
            printf(" %lu", (unsigned long)at->ticks[i]);
        printf("\n");
        at->taken = 0;
    }
}

void left_out(const char *name, const char *why)
{
    printf("left-out %s %s\n", name, why);
}

void must(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        exit(3);
    }
}

void stay_on(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    must(sched_setaffinity(0, sizeof set, &set) == 0, "sched_setaffinity");
}

/* not the C library's, which may be a stub (musl) */
int set_policy(int policy)
{
    struct sched_param none = {0};
    return syscall(SYS_sched_setscheduler, 0, policy, &none) == 0;
}

char *map_pages(long pages)
{
    char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    must(at != MAP_FAILED, "mmap");
    madvise(at, pages * PAGE, MADV_NOHUGEPAGE);
    return at;
}

char *map_memfd(long pages, char **other)
{
    int fd = syscall(SYS_memfd_create, "pages", 0);
    must(fd >= 0 && ftruncate(fd, pages * PAGE) == 0, "memfd_create");
    char *at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    *other = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    must(at != MAP_FAILED && *other != MAP_FAILED, "mmap");
    for (long i = 0; i < pages; i++)
        at[i * PAGE] = 1;
    close(fd);
    return at;
}

int open_uffd(u64 features)
{
    int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (fd < 0)
        fd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    if (fd < 0)
        return -1;
    struct uffdio_api api = {.api = UFFD_API, .features = features};
    if (ioctl(fd, UFFDIO_API, &api)) {
        close(fd);
        return -1;
    }
    return fd;
}

void register_pages(int fd, char *start, long pages, u64 mode)
{
    struct uffdio_register area = {.range = {(u64)start, pages * PAGE}, .mode = mode};
    must(ioctl(fd, UFFDIO_REGISTER, &area) == 0, "UFFDIO_REGISTER");
}

int ioctl_page(int fd, unsigned long kind, char *page, char *source, u64 mode)
{
    if (kind == UFFDIO_COPY) {
        struct uffdio_copy copy = {.dst = (u64)page, .src = (u64)source, .len = PAGE, .mode = mode};
        return call3(SYS_ioctl, fd, kind, (long)&copy);
    }
    if (kind == UFFDIO_ZEROPAGE) {
        struct uffdio_zeropage zero = {.range = {(u64)page, PAGE}, .mode = mode};
        return call3(SYS_ioctl, fd, kind, (long)&zero);
    }
    if (kind == UFFDIO_CONTINUE) {
        struct uffdio_continue more = {.range = {(u64)page, PAGE}, .mode = mode};
        return call3(SYS_ioctl, fd, kind, (long)&more);
    }
    struct uffdio_writeprotect protect = {.range = {(u64)page, PAGE}, .mode = mode};
    return call3(SYS_ioctl, fd, UFFDIO_WRITEPROTECT, (long)&protect);
}

void let_sleep(enum where where)
{
    if (where == HERE)
        sched_yield();
    else
        for (u64 start = now(); now() - start < 20000;)
            ;
}

static u64 frequency(void)
{
    struct timespec from, to;
    u64 ns, ticks;
    clock_gettime(CLOCK_MONOTONIC, &from);
    u64 start = now();
    do {
        clock_gettime(CLOCK_MONOTONIC, &to);
        ticks = now() - start;
        ns = (to.tv_sec - from.tv_sec) * 1000000000L + to.tv_nsec - from.tv_nsec;
    } while (ns < 200000ULL * settings.samples);
    return ticks * 1000000000.0 / ns;
}

static void choose_cores(void)
{
    cpu_set_t set;
    must(sched_getaffinity(0, sizeof set, &set) == 0, "sched_getaffinity");
    settings.core = settings.other = -1;
    for (int core = 0; core < CPU_SETSIZE; core++)
        if (CPU_ISSET(core, &set)) {
            if (settings.core < 0)
                settings.core = core;
            else if (settings.other < 0)
                settings.other = core;
        }
    stay_on(settings.core);
}

/* The operations of both kinds take turns, one of each at a time. A loop over one operation would measure it with caches
 * and branch predictors of its own. On one core a woken thread waits for its turn: whether it would take the core at once
 * differs from one time to the next. */
static void take_turns(enum where where, int primitives, int composites)
{
    long pages = settings.samples;
    set_policy(where == HERE ? SCHED_BATCH : SCHED_OTHER);
    if (where == HERE && primitives)
        open_primitives(pages);
    if (primitives)
        open_ping_pong(where);
    if (composites)
        open_faults(where, pages);
    for (long i = 0; i < pages; i++) {
        if (where == HERE && primitives)
            turn_of_primitives(i);
        if (primitives)
            turn_of_ping_pong(where);
        if (composites)
            turn_of_faults(i);
    }
    if (composites)
        close_faults();
    if (primitives)
        close_ping_pong();
    if (where == HERE && primitives)
        close_primitives();
}

static int has(int argc, char **argv, const char *group)
{
    for (int i = 3; i < argc; i++)
        if (!strcmp(argv[i], group))
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    must(argc > 3, "usage: calibrate SAMPLES ROUNDS GROUP...");
    settings.samples = atoi(argv[1]);
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    choose_cores();
    int fd = open_uffd(0), primitives = has(argc, argv, "primitives"), composites = has(argc, argv, "composites");
    settings.uffd = fd >= 0;
    close(fd);
    settings.policies = set_policy(SCHED_BATCH);
    if (!settings.policies)
        left_out("awake", "SCHED_BATCH is not permitted here");
    if (!settings.uffd)
        left_out("userfaultfd", "not permitted here: see /proc/sys/vm/unprivileged_userfaultfd");
    if (settings.other < 0)
        left_out("across", "one core only");
    printf("tsc %lu\n", (unsigned long)frequency());
    for (int round = 0; round < atoi(argv[2]); round++) {
        take_turns(HERE, primitives, composites);
        if (settings.other >= 0) {
            take_turns(ACROSS, primitives, composites);
            if (primitives)
                run_wakes();
            if (settings.policies) {
                keep_awake();
                take_turns(AWAKE, primitives, composites);
                if (composites)
                    run_busy();
                let_idle();
            }
        }
        if (has(argc, argv, "hardware")) {
            run_instructions();
            run_memory();
        }
        print_samples();
    }
    return 0;
}
