/* LOCK where it may not stand is #UD before anything else; of prefixes that contradict each other one counts. */
#include "trap.h"

static uint64_t m[4];

int main(void)
{
    uint64_t plain, mixed = 0, value = 5;
    catch_traps();
    TRY("lock mov", asm volatile(".byte 0xf0,0x89,0x07" ::"D"(m), "a"(1) : "memory"));
    TRY("lock imul", asm volatile(".byte 0xf0,0x0f,0xaf,0x07" ::"D"(m), "a"(1) : "cc"));
    TRY("lock add, register", asm volatile(".byte 0xf0,0x01,0xc0" ::"a"(1) : "cc"));
    TRY("lock cmp", asm volatile(".byte 0xf0,0x39,0x07" ::"D"(m) : "cc"));
    TRY("lock nop", asm volatile(".byte 0xf0,0x90"));
    TRY("lock bts, register", asm volatile(".byte 0xf0,0x0f,0xab,0xc8" ::"a"(1), "c"(1) : "cc"));
    TRY("lock mov, bad address", asm volatile(".byte 0xf0,0x89,0x07" ::"D"(8L), "a"(1) : "memory"));
    TRY("lock add", asm volatile(".byte 0xf0,0x01,0x07" ::"D"(m), "a"(1) : "cc", "memory"));
    TRY("lock neg", asm volatile("lock negw %0\n\tpushf\n\tpop %1" : "+m"(*(uint16_t *)m), "=r"(value)::"cc"));
    printf("%lx %lx\n", m[0], value & 0x8d5);
    asm volatile("mov %%fs:0,%0" : "=r"(plain));
    asm volatile(".byte 0x64,0x36,0x48,0x8b,0x04,0x25,0,0,0,0" : "=a"(mixed));
    printf("fs ss: %d\n", plain == mixed);
    asm volatile(".byte 0x64,0x2e,0x48,0x8b,0x04,0x25,0,0,0,0" : "=a"(mixed));
    printf("fs cs: %d\n", plain == mixed);
    asm volatile(".byte 0x36,0x64,0x48,0x8b,0x04,0x25,0,0,0,0" : "=a"(mixed));
    printf("ss fs: %d\n", plain == mixed);
    uint32_t a[4] = {0x3f800000, 0x40000000, 0x40400000, 0x40800000};
    uint32_t b[4] = {0x40a00000, 0x40a00000, 0x40a00000, 0x40a00000};
    asm volatile("movups %0,%%xmm0\n\tmovups %1,%%xmm1\n\t.byte 0x66,0xf3,0x0f,0x58,0xc1\n\tmovups %%xmm0,%0" : "+m"(a) : "m"(b) : "xmm0", "xmm1");
    printf("66 f3 addss: %08x %08x %08x %08x\n", a[0], a[1], a[2], a[3]);
    asm volatile("movups %0,%%xmm0\n\tmovups %1,%%xmm1\n\t.byte 0xf3,0xf2,0x0f,0x58,0xc1\n\tmovups %%xmm0,%0" : "+m"(a) : "m"(b) : "xmm0", "xmm1");
    printf("f3 f2 addsd: %08x %08x %08x %08x\n", a[0], a[1], a[2], a[3]);
    TRY("test /1", asm volatile(".byte 0xf6,0xc8,0x04\n\tsetz %%al" : "=a"(value) : "a"(0xb) : "cc"));
    printf("%lx\n", value & 0xff);
    TRY("8f /1", asm volatile(".byte 0x8f,0xc8"));
    TRY("16 bytes", asm volatile(".byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x90"));
    TRY("15 bytes", asm volatile(".byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x90"));
    TRY("16 bytes, VEX", asm volatile(".byte 0x36,0x36,0x36,0x36,0x36,0xc4,0x83,0xe9,0x7c,0x8c,0xf6,0xa5,0x11,0x89,0x06,0"));
    TRY("16 bytes, VEX behind REX", asm volatile(".byte 0x36,0x36,0x36,0x36,0x41,0xc4,0x83,0xe9,0x7c,0x8c,0xf6,0xa5,0x11,0x89,0x06,0"));
    TRY("reserved nop 1b", asm volatile(".byte 0x0f,0x1b,0xc0"));
    TRY("reserved nop 1d", asm volatile(".byte 0x0f,0x1d,0xc0"));
    TRY("reserved nop 18", asm volatile(".byte 0x0f,0x18,0xff"));
}
