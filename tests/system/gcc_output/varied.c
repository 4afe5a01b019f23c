/* Variable arguments, arrays of variable length, unions. */
#include "start.h"
#include <stdarg.h>
__attribute__((noinline)) int total(int n, ...) {
    va_list a;
    va_start(a, n);
    double s = 0;
    for (int i = 0; i < n; i++) s += i % 2 ? va_arg(a, double) : va_arg(a, int);
    va_end(a);
    return s;
}

_Bool flag = 1;
enum { A = 3, B = -4 } e = B;
union {
    int i;
    float f;
} u = {.f = 1.0f};
volatile int i = 5;
int run(void) {
    int s = total(6, 1, 2.5, 3, 4.25, 5, 6.5);
    s += flag ? e : A;
    s += u.i >> 24;
    s += i++ + --i * 2;
    int x = i > 3 && flag || s;
    unsigned char k[i + 3];
    k[i] = 9;
    return (s + x + k[i]) & 127;
}
