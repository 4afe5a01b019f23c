/* Wide and narrow integers, divisions by constants, bit counting. */
#include "start.h"
typedef unsigned long u64;
typedef unsigned char u8;
volatile u64 a = 0x123456789abcdef0, b = 0xfedcba987654321;
volatile int n = 13;
volatile signed char tiny = -5;
volatile short narrow = -300;
volatile u8 uc = 250;
u64 rot(u64 x, int k) {
    return x << k | x >> (64 - k);
}

int run(void) {
    u64 r = rot(a, n) ^ a * b ^ (a / 12345) ^ (a % 777) ^ (u64)((long)b >> 7);
    r += __builtin_ctzl(a) + __builtin_clzl(b) + __builtin_bswap64(b);
    r += (long)tiny * narrow + uc;
    r += (__int128)a * b >> 64;
    r += n / 7 + n % 5 + (n << 3) + (-n >> 1);
    r ^= ~r >> 32;
    r ^= r >> 16;
    r ^= r >> 8;
    return (r & 63) + (a > b) + ((long)a < (long)b) * 2;
}
