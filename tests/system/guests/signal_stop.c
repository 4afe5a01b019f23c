/* Stops at signals: one in plain code, one that ends a sleep, one from a fault that nothing handles. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int calls, handled, code;
char *nowhere;

static void handler(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    handled++;
    code = info->si_code;
}

__attribute__((noinline)) int twice(int x)
{
    calls++;
    usleep(10);
    return 2 * x;
}

int main(int count, char **arguments)
{
    (void)arguments;
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    struct itimerval soon = {.it_value = {.tv_usec = 1000}};
    struct timespec span = {.tv_nsec = 5000000};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    raise(SIGUSR1);
    printf("handled %d code %d calls %d\n", handled, code, calls);
    setitimer(ITIMER_REAL, &soon, NULL);
    int result = nanosleep(&span, NULL);
    printf("slept %s handled %d calls %d\n", result ? strerror(errno) : "to the end", handled, calls);
    if (count > 1)
        *nowhere = 1;
    return calls;
}
