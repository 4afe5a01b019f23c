/* Writing where nobody reads: SIGPIPE kills, or is handled, or ignored; EPIPE; what a handler sees. */
#include "conform.h"

static void handler(int number, siginfo_t *info, void *context)
{
    printf("signal %d code %d, from us %d\n", number, info->si_code, info->si_pid == getpid());
}

int main(void)
{
    int ends[2];
    MUST(pipe(ends));
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    SHOW(write(ends[1], "x", 1));
    SHOW(write(ends[1], "x", 0));
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigaction(SIGPIPE, &action, NULL);
    SHOW(write(ends[1], "x", 1));
    signal(SIGPIPE, SIG_DFL);
    fflush(stdout);
    SHOW(write(ends[1], "x", 1));
    puts("not reached");
    return 0;
}
