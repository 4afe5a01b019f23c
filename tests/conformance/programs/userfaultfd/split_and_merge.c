/* REGISTER and UNREGISTER split areas and join them again: what mremap, which works on one area, can take.
   needs: userfaultfd */
#include "uffd.h"

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
    uffd = open_uffd(O_NONBLOCK, 0);
    map_at(0, 8, RW);
    REGISTER(AT(2), 2 * PAGE, MISSING);
    printf("half registered %d\n", one(0, 8));
    ZEROPAGE(AT(1), PAGE, 0);
    ZEROPAGE(AT(2), 3 * PAGE, 0);
    ZEROPAGE(AT(2), 2 * PAGE, 0);
    UNREGISTER(AT(2), 2 * PAGE);
    printf("unregistered %d\n", one(0, 8));
    REGISTER(AT(0), 2 * PAGE, MISSING);
    REGISTER(AT(2), 2 * PAGE, MISSING);
    ZEROPAGE(AT(0), PAGE, 0);
    ZEROPAGE(AT(1), PAGE, 0);
    madvise(AT(0), 8 * PAGE, MADV_DONTNEED);
    ZEROPAGE(AT(0), 4 * PAGE, 0); /* one area again */
    madvise(AT(0), 8 * PAGE, MADV_DONTNEED);
    REGISTER(AT(1), PAGE, WP); /* instead of MISSING */
    ZEROPAGE(AT(0), 4 * PAGE, 0);
    ZEROPAGE(AT(1), PAGE, 0);
    WRITEPROTECT(AT(0), 2 * PAGE, 1);
    WRITEPROTECT(AT(1), PAGE, 1);
    REGISTER(AT(0), 4 * PAGE, MISSING | WP);
    madvise(AT(0), 8 * PAGE, MADV_DONTNEED);
    ZEROPAGE(AT(0), 4 * PAGE, 0);
    UNREGISTER(AT(1), PAGE);
    madvise(AT(0), 8 * PAGE, MADV_DONTNEED);
    ZEROPAGE(AT(1), PAGE, 0);
    ZEROPAGE(AT(0), 2 * PAGE, 0);
    ZEROPAGE(AT(2), 2 * PAGE, 0);
    mprotect(AT(3), PAGE, PROT_READ);
    madvise(AT(0), 8 * PAGE, MADV_DONTNEED);
    ZEROPAGE(AT(2), 2 * PAGE, 0);
    mprotect(AT(3), PAGE, RW);
    ZEROPAGE(AT(2), 2 * PAGE, 0);
    munmap(AT(2), PAGE);
    map_at(2, 1, RW);
    ZEROPAGE(AT(2), PAGE, 0);
    UNREGISTER(AT(0), 8 * PAGE);
    printf("all gone %d\n", one(0, 8));
    return 0;
}
