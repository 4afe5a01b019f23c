/* WP_UNPOPULATED: protection also of pages that are not there yet. needs: userfaultfd */
#include "uffd.h"

int main(void)
{
    struct toucher a;
    uffd = open_uffd(O_NONBLOCK, UFFD_FEATURE_WP_UNPOPULATED);
    map_at(0, 8, RW);
    REGISTER(AT(0), 4 * PAGE, WP);
    WRITEPROTECT(AT(0), 4 * PAGE, 1);
    show_resident("protected", 0, 8);
    start_touch(&a, AT(0), 9);
    show_message(uffd);
    show_resident("asked", 0, 8);
    WRITEPROTECT(AT(0), PAGE, 0);
    finish_touch(&a);
    VALUE(AT(1));
    start_touch(&a, AT(1), 9);
    show_message(uffd);
    WRITEPROTECT(AT(1), PAGE, 0);
    finish_touch(&a);
    WRITEPROTECT(AT(2), PAGE, 0);
    *AT(2) = 5;
    VALUE(AT(2));
    madvise(AT(3), PAGE, MADV_DONTNEED);
    *AT(3) = 5;
    VALUE(AT(3));
    REGISTER(AT(4), 4 * PAGE, WP | MISSING);
    WRITEPROTECT(AT(4), 4 * PAGE, 1);
    ZEROPAGE(AT(4), PAGE, 0);
    start_touch(&a, AT(5), 9);
    show_message(uffd);
    COPY(AT(5), AT(0), PAGE, 0);
    finish_touch(&a);
    start_touch(&a, AT(6), 9);
    show_message(uffd);
    COPY(AT(6), AT(0), PAGE, UFFDIO_COPY_MODE_WP);
    show_message(uffd);
    WRITEPROTECT(AT(6), PAGE, 0);
    finish_touch(&a);
    UNREGISTER(AT(4), 4 * PAGE);
    *AT(7) = 1;
    VALUE(AT(7));
    return 0;
}
