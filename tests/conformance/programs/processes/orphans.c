/* Orphans: a new parent; a subreaper gets them, and their status. */
#include "conform.h"
#include <sys/prctl.h>
#include <sys/wait.h>
int main(void)
{
    int fds[2], st; char c; pid_t me = getpid();
    pipe(fds);
    if (!fork()) {
        pid_t middle = getpid();
        if (!fork()) { while (getppid() == middle) usleep(1000); c = getppid() != me; write(fds[1], &c, 1); _exit(0); }
        _exit(0);
    }
    wait(&st);
    read(fds[0], &c, 1);
    printf("another parent %d\n", c);
    SHOW(waitpid(-1, &st, 0));
    SHOW(prctl(PR_SET_CHILD_SUBREAPER, 1));
    if (!fork()) { if (!fork()) { while (getppid() != me) usleep(1000); _exit(42); } _exit(7); }
    int sum = 0; while (wait(&st) > 0) sum += WEXITSTATUS(st);
    printf("reaped %d\n", sum);
    return 0;
}
