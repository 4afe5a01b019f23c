/* Several userfaultfds: each hears of its own range; closing one lets its threads go on. needs: userfaultfd */
#include "uffd.h"

int main(void)
{
    struct toucher a, b;
    struct uffd_msg message;
    int first = uffd = open_uffd(O_NONBLOCK, 0);
    int second = open_uffd(O_NONBLOCK, UFFD_FEATURE_EXACT_ADDRESS);
    map_at(0, 8, RW);
    REGISTER(AT(0), 4 * PAGE, MISSING);
    uffd = second;
    REGISTER(AT(4), 4 * PAGE, MISSING);
    REGISTER(AT(2), 4 * PAGE, MISSING);
    start_touch(&a, AT(1) + 7, 0);
    show_message(first);
    start_touch(&b, AT(5) + 7, 0);
    show_message(second);
    SHOW(read(first, &message, sizeof message));
    ZEROPAGE(AT(1), PAGE, 0); /* fills, but wakes nobody of the other */
    ZEROPAGE(AT(5), PAGE, 0);
    finish_touch(&b);
    uffd = first;
    WAKE(AT(1), PAGE);
    finish_touch(&a);
    start_touch(&a, AT(2), 0);
    show_message(first);
    int copy = dup(first);
    SHOW(close(first));
    SHOW(read(copy, &message, sizeof message));
    start_touch(&b, AT(3), 4);
    show_message(copy);
    SHOW(close(copy));
    finish_touch(&a);
    finish_touch(&b);
    VALUE(AT(0));
    uffd = second;
    REGISTER(AT(0), 8 * PAGE, MISSING);
    ZEROPAGE(AT(4), PAGE, 0);
    return 0;
}
