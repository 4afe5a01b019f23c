/* futex_waitv with as many words as it takes: each of them wakes it. */
#include "conform.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
static int words[128];
static struct futex_waitv waiters[128];
static long result;
static void *wait_for_all(void *argument)
{
    result = syscall(SYS_futex_waitv, waiters, 128, 0, 0, 0);
    return 0;
}
int main(void)
{
    int wanted[] = {0, 1, 62, 63, 64, 65, 127};
    for (int i = 0; i < 128; i++)
        waiters[i] = (struct futex_waitv){.uaddr = (unsigned long)&words[i], .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG};
    for (int i = 0; i < 7; i++) {
        pthread_t thread;
        pthread_create(&thread, 0, wait_for_all, 0);
        long woken = 0;
        for (int tries = 0; tries < 200 && !woken; tries++) {
            usleep(5000);
            woken = syscall(SYS_futex, &words[wanted[i]], FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0, 0, 0);
        }
        printf("word %d wakes %ld\n", wanted[i], woken);
        if (!woken) return 1;
        pthread_join(thread, 0);
        printf("the call returns %ld\n", result);
    }
    return 0;
}
