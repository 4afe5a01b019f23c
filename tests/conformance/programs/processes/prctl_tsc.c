/* PR_SET_TSC: RDTSC and RDTSCP raise SIGSEGV in the threads that ask for it, and what they start. */
#include "conform.h"
#include <pthread.h>
#include <setjmp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <ucontext.h>
static __thread sigjmp_buf back; static int code, trap; static unsigned long after;
static void on(int s, siginfo_t *i, void *u) { ucontext_t *c = u; code = i->si_code; trap = c->uc_mcontext.gregs[REG_TRAPNO]; after = c->uc_mcontext.gregs[REG_RAX]; siglongjmp(back, 1); }
static void try(const char *who)
{
    unsigned a = 5, d = 6, c = 0; int m = 0; prctl(PR_GET_TSC, &m);
    if (!sigsetjmp(back, 1)) { asm volatile("mov $77, %%eax; rdtsc; mov $99, %%ebx" : "=a"(a), "=d"(d) :: "rbx"); printf("%s mode %d: rdtsc runs\n", who, m); }
    else printf("%s mode %d: rdtsc SIGSEGV code %d trap %d rax %ld\n", who, m, code, trap, after);
    if (!sigsetjmp(back, 1)) { asm volatile("mov $78, %%eax; rdtscp" : "=a"(a), "=d"(d), "=c"(c)); printf("%s: rdtscp runs\n", who); }
    else printf("%s: rdtscp SIGSEGV code %d trap %d rax %ld\n", who, code, trap, after);
    fflush(stdout);
}
static void *thread(void *a) { try("thread"); prctl(PR_SET_TSC, a ? PR_TSC_SIGSEGV : PR_TSC_ENABLE); try("thread then"); usleep(2000); try("after a sleep"); return 0; }
int main(int argc, char **argv)
{
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO | SA_NODEFER}; sigaction(SIGSEGV, &sa, 0); pthread_t t; int st;
    if (argc > 1) { try("exec"); return 0; }
    try("main");
    pthread_create(&t, 0, thread, (void *)1); pthread_join(t, 0);
    try("main still");
    SHOW(prctl(PR_SET_TSC, PR_TSC_SIGSEGV)); try("main");
    pthread_create(&t, 0, thread, 0); pthread_join(t, 0);
    if (!fork()) { try("child"); execl("/proc/self/exe", "x", "again", (char *)0); _exit(9); } wait(0);
    usleep(1000); try("main at last"); SHOW(prctl(PR_SET_TSC, PR_TSC_ENABLE)); try("main");
    if (!fork()) { signal(SIGSEGV, SIG_DFL); prctl(PR_SET_TSC, PR_TSC_SIGSEGV); asm volatile("rdtsc" ::: "rax", "rdx"); _exit(0); }
    wait(&st); printf("dies of %d\n", WTERMSIG(st));
    return 0;
}
