/* What an instruction raises: TRY(name, code) prints the signal with its si_code and trap number, or "no signal". */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <ucontext.h>
#include "conform.h"

static sigjmp_buf trap_back;
static siginfo_t trap_seen;
static ucontext_t trap_at;

static void trap_handler(int signal, siginfo_t *info, void *context)
{
    trap_seen = *info;
    trap_at = *(ucontext_t *)context;
    siglongjmp(trap_back, 1);
}

static void catch_traps(void)
{
    static char stack[65536];
    stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_sigaction = trap_handler, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    sigaltstack(&alternative, 0);
    for (int signal = 1; signal < 32; signal++)
        if (signal != SIGKILL && signal != SIGSTOP)
            sigaction(signal, &action, 0);
}

#define TRY(name, code) \
    do { \
        trap_seen.si_signo = 0; \
        if (!sigsetjmp(trap_back, 1)) { \
            code; \
            printf("%s: no signal\n", name); \
        } else \
            printf("%s: signal %d code %d trap %lld error %#llx\n", name, trap_seen.si_signo, trap_seen.si_code, \
                   (long long)trap_at.uc_mcontext.gregs[REG_TRAPNO], (long long)trap_at.uc_mcontext.gregs[REG_ERR]); \
    } while (0)
