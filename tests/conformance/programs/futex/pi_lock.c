/* FUTEX_LOCK_PI and its relatives by hand: what the word holds, who may do what, deadlocks, clocks, mixed use. */
#include "conform.h"
#include <linux/futex.h>
#include <pthread.h>
#include <time.h>
#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

#define FUTEX(word, operation, ...) SHOW(syscall(SYS_futex, word, operation, ##__VA_ARGS__))

static unsigned lock, second, plain;
static volatile int main_tid, other_tid, stage;

static void show_word(const char *when, unsigned word)
{
    unsigned tid = word & FUTEX_TID_MASK;
    const char *owner = tid == main_tid ? "main" : tid == other_tid ? "other" : tid ? "unknown" : "nobody";
    printf("%s: %s%s%s\n", when, owner, word & FUTEX_WAITERS ? " WAITERS" : "", word & FUTEX_OWNER_DIED ? " DIED" : "");
}

static void until(int wanted)
{
    while (stage != wanted)
        usleep(1000);
}

static void *owner(void *unused)
{
    other_tid = gettid();
    FUTEX(&lock, FUTEX_LOCK_PI_PRIVATE, 0, 0);
    show_word("locked by other", lock);
    stage = 1;
    until(2);
    usleep(30000);
    show_word("main waits", lock);
    FUTEX(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0);
    FUTEX(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0);
    stage = 3;
    until(4);
    FUTEX(&second, FUTEX_LOCK_PI_PRIVATE, 0, 0);
    stage = 5;
    long result = syscall(SYS_futex, &lock, FUTEX_LOCK_PI_PRIVATE, 0, 0);
    show_word("other got it", lock);
    printf("result %ld\n", result);
    FUTEX(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0);
    FUTEX(&second, FUTEX_UNLOCK_PI_PRIVATE, 0, 0);
    stage = 6;
    until(7);
    printf("woken %ld\n", syscall(SYS_futex, &plain, FUTEX_WAIT_PRIVATE, 5, 0));
    return NULL;
}

static struct timespec in(int clock, int milliseconds)
{
    struct timespec when;
    clock_gettime(clock, &when);
    when.tv_nsec += milliseconds * 1000000L;
    when.tv_sec += when.tv_nsec / 1000000000;
    when.tv_nsec %= 1000000000;
    return when;
}

int main(void)
{
    pthread_t thread;
    setvbuf(stdout, NULL, _IOLBF, 0);
    main_tid = gettid();
    FUTEX(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0);
    FUTEX(&lock, FUTEX_LOCK_PI_PRIVATE, 0, 0);
    show_word("free", lock);
    FUTEX(&lock, FUTEX_LOCK_PI_PRIVATE, 0, 0);
    FUTEX(&lock, FUTEX_LOCK_PI2 | FUTEX_PRIVATE_FLAG, 0, 0);
    FUTEX(&lock, FUTEX_TRYLOCK_PI_PRIVATE, 0, 0);
    FUTEX(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0);
    show_word("unlocked", lock);
    lock = FUTEX_OWNER_DIED;
    FUTEX(&lock, FUTEX_TRYLOCK_PI_PRIVATE, 0, 0);
    show_word("of a dead owner", lock);
    FUTEX(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0);
    show_word("unlocked", lock);
    lock = FUTEX_WAITERS;
    FUTEX(&lock, FUTEX_LOCK_PI_PRIVATE, 0, 0);
    show_word("waiters, but no owner", lock);
    lock = FUTEX_WAITERS | main_tid;
    FUTEX(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0);
    show_word("waiters that are none", lock);
    lock = 0x3ffffff0;
    FUTEX(&lock, FUTEX_LOCK_PI_PRIVATE, 0, 0);
    show_word("an owner that is none", lock);
    FUTEX(&lock, FUTEX_TRYLOCK_PI_PRIVATE, 0, 0);
    FUTEX(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0);
    FUTEX(&lock, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, 0);
    FUTEX(&lock, FUTEX_TRYLOCK_PI | FUTEX_CLOCK_REALTIME, 0, 0);
    FUTEX(&lock, FUTEX_UNLOCK_PI | FUTEX_CLOCK_REALTIME, 0, 0);
    lock = 0;

    puts("contended");
    MUST(pthread_create(&thread, NULL, owner, NULL));
    until(1);
    FUTEX(&lock, FUTEX_TRYLOCK_PI_PRIVATE, 0, 0);
    show_word("tried", lock);
    FUTEX(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0);
    struct timespec past = {1, 0}, bad = {1, 1000000000}, negative = {-1, 0}, soon = in(CLOCK_REALTIME, 10);
    FUTEX(&lock, FUTEX_LOCK_PI_PRIVATE, 0, &bad);
    FUTEX(&lock, FUTEX_LOCK_PI_PRIVATE, 0, &negative);
    FUTEX(&lock, FUTEX_LOCK_PI_PRIVATE, 0, &past);
    FUTEX(&lock, FUTEX_LOCK_PI_PRIVATE, 0, &soon);
    soon = in(CLOCK_MONOTONIC, 10);
    FUTEX(&lock, FUTEX_LOCK_PI_PRIVATE, 0, &soon);
    FUTEX(&lock, FUTEX_LOCK_PI2 | FUTEX_PRIVATE_FLAG, 0, &soon);
    soon = in(CLOCK_REALTIME, 10);
    FUTEX(&lock, FUTEX_LOCK_PI2 | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME, 0, &soon);
    FUTEX(&lock, FUTEX_WAKE_PRIVATE, 1);
    show_word("timed out", lock);
    stage = 2;
    long result = syscall(SYS_futex, &lock, FUTEX_LOCK_PI_PRIVATE, 0, 0);
    until(3);
    printf("result %ld\n", result);
    show_word("handed over", lock);

    puts("deadlock of two");
    stage = 4;
    until(5);
    usleep(30000);
    FUTEX(&second, FUTEX_LOCK_PI_PRIVATE, 0, 0);
    show_word("second", second);
    FUTEX(&second, FUTEX_TRYLOCK_PI_PRIVATE, 0, 0);

    puts("other operations where a thread waits for a lock");
    FUTEX(&lock, FUTEX_WAKE_PRIVATE, 1);
    FUTEX(&lock, FUTEX_WAKE_BITSET_PRIVATE, 1, 0, 0, 2);
    FUTEX(&lock, FUTEX_REQUEUE_PRIVATE, 1, 1, &plain);
    FUTEX(&lock, FUTEX_REQUEUE_PRIVATE, 0, 1, &plain);
    FUTEX(&lock, FUTEX_REQUEUE_PRIVATE, 0, 0, &plain);
    FUTEX(&lock, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, 1, &plain, lock);
    FUTEX(&lock, FUTEX_WAKE, 1);
    unsigned word = lock;
    lock = 0x3ffffff0;
    FUTEX(&lock, FUTEX_LOCK_PI_PRIVATE, 0, 0);
    lock = 0;
    FUTEX(&lock, FUTEX_TRYLOCK_PI_PRIVATE, 0, 0);
    lock = other_tid;
    FUTEX(&lock, FUTEX_LOCK_PI_PRIVATE, 0, 0);
    FUTEX(&lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0);
    lock = word;
    result = syscall(SYS_futex, &lock, FUTEX_UNLOCK_PI_PRIVATE, 0, 0);
    until(6);
    printf("unlocked %ld\n", result);

    puts("a plain waiter");
    plain = 5;
    stage = 7;
    usleep(30000);
    FUTEX(&plain, FUTEX_LOCK_PI_PRIVATE, 0, 0);
    plain = main_tid;
    FUTEX(&plain, FUTEX_UNLOCK_PI_PRIVATE, 0, 0);
    plain = 0;
    FUTEX(&plain, FUTEX_TRYLOCK_PI_PRIVATE, 0, 0);
    result = syscall(SYS_futex, &plain, FUTEX_WAKE_PRIVATE, 1);
    pthread_join(thread, NULL);
    printf("woke %ld\n", result);
}
