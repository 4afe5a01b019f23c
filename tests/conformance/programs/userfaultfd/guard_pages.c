/* Guard pages in registered memory: neither missing nor filled. needs: userfaultfd */
#include "uffd.h"

static char source[PAGE] __attribute__((aligned(4096)));

int main(void)
{
    catch_faults();
    uffd = open_uffd(O_NONBLOCK, 0);
    map_at(0, 4, RW);
    REGISTER(AT(0), 4 * PAGE, MISSING | WP);
    SHOW(madvise(AT(1), PAGE, MADV_GUARD_INSTALL_));
    READ(AT(1));
    COPY(AT(1), source, PAGE, 0);
    ZEROPAGE(AT(1), PAGE, 0);
    POISON(AT(1), PAGE, 0);
    WRITEPROTECT(AT(1), PAGE, 1);
    READ(AT(1));
    SHOW(madvise(AT(1), PAGE, MADV_GUARD_REMOVE_));
    COPY(AT(1), source, PAGE, 0);
    READ(AT(1));
    return 0;
}
