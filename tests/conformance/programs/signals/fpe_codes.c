/* SSE exceptions when unmasked: SIGFPE with the code that says which. */
#include "conform.h"
#include <setjmp.h>
#include <xmmintrin.h>
static sigjmp_buf back;
static void on(int s, siginfo_t *si, void *u) { printf("signal %d code %d\n", s, si->si_code); siglongjmp(back, 1); }
int main(void)
{
    struct sigaction sa = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
    sigaction(SIGFPE, &sa, 0);
    printf("mxcsr %#x\n", _mm_getcsr());
    volatile double a = 1, zero = 0;
    if (!sigsetjmp(back, 1)) { int z = (int)zero; volatile int r = 5 / z; printf("no %d\n", r); }
    printf("mxcsr after %#x\n", _mm_getcsr() & ~0x3f);
    return 0;
}
