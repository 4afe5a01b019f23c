/* Thread-local variables, initialised and zero; floating point; a large array in .bss. */
#include "conform.h"
#include <math.h>

static __thread int counter = 41;
static __thread char zeroes[100];
static double table[100000];

int main(void)
{
    counter++;
    for (int i = 0; i < 100000; i++)
        table[i] = i / 7.0;
    double sum = 0;
    for (int i = 0; i < 100000; i++)
        sum += table[i];
    printf("%d %d %.6f %.3e %Lf\n", counter, zeroes[99], sum, 1.0 / 3, (long double)2 / 3);
    return 0;
}
