/* nanosleep and clock_nanosleep: relative, absolute, past, errors. */
#include "conform.h"
#include <time.h>
static long ns(clockid_t c) { struct timespec t; clock_gettime(c, &t); return t.tv_sec * 1000000000L + t.tv_nsec; }
int main(void)
{
    struct timespec ten = {0, 10000000}, zero = {0, 0}, bad = {0, 1000000000}, neg = {-1, 0}, t;
    long a = ns(CLOCK_MONOTONIC); SHOW(nanosleep(&ten, 0)); printf("%d\n", ns(CLOCK_MONOTONIC) - a >= 10000000);
    SHOW(nanosleep(&zero, 0)); SHOW(nanosleep(&bad, 0)); SHOW(nanosleep(&neg, 0)); SHOW(nanosleep((void *)8, 0));
    for (int i = 0; i < 2; i++) {
        clockid_t c = i ? CLOCK_REALTIME : CLOCK_MONOTONIC; long until = ns(c) + 10000000; t = (struct timespec){until / 1000000000, until % 1000000000};
        SHOW(clock_nanosleep(c, TIMER_ABSTIME, &t, 0)); printf("%d\n", ns(c) >= until);
    }
    SHOW(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &zero, 0)); SHOW(clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, 0));
    SHOW(clock_nanosleep(99, 0, &ten, 0)); SHOW(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ten, 0)); SHOW(clock_nanosleep(CLOCK_MONOTONIC_RAW, 0, &ten, 0));
    SHOW(usleep(1000)); SHOW(sleep(0));
    return 0;
}
