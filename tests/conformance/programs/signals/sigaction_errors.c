/* sigaction: what it refuses, what it reports back. */
#include "conform.h"
static void on(int s) {}
int main(void)
{
    struct sigaction sa = {.sa_handler = on}, old;
    SHOW(sigaction(0, &sa, 0));
    SHOW(sigaction(65, &sa, 0));
    SHOW(sigaction(SIGKILL, &sa, 0));
    SHOW(sigaction(SIGSTOP, &sa, 0));
    SHOW(sigaction(SIGKILL, 0, &old));
    printf("%d\n", old.sa_handler == SIG_DFL);
    sa.sa_flags = SA_RESTART | SA_NODEFER;
    sigfillset(&sa.sa_mask);
    SHOW(sigaction(SIGUSR1, &sa, &old));
    printf("default %d\n", old.sa_handler == SIG_DFL);
    SHOW(sigaction(SIGUSR1, 0, &old));
    printf("handler %d flags %#x kill %d usr2 %d\n", old.sa_handler == on, old.sa_flags & ~0x4000000,
           sigismember(&old.sa_mask, SIGKILL), sigismember(&old.sa_mask, SIGUSR2));
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, (void *)8, 0, 8L));
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, 0, (void *)8, 8L));
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, 0, 0, 16L));
    SHOW(kill(0x7fffff0, 0));
    SHOW(kill(getpid(), 65));
    SHOW(kill(getpid(), 0));
    SHOW(syscall(SYS_tgkill, getpid(), 0, SIGUSR1));
    SHOW(syscall(SYS_tgkill, getpid() + 1, getpid(), SIGUSR1));
    SHOW(syscall(SYS_tkill, -1, SIGUSR1));
    return 0;
}
