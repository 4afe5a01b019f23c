/* What of prctl a thread, a forked process and another program start with. */
#include "conform.h"
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/wait.h>
static void show(const char *who)
{
    int death = -1, tsc = -1, reaper = -1; char name[17] = "";
    prctl(PR_GET_PDEATHSIG, &death); prctl(PR_GET_TSC, &tsc); prctl(PR_GET_CHILD_SUBREAPER, &reaper); prctl(PR_GET_NAME, name);
    printf("%s: name %s pdeath %d slack %d dumpable %d nnp %d keepcaps %d securebits %#x tsc %d thp %d mdwe %d reaper %d mce %d drop %d", who, name, death, prctl(PR_GET_TIMERSLACK), prctl(PR_GET_DUMPABLE),
           prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_KEEPCAPS), prctl(PR_GET_SECUREBITS), tsc, prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), prctl(66, 0, 0, 0, 0), reaper, prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), prctl(PR_CAPBSET_READ, 30));
    prctl(PR_SET_TIMERSLACK, 0); printf(" default slack %d\n", prctl(PR_GET_TIMERSLACK)); fflush(stdout);
}
static void *thread(void *a)
{
    show("thread"); prctl(PR_SET_NAME, "mine"); prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); prctl(PR_SET_TIMERSLACK, 5); prctl(PR_SET_DUMPABLE, 1); prctl(PR_SET_KEEPCAPS, 0); prctl(PR_SET_TSC, PR_TSC_ENABLE); prctl(PR_SET_PDEATHSIG, 9);
    return 0;
}
int main(int argc, char **argv)
{
    if (argc > 1) { show(argv[1]); return 0; }
    pthread_t t; int mode = 0;
    prctl(PR_SET_NAME, "first"); show("start");
    prctl(PR_SET_NAME, "renamed"); prctl(PR_SET_PDEATHSIG, 10); prctl(PR_SET_TIMERSLACK, 7000); prctl(PR_SET_DUMPABLE, 0); prctl(PR_SET_KEEPCAPS, 1); prctl(PR_SET_TSC, PR_TSC_SIGSEGV); prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); prctl(PR_SET_CHILD_SUBREAPER, 1); prctl(PR_MCE_KILL, 1, 1, 0, 0); prctl(PR_CAPBSET_DROP, 30);
    pthread_create(&t, 0, thread, 0); pthread_join(t, 0);
    show("main after it");
    prctl(PR_SET_TIMERSLACK, 7000); prctl(PR_SET_SECUREBITS, 0x15);
    if (!fork()) { show("child"); _exit(0); } wait(0);
    if (!vfork()) { execl("/proc/self/exe", "x", "exec", (char *)0); _exit(9); } wait(0);
    prctl(65, 3, 0, 0, 0);
    if (!fork()) { show("child of mdwe without inheritance"); execl("/proc/self/exe", "x", "its exec", (char *)0); _exit(9); } wait(0);
    if (!vfork()) { execl("/proc/self/exe", "x", "vfork exec", (char *)0); _exit(9); } wait(0);
    if (!fork()) { prctl(65, 1, 0, 0, 0); if (!fork()) { show("child of mdwe"); execl("/proc/self/exe", "x", "its exec", (char *)0); _exit(9); } wait(0); _exit(0); } wait(0);
    execl("/proc/self/exe", "x", "exec of mdwe without inheritance", (char *)0);
    return 1;
}
