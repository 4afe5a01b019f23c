/* PTHREAD_PRIO_INHERIT mutexes of glibc: contended, timed, signals, condition variables, kinds, robust, between processes. */
#include "conform.h"
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

static pthread_mutex_t *mutex;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int counted, go;
static volatile int stage;

static void make(int kind, int robust, int shared)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    pthread_mutexattr_settype(&attributes, kind);
    pthread_mutexattr_setrobust(&attributes, robust);
    pthread_mutexattr_setpshared(&attributes, shared);
    printf("init %s\n", strerror(pthread_mutex_init(mutex, &attributes)));
}

static void *count(void *unused)
{
    pthread_mutex_lock(mutex);
    while (!go)
        pthread_cond_wait(&condition, mutex);
    pthread_mutex_unlock(mutex);
    for (int i = 0; i < 300; i++) {
        pthread_mutex_lock(mutex);
        counted++;
        pthread_mutex_unlock(mutex);
    }
    return NULL;
}

static void *timed(void *unused)
{
    struct timespec when;
    clock_gettime(CLOCK_REALTIME, &when);
    when.tv_nsec = (when.tv_nsec + 5000000) % 1000000000;
    when.tv_sec += when.tv_nsec < 5000000;
    printf("timed %s\n", strerror(pthread_mutex_timedlock(mutex, &when)));
    clock_gettime(CLOCK_MONOTONIC, &when);
    printf("clock %s\n", strerror(pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &when)));
    printf("try %s\n", strerror(pthread_mutex_trylock(mutex)));
    printf("unlock %s\n", strerror(pthread_mutex_unlock(mutex)));
    return NULL;
}

static void on_signal(int number) { stage = 2; }

static void *interrupted(void *unused)
{
    stage = 1;
    int result = pthread_mutex_lock(mutex);
    printf("lock %s, handler ran %d\n", strerror(result), stage == 2);
    pthread_mutex_unlock(mutex);
    return NULL;
}

static void *end_owning(void *unused)
{
    pthread_mutex_lock(mutex);
    stage = 1;
    usleep(50000);
    return NULL;
}

static void show_owner_dead(void)
{
    int result = pthread_mutex_lock(mutex);
    printf("lock %s\n", strerror(result));
    if (result == EOWNERDEAD) {
        printf("consistent %s\n", strerror(pthread_mutex_consistent(mutex)));
        printf("unlock %s\n", strerror(pthread_mutex_unlock(mutex)));
        printf("lock %s\n", strerror(pthread_mutex_lock(mutex)));
    }
    printf("unlock %s\n", strerror(pthread_mutex_unlock(mutex)));
}

int main(void)
{
    pthread_t threads[4];
    mutex = MUST(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    make(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, count, NULL);
    usleep(20000);
    pthread_mutex_lock(mutex);
    go = 1;
    pthread_cond_broadcast(&condition);
    pthread_mutex_unlock(mutex);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    printf("counted %d\n", counted);

    for (int kind = PTHREAD_MUTEX_NORMAL; kind <= PTHREAD_MUTEX_ERRORCHECK; kind++) {
        make(kind, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
        pthread_mutex_lock(mutex);
        if (kind != PTHREAD_MUTEX_NORMAL)
            printf("again %s\n", strerror(pthread_mutex_lock(mutex)));
        printf("try %s\n", strerror(pthread_mutex_trylock(mutex)));
        pthread_create(&threads[0], NULL, timed, NULL);
        pthread_join(threads[0], NULL);
        while (pthread_mutex_unlock(mutex) == 0 && kind == PTHREAD_MUTEX_RECURSIVE)
            ;
    }

    struct sigaction action = {.sa_handler = on_signal};
    MUST(sigaction(SIGUSR1, &action, NULL));
    make(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
    pthread_mutex_lock(mutex);
    pthread_create(&threads[0], NULL, interrupted, NULL);
    while (stage != 1)
        usleep(1000);
    usleep(20000);
    pthread_kill(threads[0], SIGUSR1);
    usleep(20000);
    pthread_mutex_unlock(mutex);
    pthread_join(threads[0], NULL);

    for (int waiting = 0; waiting < 2; waiting++) {
        make(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE);
        stage = 0;
        pthread_create(&threads[0], NULL, end_owning, NULL);
        while (stage != 1)
            usleep(1000);
        if (!waiting)
            pthread_join(threads[0], NULL);
        show_owner_dead();
        if (waiting)
            pthread_join(threads[0], NULL);
    }

    for (int robust = PTHREAD_MUTEX_STALLED; robust <= PTHREAD_MUTEX_ROBUST; robust++) {
        make(PTHREAD_MUTEX_NORMAL, robust, PTHREAD_PROCESS_SHARED);
        pthread_mutex_lock(mutex);
        fflush(stdout);
        if (fork() == 0) {
            pthread_mutex_lock(mutex);
            if (!robust)
                pthread_mutex_unlock(mutex);
            _exit(7);
        }
        usleep(50000);
        pthread_mutex_unlock(mutex);
        usleep(1000);
        show_owner_dead();
        wait(NULL);
    }
}
