/* RCL and RCR on a page that is not there yet: the carry that goes in is that of the instruction before. */
#include "conform.h"
#include <stdint.h>

#define ROTATE(name, before, instruction) \
    do { \
        uint64_t *page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); \
        asm volatile(before "\n\t" instruction ::"r"(page) : "memory", "cc", "rax", "rcx"); \
        printf("%s: %016lx\n", name, page[0]); \
    } while (0)

int main(void)
{
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
