/* UFFD_USER_MODE_ONLY: the kernel's own accesses to missing pages fail. needs: userfaultfd */
#include "uffd.h"

int main(void)
{
    struct toucher a;
    int ends[2];
    uffd = open_uffd(O_NONBLOCK | UFFD_USER_MODE_ONLY, 0);
    map_at(0, 8, RW);
    REGISTER(AT(0), 8 * PAGE, MISSING | WP);
    MUST(pipe(ends));
    SHOW(write(ends[1], AT(0), 5));
    SHOW(write(ends[1], "hello", 5));
    SHOW(read(ends[0], AT(0), 5));
    SHOW(pipe((int *)AT(1)));
    ZEROPAGE(AT(0), PAGE, 0);
    SHOW(read(ends[0], AT(1) - 3, 5));
    WRITEPROTECT(AT(0), PAGE, 1);
    SHOW(write(ends[1], "hello", 5));
    SHOW(read(ends[0], AT(0), 5));
    SHOW(write(ends[1], AT(0), 5));
    SHOW(madvise(AT(2), PAGE, MADV_POPULATE_READ));
    SHOW(mlock(AT(3), PAGE));
    start_touch(&a, AT(4), 0);
    show_message(uffd);
    ZEROPAGE(AT(4), PAGE, 0);
    finish_touch(&a);
    return 0;
}
