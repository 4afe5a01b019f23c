/* Tokens go round among threads that change their policies and cores all the time: none is lost, whoever waits for whom.
 * needs: root */
#include "conform.h"
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <time.h>

enum { THREADS = 6, TOKENS = 3, PASSES = 400 };

static sem_t turn[THREADS], done;
static _Atomic int left = TOKENS * PASSES;
static int passes[THREADS];

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 16;
}

static void act(unsigned *seed)
{
    static const int policies[] = {SCHED_OTHER, SCHED_BATCH, SCHED_IDLE};
    struct sched_param none = {0};
    struct timespec little = {0, 1000};
    cpu_set_t set;
    switch (next(seed) % 6) {
    case 0:
    case 1:
        MUST(syscall(SYS_sched_setscheduler, 0, policies[next(seed) % 3], &none));
        break;
    case 2:
        CPU_ZERO(&set);
        CPU_SET(next(seed) % 2, &set);
        MUST(sched_setaffinity(0, sizeof set, &set));
        break;
    case 3:
        sched_yield();
        break;
    case 4:
        nanosleep(&little, NULL);
        break;
    default:
        for (volatile unsigned i = next(seed) % 3000; i; i--)
            ;
    }
}

static void *pass(void *number)
{
    long self = (long)number;
    unsigned seed = self * 7919 + 1;
    for (;;) {
        while (sem_wait(&turn[self]))
            ;
        if (left <= 0)
            return NULL;
        act(&seed);
        passes[self]++;
        if (--left <= 0)
            sem_post(&done);
        sem_post(&turn[(self + 1 + next(&seed) % (THREADS - 1)) % THREADS]);
    }
}

int main(void)
{
    pthread_t threads[THREADS];
    sem_init(&done, 0, 0);
    for (int i = 0; i < THREADS; i++)
        sem_init(&turn[i], 0, i < TOKENS);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, pass, (void *)i);
    while (sem_wait(&done))
        ;
    int sum = 0;
    for (int i = 0; i < THREADS; i++) {
        sem_post(&turn[i]);
        sem_post(&turn[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum += passes[i];
    }
    printf("every pass was made: %s\n", sum >= TOKENS * PASSES && sum < TOKENS * PASSES + TOKENS ? "yes" : "no");
    return 0;
}
