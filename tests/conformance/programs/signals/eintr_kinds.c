/* Which sleeping calls a signal ends although its handler has SA_RESTART: all that have a timeout. */
#include "conform.h"
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>
static volatile int calls;
static void on(int s) { calls++; }
static void arm(void) { struct itimerval it = {.it_value = {0, 20000}}; setitimer(ITIMER_REAL, &it, 0); calls = 0; }
int main(void)
{
    struct sigaction sa = {.sa_handler = on, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &sa, 0);
    struct timespec long_time = {5, 0}, rest = {0, 0};
    struct timeval tv = {5, 0};
    sigset_t none;
    sigemptyset(&none);
    int ep = epoll_create1(0), word = 0;
    struct epoll_event ev;
    arm(); SHOW(nanosleep(&long_time, &rest)); printf("calls %d rest %ld\n", calls, (long)rest.tv_sec);
    arm(); printf("clock_nanosleep %s\n", errno_name(clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, &rest)));
    arm(); SHOW(poll(0, 0, 5000));
    arm(); SHOW(ppoll(0, 0, &long_time, 0));
    arm(); SHOW(select(0, 0, 0, 0, &tv));
    arm(); SHOW(epoll_wait(ep, &ev, 1, 5000));
    arm(); SHOW(pause());
    arm(); SHOW(sigsuspend(&none));
    arm(); SHOW(syscall(SYS_futex, &word, 0, 0, &long_time));
    arm(); SHOW(sigtimedwait(&none, 0, &long_time));
    printf("calls %d\n", calls);
    return 0;
}
