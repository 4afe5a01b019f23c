/* Writing to a pipe nobody reads: SIGPIPE, or EPIPE when it is ignored or handled. */
#include "conform.h"
static volatile int calls;
static void on(int s, siginfo_t *si, void *u) { calls++; printf("SIGPIPE code %d own pid %d\n", si->si_code, si->si_pid == getpid()); }
int main(void)
{
    int fds[2];
    pipe(fds);
    close(fds[0]);
    signal(SIGPIPE, SIG_IGN);
    SHOW(write(fds[1], "x", 1));
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigaction(SIGPIPE, &sa, 0);
    SHOW(write(fds[1], "x", 1));
    printf("calls %d\n", calls);
    fflush(stdout);
    signal(SIGPIPE, SIG_DFL);
    write(fds[1], "x", 1);
    return 1;
}
