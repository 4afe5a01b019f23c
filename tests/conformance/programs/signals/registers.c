/* A handler changes the interrupted registers through the context; all of them come back otherwise. */
#include "conform.h"
#include <ucontext.h>
static void on(int s, siginfo_t *si, void *u)
{
    ucontext_t *uc = u;
    greg_t *g = uc->uc_mcontext.gregs;
    printf("rax %lld rbx %lld r12 %lld r15 %lld cf %lld\n", g[REG_RAX], g[REG_RBX], g[REG_R12], g[REG_R15], g[REG_EFL] & 1);
    g[REG_RBX] = 77;
    g[REG_EFL] &= ~1ll;
    g[REG_RIP] += 2;
    asm volatile("mov $9, %%r12; mov $9, %%r15" ::: "r12", "r15");
}
int main(void)
{
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigaction(SIGILL, &sa, 0);
    long rax = 1, rbx = 2, r12 = 3, r15 = 4, cf;
    asm volatile("mov %[b], %%rbx; mov %[c], %%r12; mov %[d], %%r15; mov $1, %%eax; stc; ud2; mov $0, %%ecx; adc $0, %%ecx;"
                 "mov %%rbx, %[b]; mov %%r12, %[c]; mov %%r15, %[d]; mov %%rcx, %[f]"
                 : [b] "+m"(rbx), [c] "+m"(r12), [d] "+m"(r15), [f] "=m"(cf) : : "rax", "rbx", "rcx", "r12", "r15", "cc");
    printf("rbx %ld r12 %ld r15 %ld cf %ld\n", rbx, r12, r15, cf);
    return 0;
}
