/* RCL and RCR on a page that is not there yet: the carry that goes in is that of the instruction before. */
#include "conform.h"
#include <stdint.h>

#define ROTATE(name, before, instruction) \
    do { \
        uint64_t *page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); \
        asm volatile(before "\n\t" instruction ::"r"(page) : "memory", "cc", "rax", "rcx"); \
        printf("%s: %016lx\n", name, page[0]); \
    } while (0)

/* The third rotation meets the page; those before it have one of their own. */
#define KEPT(name, before) \
    do { \
        uint64_t *page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), flags, word = 1; \
        asm volatile("rcll $1,%1\n\trcll $1,%1\n\t" before "\n\trcrl $1,(%2)\n\tpushf\n\tpop %0" \
                     : "=&r"(flags), "+m"(word) : "r"(page) : "memory", "cc", "rax", "rcx"); \
        printf("%s: %lx, %lx\n", name, flags & 0xc5, page[0]); \
    } while (0)

int main(void)
{
    KEPT("test, clc", "mov $0xe7,%%eax\n\ttest $0xff,%%al\n\tclc");
    KEPT("test, stc", "mov $0xe7,%%eax\n\ttest $0xff,%%al\n\tstc");
    KEPT("add, cmc", "mov $0xe7,%%eax\n\tadd $0x90,%%al\n\tcmc");
    KEPT("sub, lahf, inc", "mov $0xe7,%%eax\n\tsub $0xe7,%%al\n\tlahf\n\tinc %%eax");
    KEPT("shl by cl, sete", "mov $3,%%ecx\n\tmov $0x30,%%eax\n\tshl %%cl,%%al\n\tsete %%al\n\tcmc");
    KEPT("test twice, bt", "mov $0xe7,%%eax\n\ttest $1,%%al\n\tbt $2,%%eax\n\ttest $0xff,%%al\n\tstc\n\tcmc");
    ROTATE("add, rcl", "mov $-1,%%rax\n\tadd $1,%%rax", "rclq $1,(%0)");
    ROTATE("cmp, rcr", "mov $1,%%eax\n\tcmp $2,%%eax", "rcrl $1,(%0)");
    ROTATE("sub, rcl", "xor %%eax,%%eax\n\tsub $1,%%rax", "rclq $1,(%0)");
    ROTATE("shl, rcl", "mov $3,%%rax\n\tshl $63,%%rax", "rclq $1,(%0)");
    ROTATE("neg, rcl by cl", "mov $5,%%ecx\n\tmov $1,%%eax\n\tneg %%rax", "rclw %%cl,(%0)");
    ROTATE("bt, rcr", "mov $8,%%eax\n\tbt $3,%%eax", "rcrb $2,(%0)");
    ROTATE("no carry, rcl", "mov $1,%%eax\n\tadd $1,%%eax", "rclq $1,(%0)");
    ROTATE("adc", "mov $-1,%%rax\n\tadd $1,%%rax", "adcq $0,(%0)");
    ROTATE("setg", "mov $3,%%eax\n\tcmp $2,%%eax", "setg (%0)");
    ROTATE("sbb", "mov $1,%%eax\n\tcmp $2,%%eax", "sbbl $0,(%0)");
}
