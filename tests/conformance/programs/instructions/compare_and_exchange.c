/* CMPXCHG, CMPXCHG8B and CMPXCHG16B: what they leave alone. */
#include "trap.h"

static uint64_t m[4] __attribute__((aligned(16)));

int main(void)
{
    uint64_t flags, a = 0xffffffff00000005, b = 0xabcdabcd00000005;
    catch_traps();
    asm volatile("cmpxchgl %%ecx,%k1" : "+a"(a), "+r"(b) : "c"(7) : "cc");
    printf("equal, register: rax %lx destination %lx\n", a, b);
    a = 0xffffffff00000009;
    asm volatile("cmpxchgl %%ecx,%k1" : "+a"(a), "+r"(b) : "c"(7) : "cc");
    printf("other, register: rax %lx destination %lx\n", a, b);
    a = 0xffffffff00000000;
    asm volatile("lock cmpxchgl %%ecx,%1" : "+a"(a), "+m"(*(uint32_t *)m) : "c"(7) : "cc");
    printf("equal, memory: rax %lx memory %lx\n", a, m[0]);
    a = 0xffffffff89abcdef;
    asm volatile("lock cmpxchgl %%ecx,%1" : "+a"(a), "+m"(*(uint32_t *)m) : "c"(9) : "cc");
    printf("other, memory: rax %lx memory %lx\n", a, m[0]);
    a = 0x1234567800000005;
    asm volatile("cmpxchgl %%ecx,%%eax" : "+a"(a) : "c"(7) : "cc");
    printf("with itself: rax %lx\n", a);
    m[0] = 1, m[1] = 2;
    asm volatile("mov $-1,%%r8\n\tadd $1,%%r8\n\tmov $1,%%eax\n\tmov $2,%%edx\n\tlock cmpxchg16b %1\n\tpushf\n\tpop %0"
                 : "=r"(flags), "+m"(m) : "b"(7), "c"(8) : "rax", "rdx", "r8", "cc");
    printf("16b equal: flags %lx memory %lx %lx\n", flags & 0x8d5, m[0], m[1]);
    asm volatile("mov $1,%%r8d\n\tcmp $2,%%r8d\n\tmov $3,%%eax\n\tmov $4,%%edx\n\tlock cmpxchg16b %1\n\tpushf\n\tpop %0"
                 : "=r"(flags), "+m"(m) : "b"(7), "c"(8) : "rax", "rdx", "r8", "cc");
    printf("16b other: flags %lx\n", flags & 0x8d5);
    asm volatile("mov $1,%%r8d\n\tcmp $2,%%r8d\n\tmov $7,%%eax\n\txor %%edx,%%edx\n\tmov $1,%%r8d\n\tcmp $2,%%r8d\n\t"
                 "lock cmpxchg8b %1\n\tpushf\n\tpop %0"
                 : "=r"(flags), "+m"(m) : "b"(5), "c"(6) : "rax", "rdx", "r8", "cc");
    printf("8b: flags %lx memory %lx\n", flags & 0x8d5, m[0]);
    TRY("16b misaligned", asm volatile("cmpxchg16b 8(%0)" ::"r"(m) : "rax", "rdx", "cc", "memory"));
}
