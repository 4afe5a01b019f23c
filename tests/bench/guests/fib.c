/* Calls and returns: Fibonacci numbers, recursively. */
#include "bench.h"

static __attribute__((noinline)) unsigned long fib(long n) { return n < 2 ? (unsigned long)n : fib(n - 1) + fib(n - 2); }

int main(int count, char **values) { return measure(fib, argument(count, values, 1, 36)); }
