/* CLONE_CHILD_CLEARTID by hand: the word is zeroed and its waiter woken when the thread ends. */
#include "conform.h"
#include <linux/futex.h>
#include <sched.h>
static char stack[65536]; static volatile int tid = 1, parent_tid;
static int run(void *a) { usleep(10000); return 0; }
int main(void)
{
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
    int r = clone(run, stack + sizeof stack, flags, 0, &parent_tid, 0, &tid);
    printf("set %d\n", parent_tid == r);
    int now;
    while ((now = tid)) syscall(SYS_futex, &tid, FUTEX_WAIT, now, 0);
    printf("cleared %d\n", tid);
    SHOW(syscall(SYS_set_tid_address, &tid) == gettid());
    return 0;
}
