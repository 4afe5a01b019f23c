/* MAP_POPULATE, MAP_NORESERVE, MAP_LOCKED, MAP_NONBLOCK: which pages are there at once. */
#include "pages.h"

int main(void)
{
    MUST(mmap(AT(0), 4 * PAGE, RW, ANON | MAP_FIXED | MAP_POPULATE, -1, 0));
    show_resident("populate", 0, 4);
    MUST(mmap(AT(4), 4 * PAGE, PROT_READ, ANON | MAP_FIXED | MAP_POPULATE, -1, 0));
    show_resident("populate read-only", 4, 4);
    MUST(mmap(AT(8), 4 * PAGE, PROT_NONE, ANON | MAP_FIXED | MAP_POPULATE, -1, 0));
    show_resident("populate no rights", 8, 4);
    MUST(mmap(AT(12), 4 * PAGE, RW, ANON | MAP_FIXED | MAP_POPULATE | MAP_NONBLOCK, -1, 0));
    show_resident("nonblock", 12, 4);
    MUST(mmap(AT(16), 4 * PAGE, RW, ANON | MAP_FIXED | MAP_LOCKED, -1, 0));
    show_resident("locked", 16, 4);
    MUST(mmap(AT(20), 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, -1, 0));
    show_resident("shared populate", 20, 4);
    char *huge = mmap(0, 1UL << 40, RW, ANON | MAP_NORESERVE, -1, 0);
    printf("1 TiB without reservation: %d\n", huge != MAP_FAILED);
    huge[1UL << 39] = 1;
    printf("%d %d\n", huge[0], huge[1UL << 39]);
    SHOW(munmap(huge, 1UL << 40));
    SHOW_POINTER(mmap(0, 1UL << 40, RW, ANON, -1, 0));
    SHOW_POINTER(mmap(0, 1UL << 40, PROT_READ, ANON, -1, 0));
    SHOW_POINTER(mmap(0, 1UL << 40, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    return 0;
}
