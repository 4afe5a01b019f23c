/* Sections: constants cannot be written, .data can, code cannot; the heap is not executable. */
#include "conform.h"
#include <setjmp.h>

static sigjmp_buf back;
static const int constant = 5;
static int variable = 6;
static void handler(int number, siginfo_t *info, void *context) { siglongjmp(back, number * 10 + info->si_code); }

int main(void)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
    int got;
    if (!(got = sigsetjmp(back, 1)))
        *(volatile int *)&constant = 1;
    printf("constant: %d\n", got);
    if (!(got = sigsetjmp(back, 1)))
        *(volatile int *)&variable = 1;
    printf("variable: %d\n", got);
    if (!(got = sigsetjmp(back, 1)))
        *(volatile char *)(uintptr_t)&main = 1;
    printf("code: %d\n", got);
    unsigned char *heap = malloc(10);
    heap[0] = 0xc3;
    if (!(got = sigsetjmp(back, 1)))
        ((void (*)(void))heap)();
    printf("heap: %d\n", got);
    if (!(got = sigsetjmp(back, 1)))
        ((void (*)(void))8)();
    printf("null: %d\n", got);
    return 0;
}
