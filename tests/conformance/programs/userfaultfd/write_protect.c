/* Write protection: of pages that are there, by COPY, of pages that are not, with unprotect and DONTWAKE.
   needs: userfaultfd */
#include "uffd.h"

static char source[PAGE] __attribute__((aligned(4096)));

int main(void)
{
    struct toucher a, b;
    source[0] = 42;
    uffd = open_uffd(O_NONBLOCK, 0);
    map_at(0, 8, RW);
    *AT(0) = 1;
    *AT(1) = 2;
    (void)*(volatile char *)AT(2);
    WRITEPROTECT(AT(0), PAGE, 1);
    REGISTER(AT(0), 8 * PAGE, WP);
    WRITEPROTECT(AT(0), 4 * PAGE, 1);
    VALUE(AT(0));
    start_touch(&a, AT(0) + 3, 9);
    show_message(uffd);
    WRITEPROTECT(AT(0), PAGE, 0);
    finish_touch(&a);
    start_touch(&a, AT(2), 9);
    show_message(uffd);
    WRITEPROTECT(AT(2), PAGE, UFFDIO_WRITEPROTECT_MODE_DONTWAKE);
    WAKE(AT(2), PAGE);
    finish_touch(&a);
    *AT(3) = 5; /* was not there: not protected */
    VALUE(AT(3));
    start_touch(&a, AT(1), 7);
    show_message(uffd);
    WAKE(AT(1), PAGE);
    show_message(uffd);
    UNREGISTER(AT(0), 8 * PAGE);
    WAKE(AT(1), PAGE);
    finish_touch(&a);
    REGISTER(AT(0), 8 * PAGE, WP | MISSING);
    COPY(AT(4), source, PAGE, UFFDIO_COPY_MODE_WP);
    VALUE(AT(4));
    start_touch(&a, AT(4), 3);
    show_message(uffd);
    start_touch(&b, AT(5), 3);
    show_message(uffd);
    ZEROPAGE(AT(5), PAGE, 0);
    finish_touch(&b);
    WRITEPROTECT(AT(4), PAGE, 0);
    finish_touch(&a);
    WRITEPROTECT(AT(4), PAGE, 2 | 1);
    WRITEPROTECT(AT(4), PAGE, 4);
    WRITEPROTECT(AT(4) + 1, PAGE, 1);
    WRITEPROTECT(AT(4), 0, 1);
    WRITEPROTECT(AT(20), PAGE, 1);
    WRITEPROTECT(AT(7), 2 * PAGE, 1);
    SHOW(ioctl(uffd, UFFDIO_WRITEPROTECT, 8));
    WRITEPROTECT(AT(4), PAGE, 1);
    mprotect(AT(4), PAGE, PROT_READ);
    mprotect(AT(4), PAGE, RW);
    start_touch(&a, AT(4), 8);
    show_message(uffd);
    madvise(AT(4), PAGE, MADV_DONTNEED);
    WAKE(AT(4), PAGE);
    show_message(uffd);
    ZEROPAGE(AT(4), PAGE, 0);
    finish_touch(&a);
    return 0;
}
