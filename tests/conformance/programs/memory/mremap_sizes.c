/* mremap: growing, shrinking and moving with the data. */
#include "pages.h"

static void fill(int first, int pages, int from)
{
    for (int i = 0; i < pages; i++)
        *AT(first + i) = from + i;
}

int main(void)
{
    map_at(0, 4, RW);
    fill(0, 4, 1);
    printf("shrink: %d\n", mremap(AT(0), 4 * PAGE, 2 * PAGE, 0) == AT(0));
    show_pages("after", 0, 5);
    printf("grow: %d\n", mremap(AT(0), 2 * PAGE, 6 * PAGE, 0) == AT(0));
    show_pages("after", 0, 7);
    VALUE(AT(1));
    VALUE(AT(2));
    map_at(6, 1, PROT_READ);
    SHOW_POINTER(mremap(AT(0), 6 * PAGE, 8 * PAGE, 0));
    printf("move: %d\n", mremap(AT(0), 6 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(16)) == AT(16));
    show_pages("after", 0, 26);
    VALUE(AT(16));
    VALUE(AT(17));
    printf("part: %d\n", mremap(AT(17), 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(0)) == AT(0));
    show_pages("after", 0, 26);
    VALUE(AT(0));
    printf("move and shrink: %d\n", mremap(AT(20), 4 * PAGE, 1 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(4)) == AT(4));
    show_pages("after", 0, 26);
    fill(0, 2, 50);
    printf("dontunmap: %d\n",
           mremap(AT(0), 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, AT(8)) == AT(8));
    show_pages("after", 0, 12);
    VALUE(AT(8));
    VALUE(AT(9));
    VALUE(AT(0));
    char *moved = mremap(AT(8), 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE);
    printf("anywhere: %d %d %d\n", moved != MAP_FAILED, moved[0], moved[PAGE]);
    return 0;
}
