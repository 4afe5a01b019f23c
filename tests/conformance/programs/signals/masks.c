/* sigprocmask, sigpending, order of delivery when several are unblocked at once. */
#include "conform.h"
static int order[16], n;
static void on(int s) { order[n++] = s; }
static void show(const char *what, sigset_t *set)
{
    printf("%s:", what);
    for (int i = 1; i < 32; i++) if (sigismember(set, i)) printf(" %d", i);
    puts("");
}
int main(void)
{
    sigset_t set, old;
    int sigs[] = {SIGUSR2, SIGUSR1, SIGTERM, SIGHUP, SIGCHLD, SIGALRM};
    for (int i = 0; i < 6; i++) signal(sigs[i], on);
    sigfillset(&set);
    SHOW(sigprocmask(SIG_SETMASK, &set, &old));
    show("old", &old);
    for (int i = 0; i < 6; i++) raise(sigs[i]);
    raise(SIGUSR1);
    sigpending(&set);
    show("pending", &set);
    sigprocmask(SIG_BLOCK, 0, &set);
    printf("KILL blocked %d STOP blocked %d\n", sigismember(&set, SIGKILL), sigismember(&set, SIGSTOP));
    sigemptyset(&set);
    sigprocmask(SIG_SETMASK, &set, 0);
    for (int i = 0; i < n; i++) printf("%d ", order[i]);
    puts("");
    SHOW(sigprocmask(77, &set, 0));
    SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, 0, 4L));
    SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, (void *)8, 0, 8L));
    SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, (void *)8, 8L));
    return 0;
}
