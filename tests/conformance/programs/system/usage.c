/* times, getrusage, sysinfo: what grows, what is refused. */
#include "conform.h"
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/times.h>

int main(void)
{
    struct rusage before, after;
    struct tms ticks;
    struct sysinfo info;
    SHOW(getrusage(RUSAGE_SELF, &before));
    volatile double x = 1;
    for (int i = 0; i < 300000; i++)
        x = x * 1.000001;
    SHOW(getrusage(RUSAGE_SELF, &after));
    long spent = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 + after.ru_utime.tv_usec - before.ru_utime.tv_usec
               + (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000000 + after.ru_stime.tv_usec - before.ru_stime.tv_usec;
    printf("time %s, maxrss %s\n", spent >= 0 ? "grows" : "shrinks", after.ru_maxrss > 0 ? "positive" : "zero");
    SHOW(getrusage(RUSAGE_THREAD, &after));
    SHOW(getrusage(RUSAGE_CHILDREN, &after));
    printf("children %ld\n", (long)(after.ru_utime.tv_sec + after.ru_utime.tv_usec));
    SHOW(getrusage(5, &after));
    SHOW(getrusage(RUSAGE_SELF, (void *)8));
    SHOW(times(&ticks) >= 0);
    SHOW(times(NULL) >= 0);
    printf("children %ld %ld\n", (long)ticks.tms_cutime, (long)ticks.tms_cstime);
    SHOW(sysinfo(&info));
    printf("%d %d %d\n", info.totalram > 0, info.freeram <= info.totalram, info.mem_unit > 0);
    SHOW(sysinfo((void *)8));
    return 0;
}
