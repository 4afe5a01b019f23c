/* SSE arithmetic sets the exception flags in MXCSR: fetestexcept sees them.
 * flags: -frounding-math -Wl,-u,feclearexcept -Wl,-u,fetestexcept -lm */
#include <stdio.h>
#include <fenv.h>
int main(void)
{
    volatile double one = 1, zero = 0, three = 3, big = 1e308, r;
    feclearexcept(FE_ALL_EXCEPT); r = one / zero; printf("1/0 %x\n", fetestexcept(FE_ALL_EXCEPT));
    feclearexcept(FE_ALL_EXCEPT); r = one / three; printf("1/3 %x\n", fetestexcept(FE_ALL_EXCEPT));
    feclearexcept(FE_ALL_EXCEPT); r = big * 10; printf("overflow %x\n", fetestexcept(FE_ALL_EXCEPT));
    feclearexcept(FE_ALL_EXCEPT); volatile int i = (int)big; printf("to int %x\n", fetestexcept(FE_ALL_EXCEPT));
}
