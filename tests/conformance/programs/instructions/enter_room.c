/* ENTER of level 0 faults when the final top of the stack cannot be written, however much it allocates, and changes nothing. */
#include "conform.h"
#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { PAGES = 20, BYTES = 4096 };

static char *lowest; /* readable pages only below */
static sigjmp_buf back;
static char other[1 << 16];

static void on_fault(int number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    printf("signal %d at %ld, RSP %ld\n", number, (long)((char *)info->si_addr - lowest),
           (long)((char *)registers[REG_RSP] - lowest));
    siglongjmp(back, 1);
}

#define TRY(amount, above)                                                                              \
    do {                                                                                                \
        printf("enter %s, %d bytes above: ", #amount, above);                                           \
        fflush(stdout);                                                                                 \
        if (sigsetjmp(back, 1) == 0) {                                                                  \
            long top;                                                                                   \
            asm volatile("mov %%rsp, %%r12\n mov %%rbp, %%r13\n mov %1, %%rsp\n"                        \
                         "enter $" #amount ", $0\n mov %%rsp, %0\n mov %%r12, %%rsp\n mov %%r13, %%rbp" \
                         : "=&r"(top) : "r"(lowest + above) : "r12", "r13", "memory", "cc");            \
            printf("RSP %ld\n", top - (long)lowest);                                                    \
        }                                                                                               \
    } while (0)

int main(void)
{
    char *at = mmap(NULL, PAGES * 2 * BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    lowest = at + PAGES * BYTES;
    MUST(mprotect(lowest, PAGES * BYTES, PROT_READ | PROT_WRITE));
    stack_t stack = {.ss_sp = other, .ss_size = sizeof other};
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    MUST(sigaltstack(&stack, NULL));
    MUST(sigaction(SIGSEGV, &action, NULL));
    TRY(0, 16);
    TRY(0, 8);
    TRY(0, 0);
    TRY(0x10, 24);
    TRY(0x10, 16);
    TRY(0x100, 0x110);
    TRY(0x100, 0x100);
    TRY(0x1008, 0x1010);
    TRY(0x1008, 0x1000);
    TRY(0xfff0, 0x10000);
    TRY(0xfff0, 0x1000);
    TRY(0x00ff, 0x80);
    TRY(0xff00, 0x8000);
    return 0;
}
