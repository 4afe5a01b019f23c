/* mmap: what it refuses, and with which error. */
#include "pages.h"

int main(void)
{
    int fd = open("/proc/self/exe", O_RDONLY);
    if (fd < 0)
        fd = 99;
    SHOW_POINTER(mmap(0, 0, PROT_READ, ANON, -1, 0));
    SHOW_POINTER(mmap(0, PAGE, PROT_READ, ANON, -1, 1));
    SHOW_POINTER(mmap(0, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0));
    SHOW_POINTER(mmap(0, PAGE, PROT_READ, 0xc | MAP_ANONYMOUS, -1, 0));
    SHOW_POINTER(mmap(AREA + 1, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0));
    SHOW_POINTER(mmap(0, 1UL << 47, PROT_READ, ANON, -1, 0));
    SHOW_POINTER(mmap(0, -1UL, PROT_READ, ANON, -1, 0));
    SHOW_POINTER(mmap(0, -PAGE, PROT_READ, ANON, -1, 0));
    SHOW_POINTER(mmap(0, PAGE, PROT_READ, MAP_PRIVATE, -1, 0));
    SHOW_POINTER(mmap(0, PAGE, PROT_READ, MAP_PRIVATE, 77, 0));
    SHOW_POINTER(mmap(0, 0, PROT_READ, MAP_PRIVATE, 77, 0));
    SHOW_POINTER(mmap(0, PAGE, PROT_READ, MAP_PRIVATE, 0, 0));
    SHOW_POINTER(mmap(0, PAGE, RW, ANON | MAP_HUGETLB, -1, 0));
    SHOW_POINTER(mmap(0, 2 << 20, RW, ANON | MAP_HUGETLB, -1, 0));
    SHOW_POINTER(mmap(0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0));
    SHOW_POINTER(mmap(0, PAGE, RW, 3 | MAP_ANONYMOUS, -1, 0));
    SHOW_POINTER(mmap(0, PAGE, RW, 3 | MAP_ANONYMOUS | 0x4000000, -1, 0));
    SHOW_POINTER(mmap(0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | 0x4000000, -1, 0));
    SHOW_POINTER(mmap(AREA, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
    SHOW_POINTER(mmap(AREA, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
    SHOW_POINTER(mmap((void *)0x7ffffffff000, PAGE, RW, ANON | MAP_FIXED, -1, 0));
    SHOW_POINTER(mmap((void *)(1UL << 47), PAGE, RW, ANON | MAP_FIXED, -1, 0));
    SHOW(munmap(AREA + 1, PAGE));
    SHOW(munmap(AREA, 0));
    SHOW(munmap(AREA, -PAGE));
    SHOW(munmap((void *)(1UL << 47), PAGE));
    SHOW(munmap(AREA, PAGE));
    SHOW(munmap(AREA, PAGE));
    return 0;
}
