/* Real-time signals queue, come in order of number, then of age, with their values; standard ones come first. */
#include "conform.h"
static int n;
static void on(int s, siginfo_t *si, void *u)
{
    printf("%d: %d value %d code %d\n", ++n, s >= SIGRTMIN ? s - SIGRTMIN + 34 : s, s >= SIGRTMIN ? si->si_value.sival_int : 0, si->si_code);
}
int main(void)
{
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigset_t all;
    sigfillset(&all);
    sa.sa_mask = all;
    sigprocmask(SIG_BLOCK, &all, 0);
    for (int i = 0; i < 3; i++) sigaction(SIGRTMIN + i, &sa, 0);
    sigaction(SIGUSR2, &sa, 0);
    for (int i = 0; i < 6; i++) { union sigval v = {.sival_int = i}; sigqueue(getpid(), SIGRTMIN + 2 - i % 3, v); }
    raise(SIGUSR2); raise(SIGUSR2);
    sigprocmask(SIG_UNBLOCK, &all, 0);
    return 0;
}
