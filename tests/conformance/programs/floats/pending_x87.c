/* Which instructions handle a pending x87 exception first: x87's, MMX's and those that read MMX registers. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
static sigjmp_buf j;
static void h(int s) { siglongjmp(j, s); }
__attribute__((used)) double z[2];
__attribute__((used, aligned(16))) unsigned char area[512];
#define TRY(ins) do { \
	unsigned short cw = 0x37b, e[14]; \
	asm volatile("fninit\n\tfldcw %0" : : "m"(cw)); \
	int s = sigsetjmp(j, 1); \
	if (s) { printf("%s: signal %d\n", ins, s); break; } \
	asm volatile("fld1\n\tfldz\n\tfdivrp\n\t" ins ::: "xmm0", "rax", "memory"); \
	asm volatile("fnstenv %0" : "=m"(e)); \
	printf("%s: runs, tags %04x\n", ins, e[4]); \
} while (0)
int main(void)
{
	signal(SIGFPE, h);
	asm volatile("fxsave area(%%rip)" : : : "memory");
	TRY("cvtpi2ps z(%%rip), %%xmm0");
	TRY("cvtpi2pd z(%%rip), %%xmm0");
	TRY("cvtpi2ps %%mm1, %%xmm0");
	TRY("cvtpi2pd %%mm1, %%xmm0");
	TRY("cvtps2pi z(%%rip), %%mm0");
	TRY("cvttpd2pi area(%%rip), %%mm0");
	TRY("cvtsi2sdl z(%%rip), %%xmm0");
	TRY("movq2dq %%mm0, %%xmm0");
	TRY("movdq2q %%xmm0, %%mm0");
	TRY("movq z(%%rip), %%mm0");
	TRY("movq %%mm0, z(%%rip)");
	TRY("movd %%eax, %%mm0");
	TRY("paddq %%mm1, %%mm0");
	TRY("paddq %%xmm0, %%xmm0");
	TRY("pabsb z(%%rip), %%mm0");
	TRY("pshufw $1, z(%%rip), %%mm0");
	TRY("pmovmskb %%mm0, %%eax");
	TRY("movntq %%mm0, z(%%rip)");
	TRY("addps area(%%rip), %%xmm0");
	TRY("stmxcsr z(%%rip)");
	TRY("emms");
	TRY("fwait");
	TRY("fnop");
	TRY("fldcw z(%%rip)");
	TRY("fnstcw z(%%rip)");
	TRY("fnstsw %%ax");
	TRY("fnclex");
	TRY("fxrstor area(%%rip)");
	return 0;
}
