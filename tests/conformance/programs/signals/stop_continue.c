/* SIGSTOP and SIGCONT of a child, seen through waitpid and SIGCHLD. */
#include "conform.h"
#include <sys/wait.h>
int main(void)
{
    int st;
    pid_t child = fork();
    if (!child) for (;;) pause();
    kill(child, SIGSTOP);
    pid_t r = waitpid(child, &st, WUNTRACED);
    printf("%d stopped %d by %d\n", r == child, WIFSTOPPED(st), WSTOPSIG(st));
    SHOW(waitpid(child, &st, WUNTRACED | WNOHANG));
    kill(child, SIGTERM);
    SHOW(waitpid(child, &st, WNOHANG));
    kill(child, SIGCONT);
    r = waitpid(child, &st, 0);
    printf("%d signaled %d by %d\n", r == child, WIFSIGNALED(st), WTERMSIG(st));
    child = fork();
    if (!child) {
        setpgid(0, 0); /* Linux ignores SIGTSTP in an orphaned process group, as one under nohup is */
        raise(SIGTSTP);
        _exit(5);
    }
    r = waitpid(child, &st, WUNTRACED);
    printf("stopped by %d\n", WSTOPSIG(st));
    kill(child, SIGCONT);
    r = waitpid(child, &st, 0);
    printf("exit %d\n", WEXITSTATUS(st));
    return 0;
}
