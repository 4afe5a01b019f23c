/* futex_waitv: arguments, values that differ, which word woke it, time, signals, a word that is named twice. */
#include "conform.h"
#include <linux/futex.h>
#include <pthread.h>
#include <time.h>

struct waiter {
    uint64_t value, word;
    uint32_t flags, reserved;
};
#define WAITV(waiters, count, flags, timeout, clock) SHOW(syscall(449, waiters, count, flags, timeout, clock))
#define WAKE(word, count) syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count)

static unsigned words[200];
static struct waiter waiters[200];
static volatile int started;
static volatile long result, result_errno;

static void fill(int count)
{
    for (int i = 0; i < count; i++)
        waiters[i] = (struct waiter){words[i], (unsigned long)&words[i], 2 | FUTEX_PRIVATE_FLAG, 0};
}

static void *wait_for_them(void *count)
{
    started = 1;
    result = syscall(449, waiters, (long)count, 0, 0, 0);
    result_errno = errno;
    return NULL;
}

static pthread_t start(long count)
{
    pthread_t thread;
    started = 0;
    MUST(pthread_create(&thread, NULL, wait_for_them, (void *)count));
    while (!started)
        usleep(1000);
    usleep(30000);
    return thread;
}

static void finish(pthread_t thread)
{
    pthread_join(thread, NULL);
    printf("result %ld%s%s\n", result, result < 0 ? " " : "", result < 0 ? errno_name(result_errno) : "");
}

static void on_signal(int number) {}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    fill(200);
    WAITV(waiters, 0, 0, 0, 0);
    WAITV(waiters, 129, 0, 0, 0);
    WAITV(NULL, 1, 0, 0, 0);
    WAITV(8, 1, 0, 0, 0);
    WAITV(waiters, 1, 1, 0, 0);
    struct timespec past = {1, 0}, bad = {1, 1000000000}, soon;
    WAITV(waiters, 1, 0, &past, CLOCK_MONOTONIC);
    WAITV(waiters, 1, 0, &past, CLOCK_REALTIME);
    WAITV(waiters, 1, 0, &past, CLOCK_BOOTTIME);
    WAITV(waiters, 1, 0, &past, -1);
    WAITV(waiters, 1, 0, &bad, CLOCK_MONOTONIC);
    WAITV(waiters, 1, 0, 8, CLOCK_MONOTONIC);
    WAITV(waiters, 128, 0, &past, CLOCK_MONOTONIC);
    waiters[1].value = 1;
    WAITV(waiters, 2, 0, 0, 0);
    waiters[1].value = 1UL << 32;
    WAITV(waiters, 2, 0, 0, 0);
    fill(2);
    for (int flags = 0; flags < 4; flags++) {
        waiters[1].flags = flags;
        WAITV(waiters, 2, 0, &past, CLOCK_MONOTONIC);
    }
    waiters[1].flags = 0x12;
    WAITV(waiters, 2, 0, &past, CLOCK_MONOTONIC);
    fill(2);
    waiters[1].reserved = 1;
    WAITV(waiters, 2, 0, &past, CLOCK_MONOTONIC);
    fill(2);
    waiters[1].word++;
    WAITV(waiters, 2, 0, &past, CLOCK_MONOTONIC);
    waiters[1].word = 0xffff888000000000;
    WAITV(waiters, 2, 0, &past, CLOCK_MONOTONIC);
    waiters[1].word = 8;
    WAITV(waiters, 2, 0, &past, CLOCK_MONOTONIC);
    waiters[0].value = 1;
    WAITV(waiters, 2, 0, &past, CLOCK_MONOTONIC);
    fill(2);
    clock_gettime(CLOCK_MONOTONIC, &soon);
    soon.tv_nsec = (soon.tv_nsec + 20000000) % 1000000000;
    soon.tv_sec += soon.tv_nsec < 20000000;
    WAITV(waiters, 2, 0, &soon, CLOCK_MONOTONIC);

    puts("woken");
    for (int i = 0; i < 3; i++) {
        fill(3);
        pthread_t thread = start(3);
        printf("woke %ld\n", WAKE(&words[i], 9));
        finish(thread);
        printf("nothing left: %ld %ld %ld\n", WAKE(&words[0], 9), WAKE(&words[1], 9), WAKE(&words[2], 9));
    }
    fill(128);
    pthread_t thread = start(128);
    printf("woke %ld\n", WAKE(&words[127], 1));
    finish(thread);

    puts("one word twice");
    for (int count = 1; count < 4; count++) {
        fill(4);
        waiters[3] = waiters[1];
        thread = start(4);
        printf("woke %ld\n", WAKE(&words[1], count));
        finish(thread);
    }

    puts("private and shared are different words");
    fill(2);
    waiters[1].flags = 2;
    thread = start(2);
    printf("private %ld, ", WAKE(&words[1], 1));
    printf("shared %ld\n", syscall(SYS_futex, &words[1], FUTEX_WAKE, 1));
    finish(thread);

    puts("moved by FUTEX_REQUEUE");
    fill(2);
    thread = start(2);
    printf("moved %ld\n", syscall(SYS_futex, &words[1], FUTEX_REQUEUE_PRIVATE, 0, 1, &words[5]));
    printf("old %ld, new %ld\n", WAKE(&words[1], 1), WAKE(&words[5], 1));
    finish(thread);

    puts("FUTEX_WAKE_OP, FUTEX_WAKE_BITSET");
    fill(2);
    thread = start(2);
    printf("woke %ld\n", syscall(SYS_futex, &words[9], FUTEX_WAKE_OP_PRIVATE, 1, 1, &words[1],
                                 FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, 0)));
    finish(thread);
    thread = start(2);
    printf("woke %ld\n", syscall(SYS_futex, &words[0], FUTEX_WAKE_BITSET_PRIVATE, 1, 0, 0, 4));
    finish(thread);

    puts("signals");
    for (int restart = 0; restart < 2; restart++) {
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = restart ? SA_RESTART : 0};
        MUST(sigaction(SIGUSR1, &action, NULL));
        thread = start(2);
        pthread_kill(thread, SIGUSR1);
        usleep(30000);
        printf("woke %ld\n", WAKE(&words[0], 1));
        finish(thread);
    }
}
