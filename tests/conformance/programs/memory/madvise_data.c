/* madvise: what becomes of data and residency. */
#include "pages.h"

static void fill(void)
{
    for (int i = 0; i < 8; i++)
        *AT(i) = i + 1;
}

int main(void)
{
    map_at(0, 8, RW);
    show_resident("fresh", 0, 9);
    (void)*(volatile char *)AT(1);
    *AT(2) = 1;
    show_resident("read 1, wrote 2", 0, 9);
    fill();
    SHOW(madvise(AT(2), 2 * PAGE, MADV_DONTNEED));
    show_resident("dontneed 2,3", 0, 9);
    VALUE(AT(2));
    VALUE(AT(4));
    SHOW(madvise(AT(4), PAGE, MADV_FREE));
    show_resident("free 4", 0, 9);
    SHOW(madvise(AT(0), 8 * PAGE, MADV_WILLNEED));
    SHOW(madvise(AT(0), 8 * PAGE, MADV_COLD));
    SHOW(madvise(AT(0), 8 * PAGE, MADV_RANDOM));
    SHOW(madvise(AT(0), 8 * PAGE, MADV_SEQUENTIAL));
    SHOW(madvise(AT(0), 8 * PAGE, MADV_NORMAL));
    SHOW(madvise(AT(0), 8 * PAGE, MADV_DONTDUMP));
    SHOW(madvise(AT(0), 8 * PAGE, MADV_DODUMP));
    SHOW(madvise(AT(0), 8 * PAGE, MADV_DONTNEED));
    SHOW(madvise(AT(1), 2 * PAGE, MADV_POPULATE_READ));
    SHOW(madvise(AT(5), 2 * PAGE, MADV_POPULATE_WRITE));
    show_resident("populated 1,2 and 5,6", 0, 9);
    SHOW(madvise(AT(0), PAGE, MADV_REMOVE));
    SHOW(madvise(AT(0), 1, MADV_DONTNEED));
    SHOW(madvise(AT(0) + 1, PAGE, MADV_DONTNEED));
    SHOW(madvise(AT(0), 0, MADV_DONTNEED));
    SHOW(madvise(AT(0), 0, 77));
    SHOW(madvise(AT(0), PAGE, 77));
    SHOW(madvise(AT(0), -PAGE, MADV_DONTNEED));
    SHOW(madvise(AT(0), -1UL, MADV_DONTNEED));
    SHOW(madvise(AT(20), PAGE, MADV_DONTNEED));
    fill();
    munmap(AT(3), PAGE);
    SHOW(madvise(AT(0), 8 * PAGE, MADV_DONTNEED));
    show_resident("around a hole", 0, 9);
    SHOW(madvise(AT(2), 3 * PAGE, MADV_POPULATE_READ));
    show_resident("populated up to the hole", 0, 9);
    mprotect(AT(4), PAGE, PROT_READ);
    SHOW(madvise(AT(4), PAGE, MADV_POPULATE_WRITE));
    mprotect(AT(5), PAGE, PROT_NONE);
    SHOW(madvise(AT(5), PAGE, MADV_POPULATE_READ));
    SHOW(madvise(AT(5), PAGE, MADV_POPULATE_WRITE));
    return 0;
}
