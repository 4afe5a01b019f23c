/* MAP_32BIT, MAP_ABOVE4G and hints: which part of the address space a mapping gets. */
#include "pages.h"
#ifndef MAP_ABOVE4G
#define MAP_ABOVE4G 0x80
#endif
#define HIGH_HINT 0x700000000000
#define GIB (1UL << 30)

static void show(const char *what, void *at, unsigned long hint)
{
    unsigned long address = (unsigned long)at;
    const char *where = at == MAP_FAILED         ? errno_name(errno)
                        : address == hint        ? "the hint"
                        : address == 0x10000     ? "the lowest page"
                        : address < GIB          ? "below 1 GiB"
                        : address < 2 * GIB      ? "below 2 GiB"
                        : address < 4 * GIB      ? "below 4 GiB"
                                                 : "high";
    printf("%s: %s\n", what, where);
    if (at != MAP_FAILED)
        munmap(at, PAGE);
}

#define MAP(hint, length, flags) \
    show(#hint " " #length " " #flags, mmap((void *)(hint), length, RW, ANON | (flags), -1, 0), (unsigned long)(hint))

int main(void)
{
    MAP(0, PAGE, 0);
    MAP(0, PAGE, MAP_32BIT);
    MAP(0x10000000, PAGE, MAP_32BIT);
    MAP(0x10000001, PAGE, MAP_32BIT);
    MAP(0x10000001, PAGE, 0);
    MAP(0x7ffff000, PAGE, MAP_32BIT);
    MAP(0x7ffff000, 2 * PAGE, MAP_32BIT);
    MAP(0x7ffff000, 2 * PAGE, 0);
    MAP(0x80000000, PAGE, MAP_32BIT);
    MAP(HIGH_HINT, PAGE, MAP_32BIT);
    MAP(HIGH_HINT, PAGE, 0);
    MAP(1, PAGE, 0);
    MAP(0x1000, PAGE, 0);
    MAP(0x1000, PAGE, MAP_32BIT);
    MAP(0x8000, 64 * PAGE, MAP_32BIT);
    MAP(0x400000, PAGE, 0);
    MAP(0x400000, PAGE, MAP_32BIT);
    MAP(0x10000000, PAGE, MAP_32BIT | MAP_FIXED);
    MAP(0x90000000, PAGE, MAP_32BIT | MAP_FIXED);
    MAP(0x90000000, PAGE, MAP_32BIT | MAP_FIXED_NOREPLACE);
    MAP(0, GIB + PAGE, MAP_32BIT | MAP_NORESERVE);
    MAP(0, PAGE, MAP_ABOVE4G);
    MAP(0, PAGE, MAP_ABOVE4G | MAP_32BIT);
    MAP(0x20000000, PAGE, MAP_ABOVE4G);
    MAP(0x20000000, PAGE, MAP_ABOVE4G | MAP_32BIT);

    int fd = MUST(memfd_create("low", 0));
    MUST(ftruncate(fd, PAGE));
    printf("a file: %d\n", (unsigned long)MUST(mmap(NULL, PAGE, RW, MAP_SHARED | MAP_32BIT, fd, 0)) < 2 * GIB);
    while (mmap(NULL, 1 << 24, PROT_NONE, ANON | MAP_32BIT | MAP_NORESERVE, -1, 0) != MAP_FAILED)
        ;
    puts(errno_name(errno));
    MAP(0, PAGE, 0);

    puts("a stack below which a gap stays");
    MUST(munmap((void *)0x50000000, 0x10000000));
    MUST(mmap((void *)0x58000000, PAGE, RW, ANON | MAP_GROWSDOWN | MAP_FIXED, -1, 0));
    MAP(0x57fff000, PAGE, 0);
    MAP(0x57f00000, PAGE, 0);
    MAP(0x57eff000, PAGE, 0);
    MAP(0x57fff000, PAGE, MAP_FIXED_NOREPLACE);
}
