/* MAP_GROWSDOWN: an area that grows to the address below it that is touched, but never into its neighbour's gap. */
#include "pages.h"

int main(void)
{
    catch_faults();
    MUST(mmap(AT(1024), PAGE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0));
    WRITE(AT(1023) + 8, 1);
    WRITE(AT(1000), 2);
    show_resident("grown", 998, 28);
    READ(AT(1024));
    VALUE(AT(1000));
    VALUE(AT(1001));
    READ(AT(1025));
    map_at(500, 1, RW);
    WRITE(AT(900), 3);
    WRITE(AT(757), 4);
    WRITE(AT(756), 4);
    WRITE(AT(600), 4);
    SHOW(munmap(AT(900), PAGE));
    READ(AT(899));
    READ(AT(900));
    return 0;
}
