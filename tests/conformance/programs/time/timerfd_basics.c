/* timerfd: once, periodic, absolute, poll, non-blocking, what is left, errors. */
#include "conform.h"
#include <poll.h>
#include <sys/timerfd.h>
#include <time.h>
int main(void)
{
    unsigned long long n = 0; struct itimerspec it = {{0, 0}, {0, 10000000}}, old; struct timespec now;
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    SHOW(read(fd, &n, 8)); SHOW(timerfd_settime(fd, 0, &it, &old)); printf("old %ld\n", old.it_value.tv_nsec);
    SHOW(timerfd_gettime(fd, &old)); printf("left %d\n", old.it_value.tv_nsec > 0 && old.it_value.tv_nsec <= 10000000);
    struct pollfd p = {fd, POLLIN}; SHOW(poll(&p, 1, 0)); SHOW(poll(&p, 1, 1000)); SHOW(read(fd, &n, 8)); printf("n %llu\n", n); SHOW(read(fd, &n, 8));
    fcntl(fd, F_SETFL, 0);
    it.it_interval.tv_nsec = 4000000; it.it_value.tv_nsec = 1; SHOW(timerfd_settime(fd, 0, &it, 0)); SHOW(read(fd, &n, 8)); printf("n %llu\n", n);
    usleep(41000); SHOW(read(fd, &n, 8)); printf("several %d\n", n >= 9 && n <= 100);
    clock_gettime(CLOCK_MONOTONIC, &now); it = (struct itimerspec){{0, 0}, now}; SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME, &it, 0)); SHOW(read(fd, &n, 8)); printf("n %llu\n", n);
    memset(&it, 0, sizeof it); SHOW(timerfd_settime(fd, 0, &it, 0)); SHOW(timerfd_gettime(fd, &old)); printf("left %ld\n", old.it_value.tv_nsec);
    SHOW(read(fd, &n, 4)); SHOW(write(fd, &n, 8)); SHOW(timerfd_create(99, 0)); SHOW(timerfd_create(0, 7)); SHOW(timerfd_settime(0, 0, &it, 0)); SHOW(timerfd_settime(99, 0, &it, 0)); SHOW(timerfd_settime(fd, 8, &it, 0));
    it.it_value.tv_nsec = -1; SHOW(timerfd_settime(fd, 0, &it, 0)); SHOW(timerfd_gettime(fd, (void *)8));
    return 0;
}
