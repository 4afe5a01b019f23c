/* Two threads: futex ping-pong, cores that never idle, a TLB shootdown, a cache line that moves. */
#include "bench.h"

static _Atomic uint32_t ball, bounce;
static _Atomic int stop, ready;
static pthread_t thread;
static const char *const ping_pongs[] = {"ping-pong-same", "ping-pong-other", "ping-pong-awake"};

static void futex_wait(uint32_t value)
{
    syscall(SYS_futex, &ball, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static void futex_wake(void)
{
    call3(SYS_futex, (long)&ball, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
}

/* ball: 1 is here, 0 is at the first thread, 2 ends */
static void *partner(void *core)
{
    stay_on((int)(long)core);
    while (ball != 2) {
        while (ball == 0)
            futex_wait(0);
        if (ball == 1) {
            ball = 0;
            futex_wake();
        }
    }
    return NULL;
}

static void ping_pong(void)
{
    ball = 1;
    futex_wake();
    while (ball == 1)
        futex_wait(1);
}

void open_ping_pong(enum where where)
{
    long core = where == HERE ? settings.core : settings.other;
    ball = 0;
    must(pthread_create(&thread, NULL, partner, (void *)core) == 0, "pthread_create");
    ping_pong();
}

void turn_of_ping_pong(enum where where)
{
    let_sleep(where);
    TIMED(ping_pongs[where], ping_pong());
}

void close_ping_pong(void)
{
    ball = 2;
    futex_wake();
    pthread_join(thread, NULL);
}

static _Atomic int kept;
static pthread_t keepers[2];

/* every other thread takes the core from it at once */
static void *keeper(void *core)
{
    stay_on((int)(long)core);
    must(set_policy(SCHED_IDLE), "SCHED_IDLE");
    while (kept)
        __asm__ volatile("pause");
    return NULL;
}

void keep_awake(void)
{
    const long cores[] = {settings.core, settings.other};
    kept = 1;
    for (int i = 0; i < 2; i++)
        must(pthread_create(&keepers[i], NULL, keeper, (void *)cores[i]) == 0, "pthread_create");
}

void let_idle(void)
{
    kept = 0;
    for (int i = 0; i < 2; i++)
        pthread_join(keepers[i], NULL);
}

static void *spinner(void *core)
{
    stay_on((int)(long)core);
    ready = 1;
    while (!stop)
        __asm__ volatile("pause");
    return NULL;
}

static void shootdown(void)
{
    long pages = settings.samples;
    char *at = map_pages(pages);
    memset(at, 1, pages * PAGE);
    stop = ready = 0;
    must(pthread_create(&thread, NULL, spinner, (void *)(long)settings.other) == 0, "pthread_create");
    while (!ready)
        __asm__ volatile("pause");
    for (long i = 0; i < pages; i++)
        TIMED("madvise-shootdown", call3(SYS_madvise, (long)(at + i * PAGE), PAGE, MADV_DONTNEED));
    stop = 1;
    pthread_join(thread, NULL);
    munmap(at, pages * PAGE);
}

enum { TURNS = 64, REPEATS = 16 };

static void *bouncer(void *core)
{
    stay_on((int)(long)core);
    for (uint32_t turn = 1; turn < TURNS * REPEATS; turn += 2) {
        while (bounce != turn)
            ;
        bounce = turn + 1;
    }
    return NULL;
}

/* the fastest of some repeats: in the others, one of the two threads was not on its core all the time */
static void line(void)
{
    for (int i = 0; i < settings.samples / 8 + 1; i++) {
        u64 least = ~0UL, start = 0;
        bounce = 0;
        must(pthread_create(&thread, NULL, bouncer, (void *)(long)settings.other) == 0, "pthread_create");
        for (uint32_t turn = 1; turn < TURNS * REPEATS; turn += 2) {
            if (turn % TURNS == 1) {
                u64 end = now();
                if (turn > TURNS && end - start < least)
                    least = end - start;
                start = end;
            }
            bounce = turn;
            while (bounce != turn + 1)
                ;
        }
        sample("line-transfer", TURNS, least);
        pthread_join(thread, NULL);
    }
}

void run_wakes(void)
{
    shootdown();
    line();
}
