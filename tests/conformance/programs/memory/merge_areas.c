/* Areas that can be one are one: what mremap, which works on one area, can take. */
#include "pages.h"

static int one(int first, int pages)
{
    void *result = mremap(AT(first), pages * PAGE, (pages + 1) * PAGE, MREMAP_MAYMOVE);
    if (result == MAP_FAILED)
        return 0;
    mremap(result, (pages + 1) * PAGE, pages * PAGE, 0);
    mremap(result, pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(first));
    return 1;
}

int main(void)
{
    map_at(0, 2, RW);
    map_at(2, 2, RW);
    printf("two mappings side by side: %d\n", one(0, 4));
    map_at(10, 2, RW);
    map_at(12, 2, PROT_READ);
    printf("of different rights: %d\n", one(10, 4));
    mprotect(AT(12), 2 * PAGE, RW);
    printf("made equal: %d\n", one(10, 4));
    map_at(20, 6, RW);
    mprotect(AT(22), PAGE, PROT_NONE);
    printf("split: %d\n", one(20, 6));
    mprotect(AT(22), PAGE, RW);
    printf("joined: %d\n", one(20, 6));
    map_at(30, 2, RW);
    mmap(AT(32), 2 * PAGE, RW, ANON | MAP_FIXED | MAP_NORESERVE, -1, 0);
    printf("with and without reservation: %d\n", one(30, 4));
    map_at(40, 2, RW);
    mmap(AT(42), 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    printf("private and shared: %d\n", one(40, 4));
    map_at(50, 4, RW);
    madvise(AT(51), PAGE, MADV_DONTFORK);
    printf("one page with dontfork: %d\n", one(50, 4));
    madvise(AT(51), PAGE, MADV_DOFORK);
    printf("without again: %d\n", one(50, 4));
    map_at(60, 5, RW);
    munmap(AT(62), PAGE);
    map_at(62, 1, RW);
    printf("a hole filled: %d\n", one(60, 5));
    map_at(70, 4, RW);
    mlock(AT(71), PAGE);
    printf("one page locked: %d\n", one(70, 4));
    munlock(AT(71), PAGE);
    printf("unlocked: %d\n", one(70, 4));
    return 0;
}
