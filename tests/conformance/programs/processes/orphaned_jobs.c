/* Stopped jobs whose last parent outside ends: SIGHUP and SIGCONT, and so on from group to group, however many. */
#define _GNU_SOURCE
#include "conform.h"
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#define GROUPS 150
int main(void)
{
    int fds[2], status, hung_up = 0, others = 0;
    char c;
    signal(SIGHUP, SIG_DFL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pipe(fds);
    if (!fork()) {
        setsid();
        for (int i = 0; i < GROUPS; i++) {
            if (fork()) {
                for (int n = 0; i == 0 && n < GROUPS; n++) read(fds[0], &c, 1);
                if (i == 0) { usleep(100000); _exit(7); }
                for (;;) pause();
            }
            setpgid(0, 0);
            if (!fork()) { write(fds[1], "x", 1); raise(SIGSTOP); _exit(0); }
        }
        for (;;) pause();
    }
    while (wait(&status) > 0) {
        hung_up += WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP;
        others += !WIFSIGNALED(status);
    }
    printf("hung up %d, others %d\n", hung_up, others);
    return 0;
}
