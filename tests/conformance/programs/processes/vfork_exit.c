/* vfork: the parent sleeps, the child runs in its memory. */
#include "conform.h"
#include <sys/wait.h>
static volatile int value = 1;
int main(void)
{
    int st; pid_t p = vfork();
    if (!p) { value = 2; _exit(4); }
    waitpid(p, &st, 0);
    printf("value %d status %d\n", value, WEXITSTATUS(st));
    p = vfork();
    if (!p) { value = 3; kill(getpid(), SIGKILL); }
    waitpid(p, &st, 0);
    printf("value %d signal %d\n", value, WTERMSIG(st));
    return 0;
}
