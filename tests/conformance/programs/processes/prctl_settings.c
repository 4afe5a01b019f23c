/* prctl: what is asked and set of a thread and a process, with every wrong argument; unknown options. */
#include "conform.h"
#include <sys/prctl.h>
#include <sched.h>
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#endif
#define TRY5(o, a, b, c, d) SHOW(prctl(o, a, b, c, d))
int main(void)
{
    int n = -1; long l = -1;
    SHOW(prctl(PR_GET_PDEATHSIG, &n)); printf("%d\n", n);
    SHOW(prctl(PR_SET_PDEATHSIG, SIGUSR1)); SHOW(prctl(PR_GET_PDEATHSIG, &n)); printf("%d\n", n);
    SHOW(prctl(PR_SET_PDEATHSIG, 64)); SHOW(prctl(PR_SET_PDEATHSIG, 65)); SHOW(prctl(PR_SET_PDEATHSIG, -1));
    SHOW(prctl(PR_SET_PDEATHSIG, 0));
    SHOW(prctl(PR_SET_PDEATHSIG, 1L << 32 | 10));
    SHOW(prctl(PR_GET_PDEATHSIG, 8));
    SHOW(prctl(PR_GET_DUMPABLE, 5, 5, 5, 5)); SHOW(prctl(PR_SET_DUMPABLE, 2)); SHOW(prctl(PR_SET_DUMPABLE, 0));
    SHOW(prctl(PR_GET_DUMPABLE)); SHOW(prctl(PR_SET_DUMPABLE, 1)); SHOW(prctl(PR_GET_DUMPABLE));
    SHOW(prctl(PR_GET_UNALIGN, &n)); SHOW(prctl(PR_SET_UNALIGN, 1));
    SHOW(prctl(PR_GET_KEEPCAPS)); SHOW(prctl(PR_SET_KEEPCAPS, 2)); SHOW(prctl(PR_SET_KEEPCAPS, 1));
    SHOW(prctl(PR_GET_KEEPCAPS)); SHOW(prctl(PR_GET_SECUREBITS)); SHOW(prctl(PR_SET_KEEPCAPS, 0));
    SHOW(prctl(PR_GET_FPEMU, &n)); SHOW(prctl(PR_SET_FPEMU, 1)); SHOW(prctl(PR_GET_FPEXC, &n));
    SHOW(prctl(PR_GET_ENDIAN, &n)); SHOW(prctl(PR_SET_ENDIAN, 0));
    SHOW(prctl(PR_GET_TIMING)); SHOW(prctl(PR_SET_TIMING, 0)); SHOW(prctl(PR_SET_TIMING, 1));
    SHOW(prctl(PR_GET_SECCOMP));
    SHOW(prctl(PR_CAPBSET_READ, 0)); SHOW(prctl(PR_CAPBSET_READ, 40)); SHOW(prctl(PR_CAPBSET_READ, 41));
    SHOW(prctl(PR_CAPBSET_READ, -1));
    SHOW(prctl(PR_CAPBSET_DROP, 41)); SHOW(prctl(PR_CAPBSET_DROP, 30)); SHOW(prctl(PR_CAPBSET_READ, 30));
    SHOW(prctl(PR_CAPBSET_READ, 29));
    SHOW(prctl(PR_GET_TSC, &n)); printf("%d\n", n); SHOW(prctl(PR_GET_TSC, 8)); SHOW(prctl(PR_SET_TSC, 0));
    SHOW(prctl(PR_SET_TSC, 3)); SHOW(prctl(PR_SET_TSC, PR_TSC_ENABLE));
    SHOW(prctl(PR_GET_SECUREBITS));
    SHOW(prctl(PR_SET_SECUREBITS, 1 << 12)); SHOW(prctl(PR_SET_SECUREBITS, 1 << 4)); SHOW(prctl(PR_GET_KEEPCAPS));
    SHOW(prctl(PR_SET_SECUREBITS, 1 << 4 | 1 << 5)); SHOW(prctl(PR_SET_KEEPCAPS, 0));
    SHOW(prctl(PR_SET_SECUREBITS, 0)); SHOW(prctl(PR_SET_SECUREBITS, 0x30)); SHOW(prctl(PR_SET_SECUREBITS, 0x20));
    SHOW(prctl(PR_SET_SECUREBITS, 0x34)); SHOW(prctl(PR_SET_SECUREBITS, 0xf3f)); SHOW(prctl(PR_GET_SECUREBITS));
    SHOW(prctl(PR_GET_TIMERSLACK)); SHOW(prctl(PR_SET_TIMERSLACK, 70000)); SHOW(prctl(PR_GET_TIMERSLACK));
    SHOW(prctl(PR_SET_TIMERSLACK, 0)); SHOW(prctl(PR_GET_TIMERSLACK)); SHOW(prctl(PR_SET_TIMERSLACK, 1));
    SHOW(prctl(PR_GET_TIMERSLACK, 1, 2, 3)); SHOW(prctl(PR_SET_TIMERSLACK, -5L));
    SHOW(syscall(SYS_prctl, PR_GET_TIMERSLACK));
    SHOW(prctl(PR_TASK_PERF_EVENTS_DISABLE)); SHOW(prctl(PR_TASK_PERF_EVENTS_ENABLE));
    TRY5(PR_MCE_KILL_GET, 0, 0, 0, 0); TRY5(PR_MCE_KILL_GET, 1, 0, 0, 0);
    TRY5(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0); TRY5(PR_MCE_KILL_GET, 0, 0, 0, 0);
    TRY5(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 0); TRY5(PR_MCE_KILL_GET, 0, 0, 0, 0);
    TRY5(PR_MCE_KILL, PR_MCE_KILL_SET, 3, 0, 0); TRY5(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_DEFAULT, 0, 0);
    TRY5(PR_MCE_KILL_GET, 0, 0, 0, 0); TRY5(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 1, 0, 0);
    TRY5(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0); TRY5(PR_MCE_KILL, 2, 0, 0, 0); TRY5(PR_MCE_KILL, 1, 1, 1, 0);
    TRY5(PR_MCE_KILL, 1, 1, 0, 1); TRY5(PR_MCE_KILL_GET, 0, 0, 0, 0);
    SHOW(prctl(PR_SET_CHILD_SUBREAPER, 7, 1, 1, 1)); SHOW(prctl(PR_GET_CHILD_SUBREAPER, &n)); printf("%d\n", n);
    SHOW(prctl(PR_SET_CHILD_SUBREAPER, 0)); SHOW(prctl(PR_GET_CHILD_SUBREAPER, 8));
    TRY5(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 1); TRY5(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0);
    TRY5(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 1); TRY5(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0);
    TRY5(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); TRY5(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    TRY5(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    SHOW(prctl(PR_GET_TID_ADDRESS, &l)); printf("%d\n", l != -1 && l != 0); syscall(SYS_set_tid_address, &n);
    prctl(PR_GET_TID_ADDRESS, &l); printf("%d\n", l == (long)&n);
    TRY5(PR_GET_THP_DISABLE, 0, 0, 0, 0); TRY5(PR_GET_THP_DISABLE, 1, 0, 0, 0); TRY5(PR_SET_THP_DISABLE, 0, 2, 0, 0);
    TRY5(PR_SET_THP_DISABLE, 5, 0, 0, 0); TRY5(PR_GET_THP_DISABLE, 0, 0, 0, 0); TRY5(PR_SET_THP_DISABLE, 1, 2, 0, 0);
    TRY5(PR_GET_THP_DISABLE, 0, 0, 0, 0); TRY5(PR_SET_THP_DISABLE, 1, 1, 0, 0); TRY5(PR_SET_THP_DISABLE, 1, 4, 0, 0);
    TRY5(PR_SET_THP_DISABLE, 1, 0, 1, 0); TRY5(PR_SET_THP_DISABLE, 1, 0, 0, 1); TRY5(PR_SET_THP_DISABLE, 0, 0, 0, 0);
    TRY5(PR_GET_THP_DISABLE, 0, 0, 0, 0);
    TRY5(43, 0, 0, 0, 0); TRY5(45, 0, 0, 0, 0); TRY5(46, 0, 0, 0, 0);
    TRY5(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 1, 0, 0); TRY5(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 1, 0, 0);
    TRY5(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, 1, 0, 0); TRY5(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    TRY5(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0); TRY5(PR_CAP_AMBIENT, 9, 1, 0, 0);
    TRY5(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 41, 0, 0); TRY5(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 1, 1, 0);
    TRY5(50, 0, 0, 0, 0); TRY5(51, 0, 0, 0, 0); TRY5(52, 2, 0, 0, 0); TRY5(52, 3, 0, 0, 0); TRY5(53, 0, 2, 0, 0);
    TRY5(54, 0, 0, 0, 0); TRY5(56, 0, 0, 0, 0); TRY5(55, 1, 0, 0, 0);
    TRY5(PR_GET_MDWE, 1, 0, 0, 0); TRY5(PR_GET_MDWE, 0, 0, 0, 0); TRY5(PR_SET_MDWE, 0, 0, 0, 0);
    TRY5(PR_SET_MDWE, 4, 0, 0, 0); TRY5(PR_SET_MDWE, 2, 0, 0, 0); TRY5(PR_SET_MDWE, 1, 1, 0, 0);
    TRY5(PR_SET_MDWE, 3, 0, 0, 0); TRY5(PR_GET_MDWE, 0, 0, 0, 0); TRY5(PR_SET_MDWE, 1, 0, 0, 0);
    TRY5(PR_SET_MDWE, 0, 0, 0, 0); TRY5(PR_SET_MDWE, 3, 0, 0, 0);
    TRY5(68, 0, 0, 0, 0); TRY5(69,0,0,0,0); TRY5(70,0,0,0,0); TRY5(71,0,0,0,0); TRY5(72,0,0,0,0); TRY5(73,0,0,0,0);
    TRY5(74,0,0,0,0); TRY5(0, 0, 0, 0, 0); TRY5(9999, 0, 0, 0, 0); TRY5(-1, 0, 0, 0, 0); TRY5(1, SIGUSR1, 2, 3, 4);
    TRY5(0x53564d41, 0, 0, 0, 0); TRY5(0x59616d61, 0, 0, 0, 0);
    return 0;
}
