/* SSE and x87 state: saved for the interrupted code, reset for the handler, reachable through the context. */
#include "conform.h"
#include <ucontext.h>
#include <xmmintrin.h>
static void on(int s, siginfo_t *si, void *u)
{
    ucontext_t *uc = u;
    unsigned short cw;
    asm volatile("fnstcw %0" : "=m"(cw));
    printf("handler: mxcsr %#x cw %#x\n", _mm_getcsr(), cw);
    printf("saved: mxcsr %#x cwd %#x xmm5 %#x aligned %d\n", uc->uc_mcontext.fpregs->mxcsr,
           uc->uc_mcontext.fpregs->cwd, uc->uc_mcontext.fpregs->_xmm[5].element[0],
           ((unsigned long)uc->uc_mcontext.fpregs & 15) == 0);
    uc->uc_mcontext.fpregs->_xmm[5].element[0] = 0x1234;
    volatile double d = 2; d = d / 3; d = (long double)d * 7;
}
int main(void)
{
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &sa, 0);
    _MM_SET_ROUNDING_MODE(_MM_ROUND_UP);
    unsigned out = 0;
    long double ld = 1.25L;
    pid_t pid = getpid();
    asm volatile("mov $0xabcd, %%eax; movd %%eax, %%xmm5; fldpi; mov %[pid], %%edi; mov %[sig], %%esi; mov $62, %%eax; syscall;"
                 "movd %%xmm5, %[out]; fstpt %[ld]"
                 : [out] "=r"(out), [ld] "=m"(ld) : [pid] "r"(pid), [sig] "i"(SIGUSR1)
                 : "rax", "rcx", "rdi", "rsi", "r11", "xmm5", "memory");
    printf("after: xmm5 %#x st0 %.15Lf round %d\n", out, ld, _MM_GET_ROUNDING_MODE() == _MM_ROUND_UP);
    return 0;
}
