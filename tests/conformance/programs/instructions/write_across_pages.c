/* Operands across the edge of a page that can be read only, into one that is not there: what writes faults on the first. */
#include "trap.h"

static char *pages;

static void where(void) { printf("  at %lx\n", (long)((char *)trap_seen.si_addr - pages)); }

#define EACH(name, code) do { \
    TRY(name, asm volatile(code ::"r"(pages + PAGE - 3), "a"(1), "b"(1L), "c"(1L), "d"(1L) : "memory", "cc")); \
    where(); \
} while (0)

static void writes(void)
{
    EACH("add", "addl $1,(%0)");
    EACH("lock add", "lock addl $1,(%0)");
    EACH("xchg", "xchg %%eax,(%0)");
    EACH("cmpxchg", "cmpxchg %%ecx,(%0)");
    EACH("cmpxchg8b", "cmpxchg8b (%0)");
    EACH("xadd", "xadd %%eax,(%0)");
    EACH("btc by a register", "btcl %%eax,(%0)");
    EACH("bts by an immediate", "btsl $3,(%0)");
    EACH("rcl", "rcll $1,(%0)");
    EACH("shl", "shll $1,(%0)");
    EACH("shld", "shldl $3,%%eax,(%0)");
    EACH("not", "notl (%0)");
    EACH("mov", "movl %%eax,(%0)");
    EACH("load", "movl (%0),%%eax");
    EACH("movups", "movups %%xmm0,-8(%0)");
    EACH("pop", "popq (%0)");
    EACH("fst", "fldz\n\tfstpl -3(%0)");
}

int main(void)
{
    catch_traps();
    pages = mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pages[0] = 1;
    munmap(pages + PAGE, 2 * PAGE);
    mprotect(pages, PAGE, PROT_READ);
    writes();
    mprotect(pages, PAGE, PROT_NONE);
    puts("closed");
    writes();
}
