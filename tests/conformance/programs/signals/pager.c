/* The classic user-space pager: PROT_NONE memory, a SIGSEGV handler that fills pages and makes them accessible. */
#include "conform.h"
#include <ucontext.h>
static char *area;
static volatile int faults, writes;
static void on(int s, siginfo_t *si, void *u)
{
    ucontext_t *uc = u;
    char *page = (char *)((unsigned long)si->si_addr & ~(PAGE - 1));
    faults++;
    writes += (uc->uc_mcontext.gregs[REG_ERR] & 2) != 0;
    if (mprotect(page, PAGE, PROT_READ | PROT_WRITE)) _exit(3);
    page[0] = 'a' + (page - area) / PAGE;
}
int main(void)
{
    area = mmap(0, 26 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &sa, 0);
    for (int i = 0; i < 26; i += 2) putchar(area[i * PAGE]);
    for (int i = 1; i < 26; i += 2) area[i * PAGE + 100] = 1;
    for (int i = 0; i < 26; i++) putchar(area[i * PAGE]);
    printf("\nfaults %d writes %d\n", faults, writes);
    mprotect(area, 26 * PAGE, PROT_READ);
    for (int i = 0; i < 26; i++) area[i * PAGE + 1]++;
    printf("faults %d writes %d\n", faults, writes);
    return 0;
}
