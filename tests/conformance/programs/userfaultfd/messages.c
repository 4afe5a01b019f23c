/* What a message says of loads and stores, and their order; several threads on one page; DONTWAKE and WAKE.
   needs: userfaultfd */
#include "uffd.h"

int main(void)
{
    struct toucher a, b, c;
    struct uffd_msg message;
    struct pollfd waiting;
    uffd = open_uffd(O_NONBLOCK, 0);
    waiting = (struct pollfd){uffd, POLLIN, 0};
    map_at(0, 8, RW);
    REGISTER(AT(0), 8 * PAGE, MISSING);
    SHOW(poll(&waiting, 1, 0));
    start_touch(&a, AT(0) + 5, 0);
    show_message(uffd);
    SHOW(read(uffd, &message, sizeof message));
    SHOW(poll(&waiting, 1, 0));
    ZEROPAGE(AT(0), PAGE, 0);
    finish_touch(&a);
    start_touch(&a, AT(1) + 5, 7);
    show_message(uffd);
    ZEROPAGE(AT(1), PAGE, UFFDIO_ZEROPAGE_MODE_DONTWAKE);
    SHOW(read(uffd, &message, sizeof message));
    WAKE(AT(1), PAGE);
    finish_touch(&a);
    start_touch(&a, AT(2), 0);
    show_message(uffd);
    start_touch(&b, AT(2) + 100, 3);
    show_message(uffd);
    ZEROPAGE(AT(2), PAGE, 0);
    finish_touch(&a);
    finish_touch(&b);
    start_touch(&a, AT(3), 0);
    show_message(uffd);
    start_touch(&b, AT(4), 0);
    show_message(uffd);
    start_touch(&c, AT(5), 1);
    show_message(uffd);
    ZEROPAGE(AT(3), 3 * PAGE, 0);
    finish_touch(&a);
    finish_touch(&b);
    finish_touch(&c);
    start_touch(&a, AT(6), 0);
    show_message(uffd);
    UNREGISTER(AT(6), PAGE);
    finish_touch(&a);
    start_touch(&a, AT(7), 0);
    show_message(uffd);
    SHOW(close(uffd));
    finish_touch(&a);
    return 0;
}
