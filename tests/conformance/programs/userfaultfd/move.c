/* MOVE: pages change their address. needs: userfaultfd */
#include "uffd.h"

int main(void)
{
    struct toucher a;
    uffd = open_uffd(O_NONBLOCK, UFFD_FEATURE_MOVE);
    map_at(0, 8, RW);
    map_at(16, 8, RW);
    for (int i = 0; i < 6; i++)
        *AT(16 + i) = i + 1;
    MOVE(AT(0), AT(16), PAGE, 0);
    REGISTER(AT(0), 8 * PAGE, MISSING);
    MOVE(AT(0), AT(16), PAGE, 0);
    VALUE(AT(0));
    show_resident("source", 16, 8);
    MOVE(AT(0), AT(17), PAGE, 0);
    MOVE(AT(1), AT(16), PAGE, 0);
    MOVE(AT(1), AT(16), PAGE, UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES);
    MOVE(AT(1), AT(16), 3 * PAGE, UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES);
    MOVE(AT(4), AT(19), 4 * PAGE, 0);
    show_resident("target", 0, 8);
    show_resident("source", 16, 8);
    VALUE(AT(2));
    VALUE(AT(4));
    start_touch(&a, AT(7), 0);
    show_message(uffd);
    *AT(20) = 99;
    MOVE(AT(7), AT(20), PAGE, 0);
    finish_touch(&a);
    (void)*(volatile char *)AT(22);
    start_touch(&a, AT(1), 5);
    show_message(uffd);
    MOVE(AT(1), AT(22), PAGE, UFFDIO_MOVE_MODE_DONTWAKE);
    WAKE(AT(1), PAGE);
    finish_touch(&a);
    *AT(21) = 1;
    madvise(AT(0), PAGE, MADV_DONTNEED);
    MOVE(AT(0) + 1, AT(21), PAGE, 0);
    MOVE(AT(0), AT(21) + 1, PAGE, 0);
    MOVE(AT(0), AT(21), 0, 0);
    MOVE(AT(0), AT(21), PAGE, 4);
    MOVE(AT(0), AT(40), PAGE, 0);
    MOVE(AT(40), AT(21), PAGE, 0);
    MOVE(AT(0), AT(23), 2 * PAGE, 0);
    MOVE(AT(7), AT(16), 2 * PAGE, 0);
    mprotect(AT(21), PAGE, PROT_READ);
    MOVE(AT(0), AT(21), PAGE, 0);
    mprotect(AT(21), PAGE, RW);
    mlock(AT(21), PAGE);
    MOVE(AT(0), AT(21), PAGE, 0);
    munlock(AT(21), PAGE);
    MUST(mmap(AT(30), PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    *AT(30) = 1;
    MOVE(AT(0), AT(30), PAGE, 0);
    MOVE(AT(30), AT(21), PAGE, 0);
    MOVE(AT(0), AT(2), PAGE, 0);
    VALUE(AT(0));
    SHOW(ioctl(uffd, UFFDIO_MOVE, 8));
    return 0;
}
