/* Two timers for user space, side by side:   pffemu run --cpus 2 uipi_timer
 *
 *     gcc -O2 -static -pthread -muintr -I guest/include examples/uipi_timer.c -o uipi_timer
 *
 * A kernel-bypass timer (xUI), armed by one instruction; and its replacement without one: a second thread that spins
 * on the time-stamp counter and sends a user interrupt at every tick. Prints how late the handler was, in cycles.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "uintr.h"

enum { TICKS = 20, PERIOD = 50000 /* cycles */, TIMER_VECTOR = 1, THREAD_VECTOR = 2 };

static volatile int ticks;
static volatile unsigned long long due, late;
static int to_main;

INTERRUPT static void on_tick(struct __uintr_frame *frame, unsigned long long vector)
{
    (void)frame, (void)vector;
    late += __builtin_ia32_rdtsc() - due;
    due += PERIOD;
    ticks++;
}

static void *ticker(void *unused)
{
    (void)unused;
    unsigned long long next = due;
    for (int i = 0; i < TICKS; i++, next += PERIOD) {
        while (__builtin_ia32_rdtsc() < next)
            __builtin_ia32_pause();
        _senduipi((unsigned long long)to_main);
    }
    return NULL;
}

static void report(const char *what)
{
    while (ticks < TICKS)
        __builtin_ia32_pause();
    printf("%s: %d ticks, %llu cycles late on average\n", what, ticks, late / TICKS);
    ticks = 0;
    late = 0;
}

int main(void)
{
    pthread_t thread;

    if (uintr_register_handler(on_tick, 0) || xui_kb_timer(TIMER_VECTOR, XUI_KB_TIMER_ENABLE) ||
        (to_main = uintr_register_self(THREAD_VECTOR, 0)) < 0)
        return 2;
    _stui();

    due = __builtin_ia32_rdtsc() + PERIOD;
    kb_timer_periodic(PERIOD);
    while (ticks < TICKS)
        __builtin_ia32_pause();
    kb_timer_stop();
    report("kernel-bypass timer");

    due = __builtin_ia32_rdtsc() + 10 * PERIOD; /* time for the thread to start */
    if (pthread_create(&thread, NULL, ticker, NULL))
        return 3;
    report("timer thread       ");
    pthread_join(thread, NULL);
    return 0;
}
