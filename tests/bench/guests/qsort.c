/* Calls through a pointer: the C library's qsort. */
#include "bench.h"

static uint32_t *numbers;

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static unsigned long sort(long n)
{
    uint64_t state = 5, sum = 0;
    for (long i = 0; i < n; i++)
        numbers[i] = (uint32_t)next_random(&state);
    qsort(numbers, n, sizeof *numbers, compare);
    for (long i = 0; i < n; i++)
        sum = sum * 31 + numbers[i];
    return sum;
}

int main(int count, char **values)
{
    long n = argument(count, values, 1, 300000);
    keep_heap(16 << 20);
    numbers = malloc(n * sizeof *numbers);
    sort(2000); /* the first call asks for the size of RAM */
    return measure(sort, n);
}
