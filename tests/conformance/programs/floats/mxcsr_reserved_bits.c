/* LDMXCSR and FXRSTOR with reserved bits of MXCSR set are #GP. */
#include <signal.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>
#include <sys/mman.h>
static sigjmp_buf back; static siginfo_t seen; static ucontext_t at;
static void on(int s, siginfo_t *i, void *u) { seen = *i; at = *(ucontext_t *)u; siglongjmp(back, 1); }
static void catch_all(void) { static char alt[65536]; stack_t st = {.ss_sp = alt, .ss_size = sizeof alt}; sigaltstack(&st, 0);
    struct sigaction a = {.sa_sigaction = on, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    for (int s = 1; s < 32; s++) if (s != SIGKILL && s != SIGSTOP) sigaction(s, &a, 0); }
#define TRY(name, code) do { seen.si_signo = 0; if (!sigsetjmp(back, 1)) { code; printf("%s: no signal\n", name); } \
    else printf("%s: signal %d code %d trap %lld\n", name, seen.si_signo, seen.si_code, (long long)at.uc_mcontext.gregs[REG_TRAPNO]); } while (0)

static char area[512] __attribute__((aligned(16)));
int main(void)
{
    catch_all(); uint32_t bad = 0xffff1f80;
    TRY("ldmxcsr", asm volatile("ldmxcsr %0" :: "m"(bad)));
    asm volatile("fxsave %0" : "=m"(area)); memcpy(area + 24, &bad, 4);
    TRY("fxrstor", asm volatile("fxrstor %0" :: "m"(area)));
}
