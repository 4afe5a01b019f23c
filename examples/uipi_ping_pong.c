/* Two threads bounce a user interrupt between two cores:   pffemu run --cpus 2 uipi_ping_pong [ROUNDS]
 *
 *     gcc -O2 -static -pthread -muintr -I guest/include examples/uipi_ping_pong.c -o uipi_ping_pong
 *
 * Each handler answers at once with SENDUIPI; no system call and no context switch happens on the way.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "uintr.h"

static volatile long left;          /* interrupts that are still to be answered */
static volatile int to_main, to_other = -1;
static volatile int done;

INTERRUPT static void ping(struct __uintr_frame *frame, unsigned long long vector)
{
    (void)frame, (void)vector;
    if (left-- > 0)
        uipi_send(to_other);
    else
        done = 1;
}

INTERRUPT static void pong(struct __uintr_frame *frame, unsigned long long vector)
{
    (void)frame, (void)vector;
    uipi_send(to_main);
}

static void *other(void *unused)
{
    (void)unused;
    if (uintr_register_handler(pong, 0))
        exit(2);
    _stui();
    to_other = uintr_register_self(0, 0);
    while (!done)
        __builtin_ia32_pause();
    return NULL;
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? atol(argv[1]) : 1000;
    pthread_t thread;
    unsigned long long start;

    if (uintr_register_handler(ping, 0) || (to_main = uintr_register_self(0, 0)) < 0)
        return 2;
    if (pthread_create(&thread, NULL, other, NULL))
        return 3;
    while (to_other < 0)
        __builtin_ia32_pause();
    left = rounds;
    start = __builtin_ia32_rdtsc();
    _stui();
    _senduipi((unsigned long long)to_main);     /* the first one is this thread's own */
    while (!done)
        __builtin_ia32_pause();
    printf("%ld round trips, %llu cycles each\n", rounds, (__builtin_ia32_rdtsc() - start) / (unsigned long long)rounds);
    pthread_join(thread, NULL);
    return 0;
}
