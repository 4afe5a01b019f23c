/* Denormal numbers with their exception unmasked: FLD pushes one all the same, DPPS keeps the flags of the products. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>
static sigjmp_buf j;
static unsigned seen;
static void h(int s, siginfo_t *i, void *c)
{
	(void)i;
	seen = ((ucontext_t *)c)->uc_mcontext.fpregs->mxcsr;
	siglongjmp(j, s);
}
static float single = 1e-40f;
static double twice = 1e-310;
static long double extended = 1e-4940L;
#define X87(ins) do { \
	unsigned short control = 0x37d, e[14]; \
	asm volatile("fninit\n\tfld1\n\tfldpi\n\tfldcw %0" : : "m"(control)); \
	asm volatile(ins : : "r"(&single), "r"(&twice), "r"(&extended)); \
	asm volatile("fnstenv %0" : "=m"(e)); \
	printf(ins ": status %04x tags %04x\n", e[2], e[4]); \
} while (0)
static void dot(unsigned mxcsr)
{
	float a[4] = {6.8e27f, -7.8e-33f, 3.2e-22f, 7e-30f}, b[4] = {-1.5e10f, 5.4e-15f, 1.4e-32f, 2e9f};
	int s = sigsetjmp(j, 1);
	if (!s) {
		asm volatile("ldmxcsr %0" : : "m"(mxcsr));
		asm volatile("movups %0,%%xmm0\n\tmovups %1,%%xmm1\n\tdpps $0xf1,%%xmm1,%%xmm0\n\tmovups %%xmm0,%0"
			     : "+m"(a) : "m"(b) : "xmm0", "xmm1");
		asm volatile("stmxcsr %0" : "=m"(seen));
	}
	asm volatile("ldmxcsr %0" : : "m"((unsigned){0x1f80}));
	printf("dpps with %x: signal %d, mxcsr %x\n", mxcsr, s, seen);
}
int main(void)
{
	struct sigaction action = {.sa_sigaction = h, .sa_flags = SA_SIGINFO};
	sigaction(SIGFPE, &action, 0);
	X87("flds (%0)");
	X87("fldl (%1)");
	X87("fldt (%2)");
	X87("fadds (%0)");
	X87("fcompl (%1)");
	dot(0x3f80);
	dot(0x3e80);
	dot(0x3780);
	return 0;
}
