/* Selectors in ring 3: LAR, LSL, VERR, VERW; loads of segment registers; far transfers and IRET within ring 3. */
#include "trap.h"

static void inspect(unsigned selector)
{
    uint64_t limit = 0x1111111122222222, rights = 0x3333333344444444;
    uint8_t a, b, c, d;
    asm volatile("lsl %k4,%k0\n\tsetz %1\n\tlar %k4,%k2\n\tsetz %3" : "+r"(limit), "=&q"(a), "+r"(rights), "=&q"(b) : "r"(selector) : "cc");
    asm volatile("verr %w2\n\tsetz %0\n\tverw %w2\n\tsetz %1" : "=&q"(c), "=&q"(d) : "r"(selector) : "cc");
    printf("%x: %d %lx %d %lx %d %d\n", selector, a, selector >= 0x78 ? 0 : limit, b, rights, c, d);
}

int main(void)
{
    static const unsigned selectors[] = {0, 3, 8, 0x10, 0x18, 0x23, 0x2b, 0x28, 0x33, 0x3b, 0x40, 0x53, 0x7b, 0x2f, 0xfff8};
    catch_traps();
    for (int i = 0; i < sizeof selectors / sizeof *selectors; i++) {
        char name[32];
        unsigned s = selectors[i];
        inspect(s);
        sprintf(name, "ds %x", s);
        TRY(name, asm volatile("mov %0,%%ds\n\tmov %1,%%ds" ::"r"(s), "r"(0)));
        sprintf(name, "es %x", s);
        TRY(name, asm volatile("mov %0,%%es\n\tmov %1,%%es" ::"r"(s), "r"(0)));
        sprintf(name, "ss %x", s);
        TRY(name, asm volatile("mov %0,%%ss\n\tmov %1,%%ss" ::"r"(s), "r"(0x2b)));
    }
    unsigned short read;
    asm volatile("mov %1,%%ds\n\tmov %%ds,%0\n\tmov %2,%%ds" : "=&r"(read) : "r"(0x2b), "r"(0));
    printf("ds reads %x\n", read);
    uint64_t one = 1;
    asm volatile("push $0x33\n\tlea 1f(%%rip),%%rax\n\tpush %%rax\n\tlretq\n1:\n\tinc %0" : "+r"(one)::"rax");
    printf("far return: %lx\n", one);
    asm volatile("mov %%rsp,%%rcx\n\tpush $0x2b\n\tpush %%rcx\n\tpushf\n\tpush $0x33\n\tlea 1f(%%rip),%%rax\n\tpush %%rax\n\tiretq\n1:\n\tinc %0" : "+r"(one)::"rax", "rcx", "memory");
    printf("iretq: %lx\n", one);
    struct { uint32_t offset; uint16_t selector; } __attribute__((packed)) far;
    asm volatile("lea 1f(%%rip),%%rax\n\tmov %%eax,%1\n\tmovw $0x33,4+%1\n\tljmp *%1\n1:\n\tinc %0" : "+r"(one), "+m"(far)::"rax");
    printf("far jump: %lx\n", one);
    TRY("far return to data", asm volatile("push $0x2b\n\tlea 1f(%%rip),%%rax\n\tpush %%rax\n\tlretq\n1:" ::: "rax"));
    TRY("far return to the kernel", asm volatile("push $0x10\n\tlea 1f(%%rip),%%rax\n\tpush %%rax\n\tlretq\n1:" ::: "rax"));
    TRY("far return to nothing", asm volatile("push $0\n\tlea 1f(%%rip),%%rax\n\tpush %%rax\n\tlretq\n1:" ::: "rax"));
    TRY("iretq to a bad stack", asm volatile("mov %%rsp,%%rcx\n\tpush $0\n\tpush %%rcx\n\tpushf\n\tpush $0x33\n\tlea 1f(%%rip),%%rax\n\tpush %%rax\n\tiretq\n1:" ::: "rax", "rcx"));
    asm volatile("push $0x2b\n\tpop %%fs\n\tpush $0\n\tpop %%gs" ::: "memory");
    asm volatile("mov %%gs,%0" : "=r"(read));
    write(1, read ? "gs\n" : "gs is null\n", read ? 3 : 11);
    _exit(0);
}
