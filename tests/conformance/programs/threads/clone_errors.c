/* clone and clone3: combinations the kernel refuses. */
#include "conform.h"
#include <linux/sched.h>
#include <sched.h>
int main(void)
{
    struct clone_args a = {0};
    SHOW(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0));
    SHOW(syscall(SYS_clone, CLONE_THREAD | CLONE_VM, 0, 0, 0, 0));
    SHOW(syscall(SYS_clone3, &a, 8L));
    SHOW(syscall(SYS_clone3, &a, 8192L));
    SHOW(syscall(SYS_clone3, (void *)8, sizeof a));
    a.exit_signal = 100; SHOW(syscall(SYS_clone3, &a, sizeof a));
    a.exit_signal = 0; a.stack_size = 4096; SHOW(syscall(SYS_clone3, &a, sizeof a));
    a.stack_size = 0; a.flags = CLONE_THREAD; SHOW(syscall(SYS_clone3, &a, sizeof a));
    a.flags = CLONE_SIGHAND | CLONE_VM | CLONE_CLEAR_SIGHAND; SHOW(syscall(SYS_clone3, &a, sizeof a));
    a.flags = CLONE_DETACHED; SHOW(syscall(SYS_clone3, &a, sizeof a));
    a.flags = CLONE_SETTLS; a.tls = 1ul << 63; SHOW(syscall(SYS_clone3, &a, sizeof a));
    return 0;
}
