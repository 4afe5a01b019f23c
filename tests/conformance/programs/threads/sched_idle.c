/* A thread of SCHED_IDLE has its core while no other thread wants it. */
#include "conform.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>

static volatile unsigned long turns;
static volatile int over;
static _Atomic int word, woken;

static void stay_on(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    MUST(sched_setaffinity(0, sizeof set, &set));
}

static long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

static void *idle(void *unused)
{
    struct sched_param none = {0};
    stay_on(0);
    SHOW(syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &none));
    while (!over)
        turns++;
    return NULL;
}

static void *sleeper(void *unused)
{
    stay_on(0);
    for (int i = 1; i <= 20; i++) {
        while (word < i)
            syscall(SYS_futex, &word, FUTEX_WAIT, i - 1, NULL, NULL, 0);
        woken = i;
    }
    return NULL;
}

static void spin(long ns)
{
    for (long start = now(); now() - start < ns;)
        ;
}

int main(void)
{
    pthread_t thread, second;
    stay_on(0);
    pthread_create(&thread, NULL, idle, NULL);
    while (!turns)
        sched_yield();

    unsigned long before = turns;
    volatile unsigned long mine = 0;
    while (mine < 5000000)
        mine++;
    printf("beside a thread that spins: %s\n", (turns - before) * 4 < mine ? "almost nothing" : "a part of the core");

    stay_on(1);
    pthread_create(&second, NULL, sleeper, NULL);
    long least = 1000000000;
    for (int i = 1; i <= 20; i++) {
        spin(200000);
        before = now();
        word = i;
        syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
        while (woken < i)
            ;
        least = now() - before < least ? now() - before : least;
    }
    printf("a thread that is woken runs %s\n", least < 300000 ? "at once" : "later");
    pthread_join(second, NULL);

    before = turns;
    while (turns == before)
        usleep(1000);
    printf("the other one runs again\n");
    over = 1;
    pthread_join(thread, NULL);

    /* a thread that waits for it in a loop lets it run in the end */
    over = 0;
    stay_on(0);
    pthread_create(&thread, NULL, idle, NULL);
    before = turns;
    while (turns == before)
        ;
    over = 1;
    pthread_join(thread, NULL);
    printf("it is not starved\n");
    return 0;
}
