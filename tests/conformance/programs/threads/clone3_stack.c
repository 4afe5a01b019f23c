/* clone3 with a stack that reaches beyond user space is EINVAL. */
#include "conform.h"
#include <linux/sched.h>

static void with_stack(unsigned long stack, unsigned long size)
{
    struct clone_args arguments = {.exit_signal = SIGCHLD, .stack = stack, .stack_size = size};
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid == 0)
        _exit(0);
    printf("%lx + %lx: %s\n", stack, size, pid > 0 ? "a child" : strerrorname_np(errno));
}

int main(void)
{
    with_stack(0xfffffffffffff000, 0x2000);
    with_stack(0x7ffffffff000, 0x1000);
    with_stack(0x7fffffffe000, 0x1001);
    with_stack(0x10000, 0);
    with_stack(0, 0x10000);
}
