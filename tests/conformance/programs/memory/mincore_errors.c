/* mincore, msync, mlock: errors, and what they bring in. */
#include "pages.h"

int main(void)
{
    unsigned char vector[16];
    map_at(0, 4, RW);
    SHOW(mincore(AT(0) + 1, PAGE, vector));
    SHOW(mincore(AT(0), PAGE, (void *)8));
    SHOW(mincore(AT(0), 0, vector));
    SHOW(mincore(AT(0), 1, vector));
    SHOW(mincore(AT(2), 4 * PAGE, vector));
    SHOW(mincore(AT(20), PAGE, vector));
    SHOW(mincore(AT(0), 1UL << 47, vector));
    SHOW(mlock(AT(0) + 5, PAGE));
    show_resident("locked two", 0, 4);
    SHOW(mlock(AT(3), 2 * PAGE));
    show_resident("locked up to the hole", 0, 4);
    SHOW(madvise(AT(0), PAGE, MADV_DONTNEED));
    SHOW(madvise(AT(0), PAGE, MADV_DONTNEED_LOCKED));
    SHOW(madvise(AT(1), PAGE, MADV_FREE));
    SHOW(madvise(AT(1), PAGE, MADV_COLD));
    SHOW(munlock(AT(0), 4 * PAGE));
    SHOW(madvise(AT(1), PAGE, MADV_DONTNEED));
    SHOW(munlock(AT(3), 2 * PAGE));
    SHOW(mlock(AT(30), PAGE));
    SHOW(mlock(AT(0), 0));
    SHOW(mlock(AT(0), -1UL));
    SHOW(syscall(SYS_mlock2, AT(0), PAGE, 2));
    SHOW(madvise(AT(0), 4 * PAGE, MADV_DONTNEED));
    SHOW(syscall(SYS_mlock2, AT(0), PAGE, 1));
    show_resident("on fault", 0, 4);
    SHOW(munlockall());
    map_at(8, 2, PROT_NONE);
    SHOW(mlock(AT(8), PAGE));
    map_at(10, 2, PROT_READ);
    SHOW(mlock(AT(10), PAGE));
    show_resident("read only", 10, 2);
    SHOW(mlockall(0));
    SHOW(mlockall(8));
    SHOW(mlockall(4));
    SHOW(mlockall(MCL_FUTURE));
    map_at(12, 2, RW);
    show_resident("mapped after mlockall(MCL_FUTURE)", 12, 2);
    SHOW(munlockall());
    SHOW(msync(AT(0), PAGE, 0));
    SHOW(msync(AT(0), PAGE, MS_SYNC | MS_ASYNC));
    SHOW(msync(AT(0), PAGE, 8));
    SHOW(msync(AT(0) + 1, PAGE, MS_SYNC));
    SHOW(msync(AT(0), 0, MS_SYNC));
    SHOW(msync(AT(2), 4 * PAGE, MS_SYNC));
    SHOW(msync(AT(40), PAGE, MS_ASYNC));
    SHOW(msync(AT(0), -PAGE, MS_ASYNC));
    mlock(AT(0), PAGE);
    SHOW(msync(AT(0), PAGE, MS_INVALIDATE));
    return 0;
}
