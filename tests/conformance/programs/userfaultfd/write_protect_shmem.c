/* Write protection of shared memory: it stays when the page is dropped from the page table. needs: userfaultfd */
#include "uffd.h"

int main(void)
{
    struct toucher a;
    uffd = open_uffd(O_NONBLOCK, 0);
    int fd = MUST(memfd_create("m", 0));
    MUST(ftruncate(fd, 8 * PAGE));
    MUST(mmap(AT(0), 8 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
    MUST(mmap(AT(16), 8 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
    *AT(0) = 1;
    REGISTER(AT(0), 8 * PAGE, WP);
    WRITEPROTECT(AT(0), 8 * PAGE, 1);
    *AT(16) = 2; /* the other mapping is not protected */
    VALUE(AT(0));
    start_touch(&a, AT(0), 3);
    show_message(uffd);
    WRITEPROTECT(AT(0), PAGE, 0);
    finish_touch(&a);
    WRITEPROTECT(AT(0), PAGE, 1);
    madvise(AT(0), PAGE, MADV_DONTNEED);
    VALUE(AT(0));
    start_touch(&a, AT(0), 4);
    show_message(uffd);
    WRITEPROTECT(AT(0), PAGE, 0);
    finish_touch(&a);
    start_touch(&a, AT(1), 4); /* never there */
    show_message(uffd);
    WRITEPROTECT(AT(1), PAGE, 0);
    finish_touch(&a);
    VALUE(AT(17));
    MUST(fallocate(fd, 3, 2 * PAGE, PAGE));
    start_touch(&a, AT(2), 4);
    show_message(uffd);
    WRITEPROTECT(AT(2), PAGE, 0);
    finish_touch(&a);
    MUST(mmap(AT(24), 8 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0));
    REGISTER(AT(24), 8 * PAGE, WP);
    VALUE(AT(24));
    WRITEPROTECT(AT(24), 2 * PAGE, 1);
    start_touch(&a, AT(24), 5);
    show_message(uffd);
    WRITEPROTECT(AT(24), PAGE, 0);
    finish_touch(&a);
    VALUE(AT(0));
    UNREGISTER(AT(0), 8 * PAGE);
    *AT(4) = 1;
    VALUE(AT(4));
    return 0;
}
