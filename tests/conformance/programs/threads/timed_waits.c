/* Timed waits: condition variables on both clocks, mutexes, semaphores: all run out. */
#include "conform.h"
#include <pthread.h>
#include <semaphore.h>
#include <time.h>
static struct timespec in(clockid_t c, long ms)
{
    struct timespec t; clock_gettime(c, &t);
    t.tv_nsec += ms * 1000000; t.tv_sec += t.tv_nsec / 1000000000; t.tv_nsec %= 1000000000;
    return t;
}
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static void *try_it(void *a) { struct timespec t = in(CLOCK_REALTIME, 10); return (void *)(long)pthread_mutex_timedlock(&held, &t); }
int main(void)
{
    pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER; pthread_cond_t c = PTHREAD_COND_INITIALIZER, mono; pthread_condattr_t a;
    struct timespec t = in(CLOCK_REALTIME, 10), before, after;
    pthread_mutex_lock(&m);
    clock_gettime(CLOCK_MONOTONIC, &before);
    printf("cond %s\n", errno_name(pthread_cond_timedwait(&c, &m, &t)));
    clock_gettime(CLOCK_MONOTONIC, &after);
    printf("at least 9 ms %d\n", (after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec - before.tv_nsec >= 9000000);
    pthread_condattr_init(&a); pthread_condattr_setclock(&a, CLOCK_MONOTONIC); pthread_cond_init(&mono, &a);
    t = in(CLOCK_MONOTONIC, 10);
    printf("cond monotonic %s\n", errno_name(pthread_cond_timedwait(&mono, &m, &t)));
    sem_t s; sem_init(&s, 0, 0); t = in(CLOCK_REALTIME, 10);
    SHOW(sem_timedwait(&s, &t));
    pthread_mutex_lock(&held);
    pthread_t th; void *r; pthread_create(&th, 0, try_it, 0); pthread_join(th, &r);
    printf("mutex %s\n", errno_name((long)r));
    printf("trylock %s\n", errno_name(pthread_mutex_trylock(&held)));
    return 0;
}
