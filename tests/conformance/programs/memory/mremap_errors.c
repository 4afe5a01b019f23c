/* mremap: what it refuses. */
#include "pages.h"

int main(void)
{
    map_at(0, 4, RW);
    *AT(0) = 1;
    SHOW_POINTER(mremap(AT(0) + 1, PAGE, PAGE, 0));
    SHOW_POINTER(mremap(AT(0), PAGE, 0, 0));
    SHOW_POINTER(mremap(AT(0), PAGE, PAGE, 8));
    SHOW_POINTER(mremap(AT(0), PAGE, PAGE, MREMAP_FIXED, AT(8)));
    SHOW_POINTER(mremap(AT(0), PAGE, PAGE, MREMAP_DONTUNMAP, AT(8)));
    SHOW_POINTER(mremap(AT(0), PAGE, 2 * PAGE, MREMAP_DONTUNMAP | MREMAP_MAYMOVE, AT(8)));
    SHOW_POINTER(mremap(AT(0), PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, AT(8) + 1));
    SHOW_POINTER(mremap(AT(0), 2 * PAGE, 2 * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, AT(1)));
    SHOW_POINTER(mremap(AT(0), 2 * PAGE, 2 * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, AT(0)));
    SHOW_POINTER(mremap(AT(0), PAGE, PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, (void *)(1UL << 47)));
    SHOW_POINTER(mremap(AT(0), PAGE, 1UL << 47, MREMAP_MAYMOVE));
    SHOW_POINTER(mremap(AT(20), PAGE, PAGE, 0));
    SHOW_POINTER(mremap(AT(20), PAGE, 2 * PAGE, MREMAP_MAYMOVE));
    SHOW_POINTER(mremap(AT(2), 4 * PAGE, 4 * PAGE, 0));
    SHOW_POINTER(mremap(AT(2), 4 * PAGE, 5 * PAGE, MREMAP_MAYMOVE));
    SHOW_POINTER(mremap(AT(0), 0, PAGE, MREMAP_MAYMOVE));
    map_at(4, 2, PROT_READ);
    SHOW_POINTER(mremap(AT(2), 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE));
    SHOW_POINTER(mremap(AT(2), 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE));
    printf("shrink over two areas: %d\n", mremap(AT(2), 4 * PAGE, 3 * PAGE, 0) == AT(2));
    show_pages("after", 0, 7);
    printf("move two areas: %d\n", mremap(AT(2), 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(12)) == AT(12));
    show_pages("after", 0, 16);
    return 0;
}
