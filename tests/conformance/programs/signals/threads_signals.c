/* Signals and threads: to a thread, to the process when only one thread has it unblocked. */
#include "conform.h"
#include <pthread.h>
static pthread_t target, worker;
static volatile int seen_by_worker, seen_by_main, ready;
static void on(int s) { if (pthread_self() == worker) seen_by_worker++; else seen_by_main++; }
static void *run(void *a)
{
    sigset_t set;
    worker = pthread_self();
    sigemptyset(&set); sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &set, 0);
    ready = 1;
    while (seen_by_worker < 2) usleep(1000);
    return 0;
}
int main(void)
{
    struct sigaction sa = {.sa_handler = on, .sa_flags = SA_RESTART};
    sigset_t set;
    sigaction(SIGUSR1, &sa, 0); sigaction(SIGUSR2, &sa, 0);
    sigemptyset(&set); sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, 0);
    pthread_t t;
    pthread_create(&t, 0, run, 0);
    while (!ready) usleep(1000);
    pthread_kill(t, SIGUSR1);
    while (seen_by_worker < 1) usleep(1000);
    kill(getpid(), SIGUSR1);
    pthread_join(t, 0);
    raise(SIGUSR2);
    printf("worker %d main %d\n", seen_by_worker, seen_by_main);
    return 0;
}
