/* SSE and x87 arithmetic, conversions, constants. */
#include "start.h"
float f[4] = {1.5f, -2.25f, 1e10f, 0.1f};
double d[3] = {3.14159, -0.0, 1e-300};
long double l = 1.25L;
double poly(double x) {
    return ((x * 3.5 + 2.0) * x - 7.25) * x + 0.125;
}

float mix(float a, double b, int c) {
    return a * b + c;
}

int cmp(double a, double b) {
    return (a < b) + 2 * (a == b) + 4 * (a > b);
}

volatile double vd = 2.5;
volatile unsigned long u = 0xffffffffffff0000ul;
volatile long sl = -77;
int run(void) {
    double r = poly(vd) + mix(f[0], d[0], 3) + (double)u / 1e18 + (double)sl;
    l = l * 3 + vd;
    r += (double)l + __builtin_sqrt(vd) + __builtin_fabs(-vd);
    return ((int)r + cmp(vd, 2.5) * 16 + cmp(f[1], d[1]) + (int)(unsigned long)(vd * 1e18)) & 127;
}
