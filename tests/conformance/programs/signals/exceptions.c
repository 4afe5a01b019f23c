/* Exceptions as signals: division, unknown opcode, breakpoint, privileged instruction, address that is not canonical. */
#include "conform.h"
#include <setjmp.h>
#include <ucontext.h>
static sigjmp_buf back;
static const char *what;
static unsigned long at;
static void on(int s, siginfo_t *si, void *u)
{
    ucontext_t *uc = u;
    unsigned long rip = uc->uc_mcontext.gregs[REG_RIP];
    printf("%s: signal %d code %d addr %s trapno %lld err %#llx\n", what, s, si->si_code,
           (unsigned long)si->si_addr == rip ? "rip" : si->si_addr ? "other" : "null",
           (long long)uc->uc_mcontext.gregs[REG_TRAPNO], (long long)uc->uc_mcontext.gregs[REG_ERR]);
    siglongjmp(back, 1);
}
#define TRY(text, code) what = text; if (!sigsetjmp(back, 1)) { code; }
int main(void)
{
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    int all[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    for (int i = 0; i < 5; i++) sigaction(all[i], &sa, 0);
    TRY("div", asm volatile("xor %%ecx, %%ecx; mov $1, %%eax; xor %%edx, %%edx; div %%ecx" ::: "rax", "rcx", "rdx"));
    TRY("div overflow", asm volatile("mov $1, %%ecx; mov $5, %%edx; div %%ecx" ::: "rax", "rcx", "rdx"));
    TRY("ud2", asm volatile("ud2"));
    TRY("int3", asm volatile("int3"));
    TRY("hlt", asm volatile("hlt"));
    TRY("cli", asm volatile("cli"));
    TRY("in", asm volatile("inb $0x60, %%al; jmp 1f; 1:" ::: "rax"));
    TRY("not canonical", *(volatile char *)(1UL << 63) = 1);
    TRY("int 0x21", asm volatile("int $0x21"));
    return 0;
}
