/* EFLAGS.AC in ring 3 makes a misaligned access #AC: SIGBUS, BUS_ADRALN.
   flags: -mno-red-zone */
#include "trap.h"

static char m[64] __attribute__((aligned(16)));
static volatile int number, code;
static volatile long trap;

static void on(int signal, siginfo_t *info, void *context)
{
    asm volatile("pushf\n\tandl $~0x40000,(%rsp)\n\tpopf");
    number = signal, code = info->si_code;
    trap = ((ucontext_t *)context)->uc_mcontext.gregs[REG_TRAPNO];
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~0x40000L;
}

#define CHECKED(name, instruction) \
    do { \
        number = 0; \
        asm volatile("pushf\n\torl $0x40000,(%%rsp)\n\tpopf\n\t" instruction "\n\tpushf\n\tandl $~0x40000,(%%rsp)\n\tpopf" ::"r"(m) \
                     : "memory", "cc", "rax", "xmm0"); \
        printf("%s: signal %d code %d trap %ld\n", name, number, code, trap); \
        code = trap = 0; \
    } while (0)

int main(void)
{
    struct sigaction action = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigaction(SIGBUS, &action, 0);
    CHECKED("dword at 1", "mov 1(%0),%%eax");
    CHECKED("dword at 4", "mov 4(%0),%%eax");
    CHECKED("qword at 4", "mov 4(%0),%%rax");
    CHECKED("byte at 1", "mov 1(%0),%%al");
    CHECKED("word store at 3", "mov %%ax,3(%0)");
    CHECKED("add to memory at 2", "addl $1,2(%0)");
    CHECKED("movsd at 4", "movsd 4(%0),%%xmm0");
    CHECKED("after it is clear", "nop");
    volatile uint32_t value = *(volatile uint32_t *)(m + 1);
    printf("and unchecked again: %d\n", number);
}
