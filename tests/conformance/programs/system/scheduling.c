/* Scheduling policies, nice values and priorities of input and output: set, reported, refused. */
#include "conform.h"
#include <sched.h>
#include <sys/resource.h>
struct sched_attr {
    unsigned size, sched_policy;
    unsigned long long sched_flags;
    int sched_nice;
    unsigned sched_priority;
    unsigned long long sched_runtime, sched_deadline, sched_period;
    unsigned sched_util_min, sched_util_max;
};
int main(void)
{
    setpriority(0, 0, 0);
    struct timespec t = {9, 9};
    SHOW(sched_rr_get_interval(0, &t));
    printf("%ld %ld\n", t.tv_sec, t.tv_nsec);
    SHOW(syscall(SYS_ioprio_get, 1, 0));
    setpgid(0, 0);
    SHOW(syscall(SYS_ioprio_get, 2, 0));
    SHOW(syscall(SYS_ioprio_get, 4, 0));
    setpriority(0, 0, 10);
    SHOW(syscall(SYS_ioprio_get, 1, 0));
    SHOW(syscall(SYS_ioprio_set, 1, 0, 3 << 13 | 7));
    SHOW(syscall(SYS_ioprio_get, 1, 0));
    SHOW(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 8));
    SHOW(syscall(SYS_ioprio_set, 1, 0, 0));
    SHOW(syscall(SYS_ioprio_get, 1, 0));
    SHOW(syscall(SYS_ioprio_set, 1, 0, 1));
    SHOW(syscall(SYS_ioprio_set, 1, 0, 4 << 13));
    SHOW(syscall(SYS_ioprio_set, 1, 0, 1 << 13 | 3));
    SHOW(syscall(SYS_ioprio_get, 1, 0));
    SHOW(syscall(SYS_ioprio_set, 1, 999999, 0));
    SHOW(syscall(SYS_ioprio_set, 9, 0, 0));
    SHOW(syscall(SYS_ioprio_set, 1, 0, 3 << 13 | 9));
    SHOW(syscall(SYS_ioprio_get, 1, 0));
    struct sched_attr a = {0};
    SHOW(syscall(SYS_sched_getattr, 0, &a, sizeof a, 0));
    printf("size %d policy %d flags %llx nice %d prio %d rt %llu dl %llu per %llu util %d %d\n", a.size,
           a.sched_policy, a.sched_flags, a.sched_nice, a.sched_priority, a.sched_runtime, a.sched_deadline,
           a.sched_period, a.sched_util_min, a.sched_util_max);
    SHOW(sched_getscheduler(0));
    struct sched_param p = {5};
    SHOW(sched_setscheduler(0, SCHED_RR, &p));
    SHOW(sched_rr_get_interval(0, &t));
    printf("%ld %ld\n", t.tv_sec, t.tv_nsec);
    SHOW(syscall(SYS_sched_getattr, 0, &a, 48, 0));
    printf("size %d policy %d flags %llx nice %d prio %d\n", a.size, a.sched_policy, a.sched_flags,
           a.sched_nice, a.sched_priority);
    SHOW(sched_setscheduler(0, SCHED_FIFO | 0x40000000, &p));
    SHOW(sched_getscheduler(0));
    SHOW(sched_rr_get_interval(0, &t));
    printf("%ld %ld\n", t.tv_sec, t.tv_nsec);
    SHOW(getpriority(0, 0));
    p.sched_priority = 0;
    SHOW(sched_setscheduler(0, 0, &p));
    SHOW(getpriority(0, 0));
    memset(&a, 0, sizeof a);
    a.size = sizeof a;
    a.sched_policy = 6;
    a.sched_runtime = 1000000;
    a.sched_deadline = 2000000;
    a.sched_period = 4000000;
    SHOW(syscall(SYS_sched_setattr, 0, &a, 0));
    SHOW(sched_getscheduler(0));
    memset(&a, 0, sizeof a);
    SHOW(syscall(SYS_sched_getattr, 0, &a, sizeof a, 0));
    printf("policy %d flags %llx rt %llu dl %llu per %llu\n", a.sched_policy, a.sched_flags, a.sched_runtime,
           a.sched_deadline, a.sched_period);
    a.sched_policy = 0;
    a.sched_nice = -5;
    a.sched_runtime = 0;
    SHOW(syscall(SYS_sched_setattr, 0, &a, 0));
    SHOW(getpriority(0, 0));
    memset(&a, 0, sizeof a);
    SHOW(syscall(SYS_sched_getattr, 0, &a, sizeof a, 0));
    printf("policy %d rt %llu dl %llu per %llu nice %d\n", a.sched_policy, a.sched_runtime, a.sched_deadline,
           a.sched_period, a.sched_nice);
    a.sched_flags = 0x20;
    SHOW(syscall(SYS_sched_setattr, 0, &a, 0));
    a.sched_flags = 0x80;
    SHOW(syscall(SYS_sched_setattr, 0, &a, 0));
    a.sched_flags = 0;
    a.size = 1;
    SHOW(syscall(SYS_sched_setattr, 0, &a, 0));
    printf("%d\n", a.size);
    a.size = 0;
    SHOW(syscall(SYS_sched_setattr, 0, &a, 0));
    a.sched_policy = 9;
    SHOW(syscall(SYS_sched_setattr, 0, &a, 0));
    a.sched_policy = -1;
    SHOW(syscall(SYS_sched_setattr, 0, &a, 0));
    a.sched_policy = 5;
    a.sched_nice = 3;
    SHOW(syscall(SYS_sched_setattr, 0, &a, 0));
    SHOW(sched_getscheduler(0));
    SHOW(getpriority(0, 0));
    SHOW(syscall(SYS_sched_setattr, 0, &a, 1));
    a.sched_policy = 3;
    a.sched_nice = -100;
    SHOW(syscall(SYS_sched_setattr, 0, &a, 0));
    SHOW(getpriority(0, 0));
    SHOW(setpriority(0, 0, 100));
    SHOW(getpriority(0, 0));
    SHOW(syscall(SYS_getpriority, 0, 0));
    SHOW(syscall(SYS_sched_getattr, 0, &a, 47, 0));
    SHOW(syscall(SYS_sched_getattr, 0, &a, 5000, 0));
    SHOW(syscall(SYS_sched_getattr, 0, 0, 48, 0));
    SHOW(syscall(SYS_sched_getattr, 999999, &a, 48, 0));
    SHOW(syscall(SYS_sched_getattr, 0, &a, 48, 1));
    SHOW(syscall(SYS_sched_getattr, 0, &a, 100, 0));
    printf("%d\n", a.size);
    SHOW(getpriority(1, 0));
    SHOW(getpriority(1, 888888));
    SHOW(getpriority(2, 888));
    return 0;
}
