/* REGISTER and UNREGISTER: ranges, modes, kinds of memory, owners. needs: userfaultfd */
#include "uffd.h"

int main(void)
{
    uffd = open_uffd(O_NONBLOCK, 0);
    REGISTER(AT(0), PAGE, MISSING);
    map_at(0, 8, RW);
    REGISTER(AT(0) + 1, PAGE, MISSING);
    REGISTER(AT(0), 5, MISSING);
    REGISTER(AT(0), 0, MISSING);
    REGISTER(AT(0), -PAGE, MISSING);
    REGISTER((void *)0, PAGE, MISSING);
    REGISTER((void *)0x7ffffffff000, PAGE, MISSING);
    REGISTER((void *)(1UL << 47), PAGE, MISSING);
    REGISTER(AT(0), PAGE, 0);
    REGISTER(AT(0), PAGE, 8);
    REGISTER(AT(0), PAGE, MISSING | 16);
    REGISTER(AT(0), PAGE, MINOR);
    REGISTER(AT(0), PAGE, MINOR | MISSING);
    REGISTER(AT(0), PAGE, MISSING);
    REGISTER(AT(0), PAGE, MISSING);
    REGISTER(AT(0), PAGE, WP);
    REGISTER(AT(0), PAGE, WP | MISSING);
    REGISTER(AT(20), PAGE, MISSING);
    REGISTER(AT(6), 6 * PAGE, MISSING);
    UNREGISTER(AT(0) + 1, PAGE);
    UNREGISTER(AT(0), 0);
    UNREGISTER(AT(20), PAGE);
    UNREGISTER(AT(4), PAGE);
    UNREGISTER(AT(0), 8 * PAGE);
    UNREGISTER(AT(0), 8 * PAGE);
    MUST(mmap(AT(8), 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    REGISTER(AT(8), 2 * PAGE, MISSING);
    REGISTER(AT(8), 2 * PAGE, MINOR);
    REGISTER(AT(8), 2 * PAGE, MINOR | WP | MISSING);
    REGISTER(AT(7), 3 * PAGE, MINOR);
    int fd = MUST(memfd_create("m", 0));
    MUST(ftruncate(fd, 4 * PAGE));
    MUST(mmap(AT(10), 2 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0));
    REGISTER(AT(10), 2 * PAGE, MISSING);
    REGISTER(AT(10), 2 * PAGE, MINOR);
    MUST(mmap(AT(12), 2 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0));
    REGISTER(AT(12), 2 * PAGE, MISSING);
    map_at(14, 2, PROT_NONE);
    REGISTER(AT(14), 2 * PAGE, MISSING | WP);
    int first = uffd;
    uffd = open_uffd(0, 0);
    REGISTER(AT(14), PAGE, MISSING);
    REGISTER(AT(15), 2 * PAGE, MISSING);
    UNREGISTER(AT(14), PAGE);
    UNREGISTER(AT(0), PAGE);
    close(first);
    REGISTER(AT(14), PAGE, MISSING);
    SHOW(ioctl(uffd, UFFDIO_REGISTER, 8));
    SHOW(ioctl(uffd, UFFDIO_UNREGISTER, 8));
    SHOW(ioctl(uffd, UFFDIO_WAKE, 8));
    return 0;
}
