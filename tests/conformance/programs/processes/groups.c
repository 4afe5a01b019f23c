/* Process groups and sessions: who is in which, whom kill(-group) reaches, what is refused. */
#include "conform.h"
#include <sys/wait.h>
int main(void)
{
    int st, got = 0; pid_t a, b;
    setpgid(0, 0);
    printf("leader %d\n", getpgid(0) == getpid() && getpgrp() == getpid());
    fflush(stdout);
    if (!(a = fork())) { printf("child in group %d\n", getpgrp() == getppid()); fflush(stdout); pause(); }
    if (!(b = fork())) { setpgid(0, 0); pause(); }
    setpgid(b, b);
    printf("other group %d\n", getpgid(b) == b);
    SHOW(setpgid(a, 0x7ffff0)); SHOW(setpgid(0x7ffff0, 0)); SHOW(setpgid(0, -1));
    usleep(20000);
    kill(-b, SIGTERM);
    printf("b %d\n", waitpid(b, &st, 0) == b && WTERMSIG(st) == SIGTERM);
    SHOW(kill(-b, 0));
    signal(SIGUSR1, SIG_IGN);
    kill(0, SIGUSR1);
    printf("a %d\n", waitpid(a, &st, 0) == a && WTERMSIG(st) == SIGUSR1);
    fflush(stdout);
    if (!(a = fork())) { pid_t s = setsid(); printf("session %d %d %d\n", s == getpid(), getsid(0) == getpid(), getpgrp() == getpid()); SHOW(setsid()); SHOW(setpgid(0, 0)); exit(0); }
    wait(0);
    SHOW(setsid()); SHOW(getsid(0x7ffff0)); SHOW(getpgid(0x7ffff0));
    return 0;
}
