/* What a message says of each way an instruction can touch memory: flags and exact address. needs: userfaultfd */
#include "uffd.h"

static char source[PAGE] __attribute__((aligned(4096)));
static int next_page = 1;

static void answer(const struct uffd_msg *message)
{
    unsigned long page = PAGE_OF(message->arg.pagefault.address);
    struct uffdio_copy copy = {page, (unsigned long)source, PAGE, 0, 0};
    struct uffdio_writeprotect protect = {{page, PAGE}, 0};
    if (message->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP)
        ioctl(uffd, UFFDIO_WRITEPROTECT, &protect);
    else
        ioctl(uffd, UFFDIO_COPY, &copy);
}

/* Two missing pages, each time others; the instruction gets an address on the first one. */
static char *fresh(int offset)
{
    char *at = AT(next_page);
    next_page += 3;
    return at + offset;
}

/* The same, both there and write-protected. */
static char *protected_pages(int offset)
{
    char *at = fresh(0);
    struct uffdio_copy copy = {(unsigned long)at, (unsigned long)source, PAGE, UFFDIO_COPY_MODE_WP, 0};
    MUST(ioctl(uffd, UFFDIO_COPY, &copy));
    copy.dst += PAGE;
    MUST(ioctl(uffd, UFFDIO_COPY, &copy));
    return at + offset;
}

#define RUN(name, at, code, ...)                                                                       \
    do {                                                                                               \
        char *at_ = (at);                                                                              \
        printf("%s at page %ld\n", name, (PAGE_OF(at_) - (unsigned long)AREA) / PAGE);                 \
        __asm__ volatile(code : : "D"(at_), ##__VA_ARGS__                                              \
                         : "rax", "rdx", "rsi", "r8", "r9", "xmm0", "xmm1", "memory", "cc");           \
    } while (0)

/* Missing; straddling two missing pages; write-protected; straddling two protected pages. */
#define ALL(name, code, ...)                                          \
    do {                                                              \
        RUN(name, fresh(0x238), code, ##__VA_ARGS__);                 \
        RUN(name " straddling", fresh(PAGE - 1), code, ##__VA_ARGS__); \
        RUN(name " protected", protected_pages(0x238), code, ##__VA_ARGS__); \
        RUN(name " protected, straddling", protected_pages(PAGE - 1), code, ##__VA_ARGS__); \
    } while (0)

static void loads(void)
{
    ALL("mov load", "mov (%%rdi), %%rax");
    ALL("movzx", "movzwl (%%rdi), %%eax");
    ALL("movsx", "movswq (%%rdi), %%rax");
    ALL("cmp", "cmpq $1, (%%rdi)");
    ALL("test", "testq %%rax, (%%rdi)");
    ALL("add from", "addq (%%rdi), %%rax");
    ALL("imul", "imulq (%%rdi), %%rax");
    ALL("mul", "mulw (%%rdi)");
    ALL("bt", "btq $3, (%%rdi)");
    ALL("cmov not taken", "xor %%eax, %%eax; cmovnzq (%%rdi), %%rax");
    ALL("cmov taken", "xor %%eax, %%eax; cmovzq (%%rdi), %%rax");
    ALL("push of memory", "pushq (%%rdi); add $8, %%rsp");
    ALL("movdqu load", "movdqu (%%rdi), %%xmm0");
    ALL("movq load", "movq (%%rdi), %%xmm0");
    ALL("movss load", "movss (%%rdi), %%xmm0");
    ALL("cvtsi2sd", "cvtsi2sdq (%%rdi), %%xmm0");
    ALL("fld", "fldl (%%rdi); fstp %%st(0)");
    ALL("fild", "fildl (%%rdi); fstp %%st(0)");
    ALL("bt with a register", "mov $70, %%eax; btq %%rax, (%%rdi)");
    ALL("bt with a negative register", "mov $-70, %%rax; btq %%rax, 16(%%rdi)");
    ALL("crc32", "crc32q (%%rdi), %%rax");
    ALL("popcnt", "popcntq (%%rdi), %%rax");
}

static void stores(void)
{
    ALL("mov store", "mov %%rax, (%%rdi)");
    ALL("mov immediate", "movw $1, (%%rdi)");
    ALL("movdqu store", "movdqu %%xmm0, (%%rdi)");
    ALL("movq store", "movq %%xmm0, (%%rdi)");
    ALL("movhps", "movhps %%xmm0, (%%rdi)");
    ALL("movnti", "movnti %%rax, (%%rdi)");
    ALL("fstp", "fld1; fstpl (%%rdi)");
    ALL("fistp", "fld1; fistpl (%%rdi)");
    ALL("pop to memory", "push %%rax; popq (%%rdi)");
    ALL("fnstcw", "fnstcw (%%rdi)");
    ALL("stmxcsr", "stmxcsr (%%rdi)");
    RUN("setcc", fresh(0x10), "setz (%%rdi)");
    RUN("setcc protected", protected_pages(0x10), "setnz (%%rdi)");
    RUN("movaps", fresh(0x10), "movaps %%xmm0, (%%rdi)");
    RUN("movntdq", fresh(0x20), "movntdq %%xmm0, (%%rdi)");
    RUN("maskmovdqu", fresh(0x20), "pcmpeqb %%xmm0, %%xmm0; maskmovdqu %%xmm0, %%xmm0");
}

static void read_modify_writes(void)
{
    ALL("add to", "addq $1, (%%rdi)");
    ALL("inc", "incl (%%rdi)");
    ALL("neg", "negq (%%rdi)");
    ALL("not", "notl (%%rdi)");
    ALL("shl", "shlq $3, (%%rdi)");
    ALL("rol by cl", "rolq %%cl, (%%rdi)", "c"(0L));
    ALL("shld", "shldq $3, %%rax, (%%rdi)");
    ALL("adc", "adcq %%rax, (%%rdi)");
    ALL("xchg", "xchgq %%rax, (%%rdi)");
    ALL("xadd", "xaddq %%rax, (%%rdi)");
    ALL("bts", "btsq $3, (%%rdi)");
    ALL("btc with a register", "mov $70, %%eax; btcq %%rax, (%%rdi)");
    ALL("cmpxchg equal", "movq $0x2a2a2a2a, %%rax; cmpxchgl %%edx, (%%rdi)");
    ALL("cmpxchg different", "xor %%eax, %%eax; cmpxchgq %%rdx, (%%rdi)");
    RUN("lock add", fresh(0x238), "lock addq $1, (%%rdi)");
    RUN("lock add protected", protected_pages(0x238), "lock addq $1, (%%rdi)");
    RUN("lock cmpxchg", fresh(0x238), "xor %%eax, %%eax; lock cmpxchgq %%rdx, (%%rdi)");
    RUN("lock cmpxchg protected", protected_pages(0x238), "xor %%eax, %%eax; lock cmpxchgq %%rdx, (%%rdi)");
    RUN("lock xadd", fresh(0x238), "lock xaddl %%eax, (%%rdi)");
    RUN("lock bts", fresh(0x238), "lock btsl $1, (%%rdi)");
    RUN("cmpxchg8b", fresh(0x238), "xor %%eax, %%eax; lock cmpxchg8b (%%rdi)", "b"(0L), "c"(0L));
    RUN("cmpxchg16b", fresh(0x230), "xor %%eax, %%eax; lock cmpxchg16b (%%rdi)", "b"(0L), "c"(0L));
    RUN("cmpxchg16b protected", protected_pages(0x230), "xor %%eax, %%eax; lock cmpxchg16b (%%rdi)", "b"(0L), "c"(0L));
}

static void others(void)
{
    RUN("prefetcht0", fresh(0x10), "prefetcht0 (%%rdi)");
    RUN("prefetchnta", fresh(0x10), "prefetchnta (%%rdi)");
    RUN("lea", fresh(0x10), "lea 5(%%rdi), %%rax");
    RUN("long nop", fresh(0x10), "nopw (%%rdi)");
    RUN("xlat", fresh(0), "mov %%rdi, %%r8; xchg %%rbx, %%r8; mov $7, %%al; xlatb; xchg %%rbx, %%r8");
    RUN("gs-less segment", fresh(0x10), "mov %%ds:(%%rdi), %%al");
    RUN("indexed", fresh(0x10), "mov $3, %%eax; mov 8(%%rdi,%%rax,4), %%dl");
    RUN("32-bit address", fresh(0x10), "movl (%%edi), %%eax");
}

int main(void)
{
    setbuf(stdout, NULL);
    memset(source, 42, sizeof source);
    uffd = open_uffd(O_NONBLOCK, UFFD_FEATURE_EXACT_ADDRESS | UFFD_FEATURE_PAGEFAULT_FLAG_WP);
    map_at(0, 1200, RW);
    REGISTER(AT(0), 1200 * PAGE, MISSING | WP);
    start_answering(answer);
    loads();
    stores();
    read_modify_writes();
    others();
    printf("%d pages used\n", next_page);
    return 0;
}
