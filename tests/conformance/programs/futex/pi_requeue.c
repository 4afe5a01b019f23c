/* FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI: who gets the lock, who waits for it, what is refused, time, signals. */
#include "conform.h"
#include <linux/futex.h>
#include <pthread.h>
#include <time.h>

#define THREADS 4
#define FUTEX(word, operation, ...) SHOW(syscall(SYS_futex, word, operation, ##__VA_ARGS__))
#define REQUEUE(wake, move, target, value) \
    FUTEX(&condition, FUTEX_CMP_REQUEUE_PI_PRIVATE, wake, move, target, value)

static unsigned condition, lock, wrong;
static volatile int started, tids[THREADS], order[THREADS], arrived;
static volatile long results[THREADS], errors[THREADS];
static pthread_t threads[THREADS];
static struct timespec *patience;

static const char *owner_of(unsigned word)
{
    static char text[64];
    int tid = word & FUTEX_TID_MASK, i = 0;
    while (i < THREADS && tids[i] != tid)
        i++;
    snprintf(text, sizeof text, "%s%.0d%s", !tid ? "nobody" : tid == gettid() ? "self" : i < THREADS ? "thread " : "?",
             tid && tid != gettid() && i < THREADS ? i + 1 : 0, word & FUTEX_WAITERS ? " WAITERS" : "");
    return text;
}

static void *wait_for_lock(void *number)
{
    long i = (long)number;
    tids[i] = gettid();
    started++;
    results[i] = syscall(SYS_futex, &condition, FUTEX_WAIT_REQUEUE_PI_PRIVATE, condition, patience, &lock, 0);
    errors[i] = errno;
    if (patience)
        usleep(20000 * i);
    order[arrived++] = i;
    if (results[i] == 0) {
        usleep(5000);
        MUST(syscall(SYS_futex, &lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0));
    }
    return NULL;
}

/* Threads that wait, one behind the other. */
static void start(int count)
{
    arrived = 0;
    for (long i = 0; i < count; i++) {
        started = 0;
        MUST(pthread_create(&threads[i], NULL, wait_for_lock, (void *)i));
        while (!started)
            usleep(1000);
        usleep(20000);
    }
}

static void finish(int count)
{
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < count; i++)
        printf("thread %d: %s\n", order[i] + 1, results[order[i]] < 0 ? errno_name(errors[order[i]]) : "the lock");
    printf("lock: %s\n", owner_of(lock));
}

static void on_signal(int number) {}

int main(void)
{
    struct timespec past = {1, 0};
    setvbuf(stdout, NULL, _IOLBF, 0);
    FUTEX(&condition, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 1, 0, &lock);
    FUTEX(&condition, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, 0, &condition);
    FUTEX(&condition, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, &past, &lock);
    FUTEX(&condition, FUTEX_WAIT_REQUEUE_PI_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &past, &lock);
    REQUEUE(1, 1, &lock, 1);
    REQUEUE(1, 1, &lock, 0);
    REQUEUE(0, 1, &lock, 0);
    REQUEUE(2, 1, &lock, 0);
    REQUEUE(1, -1, &lock, 0);
    REQUEUE(1, 1, &condition, 0);
    printf("lock: %s\n", owner_of(lock));

    puts("the lock is free");
    start(3);
    REQUEUE(1, 9, &wrong, 0);
    FUTEX(&condition, FUTEX_WAKE_PRIVATE, 9);
    FUTEX(&condition, FUTEX_REQUEUE_PRIVATE, 1, 1, &wrong);
    FUTEX(&condition, FUTEX_CMP_REQUEUE_PRIVATE, 0, 1, &wrong, 0);
    printf("woke or moved %ld\n", syscall(SYS_futex, &condition, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, 9, &lock, 0));
    finish(3);

    puts("only the first");
    start(3);
    printf("woke or moved %ld\n", syscall(SYS_futex, &condition, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, 0, &lock, 0));
    usleep(50000);
    printf("lock: %s, arrived %d\n", owner_of(lock), arrived);
    printf("woke or moved %ld\n", syscall(SYS_futex, &condition, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, 0x7fffffff, &lock, 0));
    finish(3);

    puts("the lock is taken");
    lock = 0;
    FUTEX(&lock, FUTEX_LOCK_PI_PRIVATE, 0, 0);
    start(4);
    REQUEUE(1, 1, &lock, 0);
    printf("lock: %s\n", owner_of(lock));
    REQUEUE(1, 0, &lock, 0);
    REQUEUE(1, 9, &lock, 0);
    REQUEUE(1, 9, &lock, 0);
    FUTEX(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0);
    finish(4);

    puts("taken by nobody that lives");
    lock = 0x3ffffff0;
    start(1);
    REQUEUE(1, 9, &lock, 0);
    lock = tids[0];
    REQUEUE(1, 9, &lock, 0);
    lock = 0;
    printf("woke or moved %ld\n", syscall(SYS_futex, &condition, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, 9, &lock, 0));
    finish(1);

    puts("time passes, before and behind the move");
    struct timespec when;
    clock_gettime(CLOCK_MONOTONIC, &when);
    when.tv_nsec = (when.tv_nsec + 200000000) % 1000000000;
    when.tv_sec += when.tv_nsec < 200000000;
    patience = &when;
    lock = 0;
    FUTEX(&lock, FUTEX_LOCK_PI_PRIVATE, 0, 0);
    start(2);
    REQUEUE(1, 0, &lock, 0);
    finish(2);
    FUTEX(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0);
    patience = NULL;

    for (int moved = 0; moved < 2; moved++)
        for (int changed = 0; changed < 2; changed++) {
            printf("a signal, %s, %s\n", moved ? "moved" : "not moved", changed ? "another value" : "the same value");
            struct sigaction action = {.sa_handler = on_signal};
            MUST(sigaction(SIGUSR1, &action, NULL));
            lock = condition = 0;
            FUTEX(&lock, FUTEX_LOCK_PI_PRIVATE, 0, 0);
            start(1);
            if (moved)
                REQUEUE(1, 0, &lock, 0);
            condition = changed;
            pthread_kill(threads[0], SIGUSR1);
            usleep(50000);
            printf("arrived %d\n", arrived);
            if (!moved && !changed)
                REQUEUE(1, 0, &lock, 0);
            FUTEX(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0);
            finish(1);
        }
}
