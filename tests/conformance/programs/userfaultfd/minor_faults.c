/* MINOR on shared memory: pages that the file has, mapped by CONTINUE. needs: userfaultfd */
#include "uffd.h"

int main(void)
{
    struct toucher a;
    uffd = open_uffd(O_NONBLOCK, UFFD_FEATURE_MINOR_SHMEM);
    int fd = MUST(memfd_create("m", 0));
    MUST(ftruncate(fd, 8 * PAGE));
    MUST(mmap(AT(0), 8 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
    MUST(mmap(AT(16), 8 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
    *AT(16) = 1;
    *AT(17) = 2;
    *AT(19) = 4;
    REGISTER(AT(0), 8 * PAGE, MINOR);
    start_touch(&a, AT(0), 0);
    show_message(uffd);
    *AT(16) = 11;
    CONTINUE(AT(0), PAGE, 0);
    finish_touch(&a);
    start_touch(&a, AT(1), 5);
    show_message(uffd);
    CONTINUE(AT(1), PAGE, UFFDIO_CONTINUE_MODE_DONTWAKE);
    WAKE(AT(1), PAGE);
    finish_touch(&a);
    VALUE(AT(17));
    VALUE(AT(2)); /* the file has none: no minor fault */
    CONTINUE(AT(0), PAGE, 0);
    CONTINUE(AT(3), 2 * PAGE, 0);
    CONTINUE(AT(5), PAGE, 0);
    CONTINUE(AT(3) + 1, PAGE, 0);
    CONTINUE(AT(5), 0, 0);
    CONTINUE(AT(5), PAGE, 4);
    CONTINUE(AT(5), PAGE, UFFDIO_CONTINUE_MODE_WP);
    CONTINUE(AT(20), PAGE, 0);
    COPY(AT(5), AT(0), PAGE, 0);
    VALUE(AT(21));
    ZEROPAGE(AT(6), PAGE, 0);
    show_resident("file", 16, 8);
    REGISTER(AT(0), 8 * PAGE, MINOR | MISSING);
    madvise(AT(0), 8 * PAGE, MADV_DONTNEED);
    start_touch(&a, AT(0), 0);
    show_message(uffd);
    CONTINUE(AT(0), PAGE, 0);
    finish_touch(&a);
    start_touch(&a, AT(7), 6);
    show_message(uffd);
    ZEROPAGE(AT(7), PAGE, 0);
    finish_touch(&a);
    COPY(AT(1), AT(0), PAGE, 0);
    ZEROPAGE(AT(1), PAGE, 0);
    MUST(mmap(AT(24), 2 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0));
    REGISTER(AT(24), 2 * PAGE, MINOR);
    start_touch(&a, AT(24), 9);
    show_message(uffd);
    CONTINUE(AT(24), PAGE, 0);
    finish_touch(&a);
    VALUE(AT(16));
    SHOW(ioctl(uffd, UFFDIO_CONTINUE, 8));
    return 0;
}
