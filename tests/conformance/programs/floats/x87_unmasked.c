/* an unmasked x87 exception is #MF (vector 16) at the next waiting x87 instruction: SIGFPE, FPE_FLTDIV. */
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

int main(void)
{
    catch_all(); uint16_t cw = 0x37b;
    TRY("1/0, fwait", asm volatile("fninit\n\tfldcw %0\n\tfld1\n\tfldz\n\tfdivrp\n\tfwait" :: "m"(cw)));
    asm volatile("fninit");
}
