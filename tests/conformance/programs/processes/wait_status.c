/* Exit status through wait4: exits, signals, rusage, options, errors. */
#include "conform.h"
#include <sys/resource.h>
#include <sys/wait.h>
int main(void)
{
    int st; struct rusage ru;
    SHOW(wait(&st));
    for (int i = 0; i < 3; i++) if (!fork()) _exit(i * 100);
    int seen = 0; pid_t p;
    while ((p = wait(&st)) > 0) seen += WEXITSTATUS(st);
    printf("seen %d\n", seen);
    int sigs[] = {SIGTERM, SIGKILL, SIGSEGV, SIGABRT, SIGUSR1};
    for (int i = 0; i < 5; i++) {
        if (!(p = fork())) { signal(sigs[i], SIG_DFL); kill(getpid(), sigs[i]); _exit(99); }
        waitpid(p, &st, 0);
        printf("signal %d: exited %d signaled %d by %d\n", sigs[i], WIFEXITED(st), WIFSIGNALED(st), WTERMSIG(st));
    }
    if (!(p = fork())) _exit(0x1234);
    printf("wait4 %d status %#x\n", wait4(p, &st, 0, &ru) == p, st);
    SHOW(waitpid(p, &st, 0));
    SHOW(waitpid(-1, &st, 0x40));
    SHOW(waitpid(0x7ffff0, &st, 0));
    if (!(p = fork())) { pause(); }
    SHOW(waitpid(p, &st, WNOHANG));
    SHOW(waitpid(p, (int *)8, WNOHANG));
    kill(p, SIGKILL);
    printf("reaped %d\n", waitpid(p, 0, 0) == p);
    return 0;
}
