/* Clocks: which exist, that they advance, resolution, errors. */
#include "conform.h"
#include <sys/time.h>
#include <time.h>
static long ns(clockid_t c) { struct timespec t; clock_gettime(c, &t); return t.tv_sec * 1000000000L + t.tv_nsec; }
int main(void)
{
    int clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_TAI};
    struct timespec t, r;
    for (int i = 0; i < 9; i++) {
        int a = clock_gettime(clocks[i], &t), b = clock_getres(clocks[i], &r);
        printf("clock %d: %d %d valid %d fine %d\n", clocks[i], a, b, t.tv_nsec >= 0 && t.tv_nsec < 1000000000, r.tv_sec == 0 && (r.tv_nsec == 1) == (i != 5 && i != 6));
    }
    long a = ns(CLOCK_MONOTONIC); usleep(5000); long b = ns(CLOCK_MONOTONIC);
    printf("slept %d\n", b - a >= 5000000);
    long c = ns(CLOCK_THREAD_CPUTIME_ID); for (volatile int i = 0; i < 100000; i++); printf("worked %d\n", ns(CLOCK_THREAD_CPUTIME_ID) > c);
    printf("after 2020 %d same %d\n", time(0) > 1577836800, labs(time(0) - ns(CLOCK_REALTIME) / 1000000000) <= 1);
    struct timeval tv; SHOW(gettimeofday(&tv, 0)); printf("valid %d\n", tv.tv_usec >= 0 && tv.tv_usec < 1000000);
    SHOW(clock_gettime(99, &t)); SHOW(clock_getres(-100, &t)); SHOW(syscall(SYS_clock_gettime, 0, (void *)8));
    return 0;
}
