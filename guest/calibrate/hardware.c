/* Instructions by class, page zero and copy, and the latency of memory by size. */
#include "bench.h"

#define REPEAT 256

/* `each`: instructions of the kind in `text` */
#define MEASURE(name, setup, text, each)                                                                       \
    do {                                                                                                       \
        for (int i = 0; i < settings.samples; i++) {                                                           \
            u64 start = now();                                                                                 \
            __asm__ volatile(setup "\n .rept 256\n" text "\n .endr\n" : : "r"(words), "r"(5L)                 \
                             : "rax", "rdx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "cc", "memory");        \
            sample(name, REPEAT * each, now() - start);                                                        \
        }                                                                                                      \
    } while (0)

static u64 words[512] __attribute__((aligned(4096)));

void run_instructions(void)
{
    MEASURE("core-cycle", "", "add $1, %%r8", 1); /* each waits for the one before: one cycle */
    MEASURE("insn.multiply", "mov $3, %%r8", "imul %1, %%r8\n imul %1, %%r9\n imul %1, %%r10\n imul %1, %%r11", 4);
    MEASURE("insn.divide", "mov $9, %%eax", "xor %%edx, %%edx\n div %1", 1);
    MEASURE("insn.vector", "pxor %%xmm0, %%xmm0", "paddq %%xmm0, %%xmm1", 1);
    MEASURE("insn.atomic", "mov $1, %%r8", "lock xadd %%r8, 64(%0)", 1);
    MEASURE("insn.pause", "", "pause", 1);
}

static void pages(void)
{
    enum { COUNT = 64 };
    char *from = map_pages(COUNT), *to = map_pages(COUNT);
    memset(from, 1, COUNT * PAGE);
    memset(to, 1, COUNT * PAGE);
    for (int i = 0; i < settings.samples; i++) {
        void *at = to + i % COUNT * PAGE;
        u64 count = PAGE, start = now();
        __asm__ volatile("rep stosb" : "+D"(at), "+c"(count) : "a"(0) : "memory");
        sample("page-zero", 1, now() - start);
    }
    for (int i = 0; i < settings.samples; i++) {
        void *at = to + i % COUNT * PAGE, *source = from + i % COUNT * PAGE;
        u64 count = PAGE, start = now();
        __asm__ volatile("rep movsb" : "+D"(at), "+S"(source), "+c"(count) : : "memory");
        sample("page-copy", 1, now() - start);
    }
    munmap(from, COUNT * PAGE);
    munmap(to, COUNT * PAGE);
}

/* each line of the area holds the address of another; one cycle through all of them, in random order */
static char **chain(char *area, u64 bytes)
{
    u64 count = bytes / 64, state = 88172645463325252ULL;
    uint32_t *order = malloc(count * sizeof *order);
    must(order != NULL, "malloc");
    for (u64 i = 0; i < count; i++)
        order[i] = i;
    for (u64 i = count - 1; i > 0; i--) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        u64 j = state % i;
        uint32_t swapped = order[i];
        order[i] = order[j], order[j] = swapped;
    }
    for (u64 i = 0; i < count; i++)
        *(char **)(area + order[i] * 64UL) = area + order[(i + 1) % count] * 64UL;
    char **first = (char **)(area + order[0] * 64UL);
    free(order);
    return first;
}

void run_memory(void)
{
    enum { STEPS = 256 };
    static const char *const names[] = {"chase-16K", "chase-64K", "chase-256K", "chase-1M",
                                        "chase-4M",  "chase-16M", "chase-64M"};
    pages();
    for (int size = 0; size < 7; size++) {
        u64 bytes = 16384UL << 2 * size;
        char *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        must(area != MAP_FAILED, "mmap");
        madvise(area, bytes, MADV_NOHUGEPAGE);
        char **at = chain(area, bytes);
        for (u64 i = 0; i < bytes / 64 && i < 1 << 18; i++)
            at = (char **)*at;
        for (int i = 0; i < settings.samples; i++) {
            u64 start = now();
            for (int j = 0; j < STEPS; j++)
                at = (char **)*at;
            __asm__ volatile("" : : "r"(at));
            sample(names[size], STEPS, now() - start);
        }
        munmap(area, bytes);
    }
}
