/* MADV_GUARD_INSTALL and MADV_GUARD_REMOVE: pages that fault whatever the mapping's rights are. */
#include "pages.h"

int main(void)
{
    catch_faults();
    map_at(0, 4, RW);
    *AT(1) = 5;
    SHOW(madvise(AT(1), PAGE, MADV_GUARD_INSTALL_));
    READ(AT(1));
    WRITE(AT(1) + 3, 1);
    WRITE(AT(2), 1);
    show_resident("guarded 1", 0, 4);
    SHOW(madvise(AT(0), 4 * PAGE, MADV_DONTNEED));
    READ(AT(1));
    SHOW(madvise(AT(1), PAGE, MADV_POPULATE_WRITE));
    SHOW(madvise(AT(0), 4 * PAGE, MADV_GUARD_REMOVE_));
    READ(AT(1));
    VALUE(AT(1));
    SHOW(madvise(AT(3), 2 * PAGE, MADV_GUARD_INSTALL_));
    READ(AT(3));
    return 0;
}
