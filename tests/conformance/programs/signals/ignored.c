/* Ignored signals vanish, also pending ones; a child inherits what is ignored, not what is pending. */
#include "conform.h"
#include <sys/wait.h>
int main(void)
{
    sigset_t set;
    signal(SIGTERM, SIG_IGN);
    raise(SIGTERM);
    sigemptyset(&set); sigaddset(&set, SIGUSR1); sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, 0);
    raise(SIGUSR1); raise(SIGUSR2);
    signal(SIGUSR1, SIG_IGN);
    sigpending(&set);
    printf("usr1 pending %d usr2 pending %d\n", sigismember(&set, SIGUSR1), sigismember(&set, SIGUSR2));
    fflush(stdout);
    if (!fork()) {
        sigpending(&set);
        printf("child: usr2 pending %d\n", sigismember(&set, SIGUSR2));
        sigprocmask(SIG_BLOCK, 0, &set);
        printf("child: usr2 blocked %d term ignored %d\n", sigismember(&set, SIGUSR2), signal(SIGTERM, SIG_DFL) == SIG_IGN);
        exit(0);
    }
    wait(0);
    return 0;
}
