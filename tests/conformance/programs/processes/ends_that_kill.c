/* A chain of processes, each of which is killed by the end of its child: as long as limits allow, and no deeper for it. */
#define _GNU_SOURCE
#include "conform.h"
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
int main(void)
{
    int status;
    if (!syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) {
        for (int i = 0; i < 300; i++)
            if (syscall(SYS_clone, SIGKILL, 0, 0, 0, 0)) { pause(); _exit(1); }
        _exit(0);
    }
    SHOW(wait(&status) > 0);
    printf("status %#x\n", status);
    return 0;
}
