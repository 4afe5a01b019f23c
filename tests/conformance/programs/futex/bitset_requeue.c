/* Bitsets choose whom to wake; requeue moves sleepers to another word. */
#include "conform.h"
#include <linux/futex.h>
#include <pthread.h>
static unsigned a, b; static volatile int asleep, woken[4];
#define F(...) syscall(SYS_futex, __VA_ARGS__)
static void *sleeper(void *n) { __sync_fetch_and_add(&asleep, 1); F(&a, FUTEX_WAIT_BITSET_PRIVATE, 0, 0, 0, 1u << (long)n); woken[(long)n] = 1; return 0; }
static int count(void) { return woken[0] + woken[1] + woken[2] + woken[3]; }
int main(void)
{
    pthread_t t[4];
    for (long i = 0; i < 4; i++) pthread_create(&t[i], 0, sleeper, (void *)i);
    while (asleep < 4) usleep(1000);
    usleep(20000);
    SHOW(F(&a, FUTEX_WAKE_BITSET_PRIVATE, 9, 0, 0, 1u << 2)); pthread_join(t[2], 0); printf("woken %d two %d\n", count(), woken[2]);
    SHOW(F(&a, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, &b, 0)); usleep(20000); printf("woken %d\n", count());
    SHOW(F(&b, FUTEX_WAKE_PRIVATE, 9)); usleep(20000); printf("woken %d\n", count());
    SHOW(F(&b, FUTEX_WAKE_PRIVATE, 9)); SHOW(F(&a, FUTEX_WAKE_PRIVATE, 9));
    for (int i = 0; i < 4; i++) if (i != 2) pthread_join(t[i], 0);
    printf("woken %d\n", count());
    return 0;
}
