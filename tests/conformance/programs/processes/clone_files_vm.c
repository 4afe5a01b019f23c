/* clone without CLONE_THREAD: shared memory, descriptors and handlers, or copies; another exit signal. */
#include "conform.h"
#include <sched.h>
#include <sys/wait.h>
static char stack[65536]; static volatile int value; static int fd;
static int child(void *a) { value = 7; close(fd); signal(SIGUSR1, SIG_IGN); return 5; }
static void one(int flags)
{
    int st; value = 1; signal(SIGUSR1, SIG_DFL); fd = dup(1);
    pid_t p = clone(child, stack + sizeof stack, flags | SIGCHLD, 0);
    waitpid(p, &st, 0);
    printf("flags %#x: status %d value %d fd open %d ignored %d\n", flags, WEXITSTATUS(st), value, fcntl(fd, F_GETFD) >= 0, signal(SIGUSR1, SIG_DFL) == SIG_IGN);
    close(fd);
}
int main(void)
{
    int st;
    one(0); one(CLONE_VM); one(CLONE_VM | CLONE_FILES); one(CLONE_VM | CLONE_SIGHAND); one(CLONE_FILES);
    pid_t p = clone(child, stack + sizeof stack, 0, 0);
    SHOW(waitpid(p, &st, WNOHANG | 0));
    printf("wclone %d\n", waitpid(p, &st, __WCLONE) == p);
    p = clone(child, stack + sizeof stack, SIGUSR2, 0);
    signal(SIGUSR2, SIG_IGN);
    printf("wall %d\n", waitpid(p, &st, __WALL) == p);
    return 0;
}
