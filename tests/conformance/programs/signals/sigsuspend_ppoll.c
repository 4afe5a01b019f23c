/* Masks for the time of a call: sigsuspend, ppoll, pselect; the old mask is back behind them and in the context. */
#include "conform.h"
#include <poll.h>
#include <sys/select.h>
#include <ucontext.h>
static int calls;
static void on(int s, siginfo_t *si, void *u)
{
    sigset_t now;
    sigprocmask(SIG_BLOCK, 0, &now);
    printf("handler %d: usr1 blocked now %d before %d\n", ++calls, sigismember(&now, SIGUSR1),
           sigismember(&((ucontext_t *)u)->uc_sigmask, SIGUSR1));
}
int main(void)
{
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigset_t block, empty, now;
    sigemptyset(&empty); sigemptyset(&block); sigaddset(&block, SIGUSR1);
    sigaction(SIGUSR1, &sa, 0);
    sigprocmask(SIG_BLOCK, &block, 0);
    raise(SIGUSR1);
    SHOW(sigsuspend(&empty));
    raise(SIGUSR1);
    struct timespec zero = {0, 0}, some = {1, 0};
    SHOW(ppoll(0, 0, &some, &empty));
    raise(SIGUSR1);
    SHOW(pselect(0, 0, 0, 0, &some, &empty));
    sigprocmask(SIG_BLOCK, 0, &now);
    printf("blocked at the end %d\n", sigismember(&now, SIGUSR1));
    SHOW(syscall(SYS_rt_sigsuspend, &empty, 4L));
    SHOW(syscall(SYS_rt_sigsuspend, (void *)8, 8L));
    return 0;
}
