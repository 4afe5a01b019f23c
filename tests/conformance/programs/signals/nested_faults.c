/* Faults of another kind inside handlers nest: SIGSEGV, in it SIGFPE, in it SIGILL. */
#include "conform.h"
#include <ucontext.h>
static int depth;
static void skip(void *u, int n) { ((ucontext_t *)u)->uc_mcontext.gregs[REG_RIP] += n; }
static void on_ill(int s, siginfo_t *si, void *u) { printf("ill at depth %d\n", depth); skip(u, 2); }
static void on_fpe(int s, siginfo_t *si, void *u) { depth++; asm volatile("ud2"); printf("fpe at depth %d\n", depth); depth--; skip(u, 2); }
static void on_segv(int s, siginfo_t *si, void *u)
{
    depth++;
    asm volatile("xor %%ecx, %%ecx; xor %%edx, %%edx; div %%ecx" ::: "rax", "rcx", "rdx", "cc");
    printf("segv at depth %d\n", depth);
    depth--;
    skip(u, 3);
}
int main(void)
{
    struct sigaction sa = {.sa_flags = SA_SIGINFO};
    sa.sa_sigaction = on_segv; sigaction(SIGSEGV, &sa, 0);
    sa.sa_sigaction = on_fpe; sigaction(SIGFPE, &sa, 0);
    sa.sa_sigaction = on_ill; sigaction(SIGILL, &sa, 0);
    asm volatile("mov $64, %%eax; movb (%%rax), %%al; nop" ::: "rax");
    printf("done\n");
    return 0;
}
