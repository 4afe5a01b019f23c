/* clone with an exit signal that does not exist: the parent hears nothing, but can wait for it with __WALL. */
#include "conform.h"
#include <sched.h>
#include <sys/wait.h>

static void handler(int number) { printf("signal %d\n", number); }

int main(void)
{
    int status, signals[] = {0, SIGUSR1, SIGCHLD, 100, 200};
    signal(SIGUSR1, handler), signal(SIGCHLD, handler);
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
        fflush(stdout);
        long pid = syscall(SYS_clone, signals[i], 0, 0, 0, 0);
        if (pid == 0)
            _exit(i);
        long got;
        while ((got = waitpid(pid, &status, __WALL)) == -1 && errno == EINTR)
            ;
        printf("%d: %d, status %d\n", signals[i], got == pid, WEXITSTATUS(status));
    }
    return 0;
}
