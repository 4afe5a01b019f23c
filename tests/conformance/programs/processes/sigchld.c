/* SIGCHLD: code and status, SA_NOCLDSTOP, SA_NOCLDWAIT, SIG_IGN. */
#include "conform.h"
#include <sys/wait.h>
static volatile int calls;
static void on(int s, siginfo_t *si, void *u) { calls++; printf("SIGCHLD code %d status %d uid %d\n", si->si_code, si->si_status, si->si_uid); }
static pid_t exiting(int n) { fflush(stdout); pid_t p = fork(); if (!p) _exit(n); return p; }
int main(void)
{
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigset_t set, none; int st; pid_t p;
    sigemptyset(&none); sigemptyset(&set); sigaddset(&set, SIGCHLD);
    sigaction(SIGCHLD, &sa, 0); sigprocmask(SIG_BLOCK, &set, 0);
    p = exiting(3); sigsuspend(&none);
    printf("zombie %d\n", waitpid(p, &st, WNOHANG) == p);
    fflush(stdout);
    if (!(p = fork())) { raise(SIGSTOP); _exit(1); }
    sigsuspend(&none);
    sa.sa_flags |= SA_NOCLDSTOP; sigaction(SIGCHLD, &sa, 0);
    kill(p, SIGCONT); sigsuspend(&none);
    printf("exit %d\n", waitpid(p, &st, 0) == p ? WEXITSTATUS(st) : -1);
    sa.sa_flags |= SA_NOCLDWAIT; sigaction(SIGCHLD, &sa, 0);
    p = exiting(4); sigsuspend(&none);
    SHOW(waitpid(p, &st, 0));
    signal(SIGCHLD, SIG_IGN); sigprocmask(SIG_UNBLOCK, &set, 0);
    p = exiting(5);
    SHOW(waitpid(p, &st, 0));
    printf("calls %d\n", calls);
    return 0;
}
