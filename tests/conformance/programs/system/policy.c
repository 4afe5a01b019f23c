/* Scheduling policies, priorities, affinity's shape, membarrier's protocol. */
#include "conform.h"
#include <sched.h>
#include <sys/resource.h>

int main(void)
{
    struct sched_param param = {7};
    SHOW(sched_getscheduler(0)), SHOW(sched_getscheduler(-1)), SHOW(sched_getscheduler(999999));
    SHOW(sched_getparam(0, &param));
    printf("%d\n", param.sched_priority);
    SHOW(sched_getparam(0, NULL));
    SHOW(sched_setscheduler(0, SCHED_OTHER, &param)), SHOW(sched_setscheduler(0, SCHED_BATCH, &param));
    SHOW(sched_setscheduler(0, SCHED_OTHER, &param));
    SHOW(sched_setscheduler(0, 99, &param)), SHOW(sched_setscheduler(0, -1, &param));
    param.sched_priority = 5;
    SHOW(sched_setscheduler(0, SCHED_OTHER, &param));
    param.sched_priority = 100;
    SHOW(sched_setscheduler(0, SCHED_FIFO, &param));
    for (int policy = -1; policy < 8; policy++)
        printf("policy %d: %d %d\n", policy, sched_get_priority_min(policy), sched_get_priority_max(policy));
    errno = 0;
    setpriority(PRIO_PROCESS, 0, 0); // whatever its parent has
    SHOW(getpriority(PRIO_PROCESS, 0));
    SHOW(getpriority(9, 0)), SHOW(setpriority(PRIO_PROCESS, 0, 0)), SHOW(getpriority(PRIO_PROCESS, 999999));
    SHOW((syscall(SYS_membarrier, 0, 0, 0) & 0x1f) == 0x1f);
    SHOW(syscall(SYS_membarrier, 8, 0, 0)), SHOW(syscall(SYS_membarrier, 16, 0, 0)), SHOW(syscall(SYS_membarrier, 8, 0, 0));
    SHOW(syscall(SYS_membarrier, 1, 0, 0)), SHOW(syscall(SYS_membarrier, 3, 0, 0)), SHOW(syscall(SYS_membarrier, 1, 5, 0));
    SHOW(syscall(SYS_membarrier, -1, 0, 0));
    return 0;
}
