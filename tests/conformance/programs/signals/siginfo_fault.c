/* What a handler is told of each kind of bad access: si_code, si_addr, trapno, err, cr2. */
#include "conform.h"
#include <setjmp.h>
#include <ucontext.h>
static sigjmp_buf back;
static char *area;
static const char *what;
static void on(int s, siginfo_t *si, void *u)
{
    ucontext_t *uc = u;
    printf("%s: signal %d code %d offset %ld trapno %lld err %#llx cr2 %s\n", what, s, si->si_code,
           (long)((char *)si->si_addr - area), (long long)uc->uc_mcontext.gregs[REG_TRAPNO],
           (long long)uc->uc_mcontext.gregs[REG_ERR],
           uc->uc_mcontext.gregs[REG_CR2] == (long long)si->si_addr ? "same" : "other");
    siglongjmp(back, 1);
}
#define TRY(text, code) what = text; if (!sigsetjmp(back, 1)) { code; }
int main(void)
{
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &sa, 0); sigaction(SIGBUS, &sa, 0);
    area = mmap(0, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    area[0] = 1;
    munmap(area + 2 * PAGE, PAGE);
    mprotect(area + 3 * PAGE, PAGE, PROT_READ);
    mprotect(area + 4 * PAGE, PAGE, PROT_NONE);
    volatile char c = area[3 * PAGE];
    TRY("read unmapped", c = area[2 * PAGE + 5]);
    TRY("write unmapped", area[2 * PAGE + 5] = 1);
    TRY("write read-only, touched", area[3 * PAGE + 9] = 1);
    TRY("read PROT_NONE", c = area[4 * PAGE + 1]);
    TRY("write PROT_NONE", area[4 * PAGE + 1] = 1);
    TRY("rmw unmapped", (*(volatile int *)(area + 2 * PAGE + 8))++);
    TRY("locked rmw read-only", __sync_fetch_and_add((int *)(area + 3 * PAGE), 1));
    TRY("straddle", *(volatile long *)(area + 2 * PAGE - 4) = 7);
    TRY("execute data", ((void (*)(void))area)());
    TRY("string copy", memcpy(area + 2 * PAGE + 1, area, 3));
    return 0;
}
