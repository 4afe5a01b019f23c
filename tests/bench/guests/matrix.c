/* Floating point: a product of square matrices of doubles. */
#include "bench.h"

#define MOST 512
static double a[MOST][MOST], b[MOST][MOST], c[MOST][MOST];

static unsigned long multiply(long n)
{
    for (long row = 0; row < n; row++)
        for (long column = 0; column < n; column++) {
            double sum = 0;
            for (long k = 0; k < n; k++)
                sum += a[row][k] * b[k][column];
            c[row][column] = sum;
        }
    return (unsigned long)c[n / 2][n / 3];
}

int main(int count, char **values)
{
    for (int i = 0; i < MOST; i++)
        for (int k = 0; k < MOST; k++)
            a[i][k] = (i + k) % 13, b[i][k] = (i * k) % 17, c[i][k] = 1;
    return measure(multiply, argument(count, values, 1, 200));
}
