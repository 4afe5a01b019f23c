/* A thread whose sigtimedwait a handler ended awaits the signal no more: another one in sigwaitinfo gets it. */
#include "conform.h"
#include <pthread.h>
#include <sys/syscall.h>
static sigset_t set;
static volatile int stage, first, second, got;
static void on(int s) {}
static void *wait_first(void *argument)
{
    struct timespec minute = {60, 0};
    first = syscall(SYS_gettid);
    siginfo_t info;
    int result = sigtimedwait(&set, &info, &minute);
    printf("the first: %d %s\n", result, result < 0 && errno == EINTR ? "EINTR" : "");
    stage = 1;
    while (stage != 2) usleep(1000);
    return 0;
}
static void *wait_second(void *argument)
{
    second = syscall(SYS_gettid);
    siginfo_t info;
    got = sigwaitinfo(&set, &info);
    return 0;
}
int main(void)
{
    pthread_t a, b;
    struct sigaction sa = {.sa_handler = on};
    sigaction(SIGUSR1, &sa, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, 0);
    pthread_create(&a, 0, wait_first, 0);
    while (!first) usleep(1000);
    usleep(30000);
    syscall(SYS_tgkill, getpid(), first, SIGUSR1);
    while (stage != 1) usleep(1000);
    pthread_create(&b, 0, wait_second, 0);
    while (!second) usleep(1000);
    usleep(30000);
    kill(getpid(), SIGRTMIN);
    for (int i = 0; i < 300 && !got; i++) usleep(1000);
    printf("the second: %d\n", got == SIGRTMIN);
    if (!got) _exit(1);
    stage = 2;
    pthread_join(a, 0);
    pthread_join(b, 0);
    return 0;
}
