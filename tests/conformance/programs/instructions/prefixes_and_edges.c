/* Operands at the ends of what is canonical and of what is mapped, and prefixes in unusual places. */
#include "trap.h"

#define EDGE 0x7ffffffff000

static char *page;

static void show(const char *name, uint64_t value) { printf("%s: %lx\n", name, value); }

static void edges(void)
{
    uint64_t value = 0;
    TRY("load across the end", asm volatile("mov (%1),%0" : "=r"(value) : "r"(EDGE + PAGE - 4)));
    TRY("movs from the end to across it", asm volatile("movsw" ::"S"(EDGE + PAGE - 2), "D"(EDGE + PAGE - 1)));
    TRY("cmps of the end and across it", asm volatile("cmpsw" ::"S"(EDGE + PAGE - 2), "D"(EDGE + PAGE - 1) : "cc"));
    TRY("cmps across the end and of it", asm volatile("cmpsw" ::"S"(EDGE + PAGE - 1), "D"(EDGE) : "cc"));
    TRY("cmps of a closed page and not canonical", asm volatile("cmpsw" ::"S"(EDGE), "D"(3L << 47) : "cc"));
    TRY("cmps across a page that ends", asm volatile("cmpsw" ::"S"(page + PAGE - 1), "D"(3L << 47) : "cc"));
    TRY("pop from the end to behind it", asm volatile("mov %0,%%rsp\n\tpop (%%rsp,%1)" ::"r"(EDGE + 0xb29), "r"(0x4d7L)));
    TRY("call not canonical, no stack", asm volatile("mov $0x1000,%%esp\n\tcall *%0" ::"r"(3L << 47)));
    TRY("add across the end", asm volatile("addl $1,(%0)" ::"r"(EDGE + PAGE - 1) : "cc"));
    TRY("rcr across the end", asm volatile("rcrw $1,(%0)" ::"r"(EDGE + PAGE - 1) : "cc"));
    TRY("paddb not canonical", asm volatile("movq %0,%%mm0\n\tpaddb (%0),%%mm0" ::"r"(1L << 47)));
    TRY("paddb not canonical, rbp", asm volatile("push %%rbp\n\tmov %0,%%rbp\n\tpaddb (%%rbp),%%mm0\n\tpop %%rbp" ::"r"(1L << 47)));
    TRY("rcl not canonical, rbp", asm volatile("push %%rbp\n\tmov %0,%%rbp\n\trcll $1,(%%rbp)\n\tpop %%rbp" ::"r"(1L << 47)));
    TRY("repne movsq of nothing", asm volatile(".byte 0xf3,0xf2,0x48,0xa5" ::"c"(0), "S"(8), "D"(8)));
    TRY("punpcklbw of 4 bytes", asm volatile("movq %1,%%mm0\n\tpunpcklbw (%2),%%mm0\n\tmovq %%mm0,%0\n\temms"
                                             : "=r"(value) : "r"(0x0807060504030201), "r"(page + PAGE - 4)));
    show("punpcklbw", value);
    TRY("bsf behind F2 66", asm volatile(".byte 0xf2,0x66,0x0f,0xbc,0x07" ::"D"(page + PAGE + 0x1a6) : "rax", "cc"));
    printf("at %lx\n", (long)((char *)trap_seen.si_addr - page));
    TRY("push gs:[rdi] behind two segments, stack not canonical",
        asm volatile("mov %1,%%rsp\n\t.byte 0x65,0x2e,0xff,0x37" ::"D"(page), "r"(3L << 47)));
    TRY("popw gs, stack not canonical", asm volatile("mov %0,%%rsp\n\tpopw %%gs" ::"r"(3L << 47)));
    TRY("retf, stack not canonical", asm volatile("mov %0,%%rsp\n\tlretq" ::"r"(3L << 47)));
    TRY("iretq, stack not canonical", asm volatile("mov %0,%%rsp\n\tiretq" ::"r"(3L << 47)));
    TRY("enter, stack not canonical", asm volatile("mov %0,%%rsp\n\tenter $16,$2" ::"r"(3L << 47)));
    TRY("call behind 66, stack not canonical", asm volatile("mov %0,%%rsp\n\t.byte 0x66\n\tcall main" ::"r"(3L << 47)));
    TRY("lss of 6 bytes", asm volatile("lss (%0),%%eax" ::"r"(page + PAGE - 6) : "rax"));
}

static void prefixes(void)
{
    uint64_t value = 0, other = 0xabcdabcd00000007;
    TRY("int3 with prefixes", asm volatile("lea 1f(%%rip),%%rbx\n\t.byte 0x65,0x26,0x45,0xcc\n1:" ::: "rbx"));
    printf("behind it: %d\n", trap_at.uc_mcontext.gregs[REG_RIP] == trap_at.uc_mcontext.gregs[REG_RBX]);
    TRY("mov behind REX.R", asm volatile(".byte 0x45,0xc6,0xc0,0x0c\n\tmov %%r8,%0" : "=r"(value)::"r8"));
    show("r8", value & 0xff);
    TRY("mov behind two REX", asm volatile(".byte 0x4d,0x4e,0xc7,0x07,0x2f,0xe1,0x59,0xd1" ::"D"(page) : "memory"));
    show("stored", *(uint64_t *)page);
    asm volatile("mov $9,%%eax\n\tcmpxchgl %%ecx,%k0" : "+r"(other) : "c"(7) : "rax", "cc");
    show("cmpxchg that fails", other);
    TRY("movq with 66 and F3", asm volatile("movq %1,%%xmm5\n\t.byte 0x2e,0xf3,0x2e,0x66,0x48,0x0f,0x7e,0x2f\n\tmovq %%xmm5,%0"
                                            : "=r"(value) : "r"(5L), "D"(page + 2 * PAGE) : "xmm5"));
    show("movq", value);
    TRY("18 bytes, VEX behind 66", asm volatile(".byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0xc5,0xf8,0x28,0x87,0,0,0,0"));
}

static void vectors(void)
{
    float a[4] = {1e8f, 1.0f, -1e8f, 3.5f}, b[4] = {1, 1, 1, 1};
    long index, flags;
    asm volatile("movups %0,%%xmm0\n\tmovups %1,%%xmm1\n\tdpps $0xf1,%%xmm1,%%xmm0\n\tmovups %%xmm0,%0" : "+m"(a) : "m"(b) : "xmm0", "xmm1");
    printf("dpps: %a\n", a[0]);
    asm volatile("movups %2,%%xmm0\n\tmovups %3,%%xmm1\n\tpcmpistri $0x0c,%%xmm1,%%xmm0\n\tpushf\n\tpop %1"
                 : "=c"(index), "=r"(flags) : "m"(*"needle\0---------"), "m"(*"a hay stack need") : "xmm0", "xmm1", "cc");
    printf("a string that begins near the end: %ld %lx\n", index, flags & 0x8d5);
    uint64_t twice = 0x4000000040000000;
    asm volatile("movq %1,%%mm2\n\t.byte 0x67,0x44,0x0f,0x38,0x05,0xd2\n\tmovq %%mm2,%0\n\temms" : "=r"(twice) : "r"(twice));
    printf("phsubw behind 67 and REX.R: %lx\n", twice);
    TRY("#DE keeps x87's flags", asm volatile("fninit\n\tfldz\n\tfld1\n\tfdivp\n\t.byte 0xf2,0x64,0x36,0xf6,0xf1" ::"a"(5), "c"(0) : "cc"));
    printf("fsw %x\n", trap_at.uc_mcontext.fpregs ? ((struct _libc_fpstate *)trap_at.uc_mcontext.fpregs)->swd & 0x3f : 0);
}

int main(void)
{
    catch_traps();
    page = mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(page, 0x20, PAGE);
    munmap(page + PAGE, PAGE);
    mprotect(page + 2 * PAGE, PAGE, PROT_READ);
    edges();
    prefixes();
    vectors();
}
