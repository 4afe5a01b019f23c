/* Structures by value, copies. */
#include "start.h"
struct big {
    long v[20];
};
struct big g = {{1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20}};
struct big z;
__attribute__((noinline)) long sum(struct big b) {
    long s = 0;
    for (int i = 0; i < 20; i++) s += b.v[i];
    return s;
}

__attribute__((noinline)) struct big inc(struct big b, int k) {
    for (int i = 0; i < 20; i++) b.v[i] += k;
    return b;
}

void *memset(void *p, int c, unsigned long n) {
    char *d = p;
    while (n--) *d++ = c;
    return p;
}

void *memcpy(void *p, const void *q, unsigned long n) {
    char *d = p;
    const char *s = q;
    while (n--) *d++ = *s++;
    return p;
}

int run(void) {
    z = inc(g, 3);
    char local[300];
    memset(local, 7, sizeof local);
    return (sum(z) + sum(g) + local[123]) & 127;
}
