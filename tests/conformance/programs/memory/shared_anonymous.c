/* Shared anonymous memory: one set of pages behind several addresses, with an end. */
#include "pages.h"

int main(void)
{
    catch_faults();
    MUST(mmap(AT(0), 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    show_resident("fresh", 0, 4);
    *AT(0) = 1;
    *AT(2) = 3;
    printf("alias: %d\n", mremap(AT(0), 0, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(8)) == AT(8));
    show_resident("alias", 8, 4);
    VALUE(AT(8));
    VALUE(AT(10));
    *AT(9) = 2;
    VALUE(AT(1));
    SHOW(madvise(AT(0), 4 * PAGE, MADV_DONTNEED));
    VALUE(AT(0));
    SHOW(madvise(AT(0), PAGE, MADV_REMOVE));
    VALUE(AT(0));
    VALUE(AT(8));
    show_resident("removed 0", 0, 4);
    SHOW(madvise(AT(0), PAGE, MADV_FREE));
    SHOW(madvise(AT(0), PAGE, MADV_WIPEONFORK));
    printf("grown: %d\n", mremap(AT(8), 4 * PAGE, 6 * PAGE, 0) == AT(8));
    READ(AT(11));
    READ(AT(12));
    WRITE(AT(13), 1);
    munmap(AT(0), 4 * PAGE);
    VALUE(AT(9));
    mprotect(AT(8), PAGE, PROT_READ);
    WRITE(AT(8), 1);
    READ(AT(8));
    SHOW(msync(AT(8), 6 * PAGE, MS_SYNC));
    return 0;
}
