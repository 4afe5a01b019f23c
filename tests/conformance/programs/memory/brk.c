/* brk: the heap grows and shrinks, new pages are zero. */
#include "pages.h"

int main(void)
{
    char *start = sbrk(0);
    printf("aligned after rounding: %d\n", brk((void *)(((long)start + 4095) & -4096L)));
    start = sbrk(0);
    printf("grow: %d\n", sbrk(3 * PAGE) == start);
    memset(start, 7, 3 * PAGE);
    printf("end moved: %ld\n", (long)((char *)sbrk(0) - start));
    printf("shrink: %d\n", brk(start + PAGE));
    unsigned char resident;
    printf("second page: %d\n", mincore(start + PAGE, PAGE, &resident));
    printf("grow again: %d\n", brk(start + 2 * PAGE));
    printf("kept %d, new %d\n", start[0], start[PAGE]);
    printf("half a page: %d\n", brk(start + 2 * PAGE + 5));
    start[2 * PAGE + 4000] = 1;
    printf("below the start: %d\n", syscall(SYS_brk, 4096) == (long)sbrk(0));
    printf("too far: %d\n", syscall(SYS_brk, 1UL << 46) == (long)sbrk(0));
    char *wall = mmap(start + 8 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
    printf("wall: %d\n", wall == start + 8 * PAGE);
    printf("up to the wall: %d\n", brk(start + 8 * PAGE) == 0);
    printf("into the wall: %d\n", brk(start + 9 * PAGE) == 0);
    return 0;
}
