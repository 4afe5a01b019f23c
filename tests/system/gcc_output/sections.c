/* Recursion, cold and hot code, sections of its own, alignment. */
#include "start.h"
int fib(int n) {
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

__attribute__((cold, noinline)) int rare(int x) {
    return x * 31;
}

__attribute__((section(".mydata"))) int own = 6;
__attribute__((section(".text.hot"))) __attribute__((noinline)) int hot(int x) {
    if (__builtin_expect(x > 1000, 0)) return rare(x);
    return x + own;
}

__attribute__((aligned(64))) char wide[64];
static int counter;
int next(void) {
    static int state = 3;
    return state = state * 5 + ++counter;
}

int run(void) {
    int s = fib(12);
    for (int i = 0; i < 5; i++) s += next() + hot(i * 300) + wide[i];
    return (s + ((unsigned long)wide & 63)) & 127;
}
