/* IEEE exception flags (SSE and x87), rounding modes, flush to zero, trapping with SIGFPE.
 * flags: -frounding-math -Wl,-u,feclearexcept -Wl,-u,fetestexcept -Wl,-u,feenableexcept -Wl,-u,fedisableexcept -Wl,-u,fesetround -Wl,-u,lrint -Wl,-u,sqrt -lm */
#include <fenv.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <xmmintrin.h>
static volatile double zero = 0, one = 1, three = 3, big = 1e308, tiny = 1e-308, nan_ = NAN;
static volatile long double lzero = 0, lone = 1, lbig = 1e4932L;
static sigjmp_buf j;
static int code;
static void h(int s, siginfo_t *i, void *c) { code = i->si_code; siglongjmp(j, 1); }
static void flags(const char *w)
{
	int e = fetestexcept(FE_ALL_EXCEPT);
	printf("%-18s%s%s%s%s%s\n", w, e & FE_INVALID ? " invalid" : "", e & FE_DIVBYZERO ? " divbyzero" : "", e & FE_OVERFLOW ? " overflow" : "",
	       e & FE_UNDERFLOW ? " underflow" : "", e & FE_INEXACT ? " inexact" : "");
	feclearexcept(FE_ALL_EXCEPT);
}
int main(void)
{
	volatile double r;
	volatile long double l;
	volatile int i;
	feclearexcept(FE_ALL_EXCEPT);
	r = one / zero, flags("sse 1/0");
	r = zero / zero, flags("sse 0/0");
	r = one / three, flags("sse 1/3");
	r = big * 10, flags("sse overflow");
	r = tiny / 1e10, flags("sse underflow");
	r = sqrt(-one), flags("sse sqrt(-1)");
	i = nan_ < one, flags("sse nan < 1");
	i = (int)1e20 + (int)(big), flags("sse to int");
	l = lone / lzero, flags("x87 1/0");
	l = lzero / lzero, flags("x87 0/0");
	l = lone / 3, flags("x87 1/3");
	l = lbig * lbig, flags("x87 overflow");
	i = (int)(lone / 3), flags("x87 to int");
	for (int m = 0; m < 4; m++) {
		static const int mode[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
		fesetround(mode[m]);
		printf("round %d %a %La %ld\n", m, one / three, lone / 3, lrint(one / three * 4.5));
	}
	fesetround(FE_TONEAREST);
	feclearexcept(FE_ALL_EXCEPT);
	_mm_setcsr(_mm_getcsr() | 0x8040);
	r = tiny / 1e5;
	printf("flushed to zero %g\n", r);
	_mm_setcsr(_mm_getcsr() & ~0x8040);
	sigaction(SIGFPE, &(struct sigaction){.sa_sigaction = h, .sa_flags = SA_SIGINFO}, 0);
	feclearexcept(FE_ALL_EXCEPT);
	if (!sigsetjmp(j, 1)) {
		feenableexcept(FE_DIVBYZERO);
		r = one / zero;
		puts("sse: no trap");
	} else printf("sse trap code %d\n", code);
	fedisableexcept(FE_ALL_EXCEPT), feclearexcept(FE_ALL_EXCEPT);
	if (!sigsetjmp(j, 1)) {
		feenableexcept(FE_INVALID);
		l = lzero / lzero;
		l = l + 1;
		puts("x87: no trap");
	} else printf("x87 trap code %d\n", code);
	return 0;
}
