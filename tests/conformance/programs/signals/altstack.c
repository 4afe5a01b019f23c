/* sigaltstack: state, errors, a stack overflow handled on it, SS_AUTODISARM. */
#include "conform.h"
#include <setjmp.h>
static char stack[65536];
static sigjmp_buf back;
static void on(int s, siginfo_t *si, void *u)
{
    char here;
    stack_t ss;
    sigaltstack(0, &ss);
    printf("signal %d on stack %d flags %d\n", s, &here >= stack && &here < stack + sizeof stack, ss.ss_flags);
    stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    SHOW(sigaltstack(&other, 0));
    if (s == SIGSEGV) siglongjmp(back, 1);
}
static int eat(int n) { volatile char room[4096]; room[0] = n; return n ? eat(n + 1) + room[0] : 0; }
int main(void)
{
    stack_t ss, old;
    SHOW(sigaltstack(0, &old));
    printf("flags %d size %zu\n", old.ss_flags, old.ss_size);
    ss = (stack_t){.ss_sp = stack, .ss_size = 1024};
    SHOW(sigaltstack(&ss, 0));
    ss = (stack_t){.ss_sp = stack, .ss_size = sizeof stack, .ss_flags = 4};
    SHOW(sigaltstack(&ss, 0));
    SHOW(sigaltstack((void *)8, 0));
    ss.ss_flags = 0;
    SHOW(sigaltstack(&ss, 0));
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &sa, 0);
    raise(SIGUSR1);
    sa.sa_flags |= SA_ONSTACK;
    sigaction(SIGUSR1, &sa, 0);
    sigaction(SIGSEGV, &sa, 0);
    raise(SIGUSR1);
    if (!sigsetjmp(back, 1)) eat(1);
    puts("overflow handled");
    ss.ss_flags = SS_DISABLE;
    SHOW(sigaltstack(&ss, &old));
    printf("was %d size %zu\n", old.ss_flags, old.ss_size);
    ss = (stack_t){.ss_sp = stack, .ss_size = sizeof stack, .ss_flags = 1 << 31};
    SHOW(sigaltstack(&ss, 0));
    raise(SIGUSR1);
    SHOW(sigaltstack(0, &old));
    printf("flags %#x\n", old.ss_flags);
    return 0;
}
