/* ENTER with levels; RET with a large operand; PCMPESTRI with 64-bit lengths. */
#include "trap.h"

int main(void)
{
    static uint64_t stack[64] __attribute__((aligned(4096)));
    uint64_t rbp, rsp, index, flags;
    catch_traps();
    for (int i = 0; i < 64; i++)
        stack[i] = i;
    asm volatile("mov %%rsp,%%r10\n\tmov %%rbp,%%r11\n\tmov %2,%%rsp\n\tlea 64(%2),%%rbp\n\tenter $16,$3\n\t"
                 "mov %%rbp,%0\n\tmov %%rsp,%1\n\tmov %%r11,%%rbp\n\tmov %%r10,%%rsp"
                 : "=&r"(rbp), "=&r"(rsp) : "r"(stack + 32) : "r10", "r11", "memory");
    printf("enter: rbp %ld rsp %ld,", (rbp - (uint64_t)stack) / 8, (rsp - (uint64_t)stack) / 8);
    for (int i = 24; i < 34; i++)
        printf(" %lx", stack[i] > 64 ? stack[i] - (uint64_t)stack : stack[i]);
    printf("\n");
    asm volatile("movups %2,%%xmm0\n\tmovups %3,%%xmm1\n\t.byte 0x66,0x48,0x0f,0x3a,0x61,0xc1,0x0c\n\tpushf\n\tpop %1"
                 : "=c"(index), "=r"(flags) : "m"("needle..........."), "m"("hay needle hay.."), "a"(6L), "d"(1L << 40) : "xmm0", "xmm1", "cc");
    printf("pcmpestri: %ld %lx\n", index, flags & 0x8d5);
    asm volatile("movups %2,%%xmm0\n\tmovups %3,%%xmm1\n\t.byte 0x66,0x48,0x0f,0x3a,0x61,0xc1,0x0c\n\tpushf\n\tpop %1"
                 : "=c"(index), "=r"(flags) : "m"("needle..........."), "m"("hay needle hay.."), "a"(-6L), "d"(7L) : "xmm0", "xmm1", "cc");
    printf("pcmpestri: %ld %lx\n", index, flags & 0x8d5);
    asm volatile("lea 1f(%%rip),%%rax\n\tlea -16(%%rsp),%%rsp\n\tmov %%rsp,%0\n\tpush %%rax\n\tret $0x8000\n1:\n\txchg %%rsp,%0\n\tlea 16(%%rsp),%%rsp\n\tsub %0,%%rsp\n\tadd %0,%%rsp"
                 : "=&r"(rsp)::"rax", "memory");
    printf("ret moves up\n");
}
