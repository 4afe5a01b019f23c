/* COPY and ZEROPAGE: what arrives, partial progress, every error. needs: userfaultfd */
#include "uffd.h"

static char source[4 * PAGE] __attribute__((aligned(4096)));

int main(void)
{
    for (int i = 0; i < sizeof source; i++)
        source[i] = i / PAGE + 1;
    uffd = open_uffd(O_NONBLOCK, 0);
    map_at(0, 8, RW);
    COPY(AT(0), source, PAGE, 0);
    REGISTER(AT(0), 8 * PAGE, MISSING);
    COPY(AT(0), source, PAGE, 0);
    COPY(AT(0), source, PAGE, 0);
    COPY(AT(1), source + 1, 2 * PAGE, 0);
    VALUE(AT(1) + PAGE - 1);
    VALUE(AT(2));
    COPY(AT(3) + 1, source, PAGE, 0);
    COPY(AT(3), source, 5, 0);
    COPY(AT(3), source, 0, 0);
    COPY(AT(3), source, PAGE, 4);
    COPY(AT(3), source, PAGE, UFFDIO_COPY_MODE_WP);
    COPY(AT(3), 8, PAGE, 0);
    COPY(AT(3), 0, PAGE, 0);
    COPY(AT(3), 1UL << 47, PAGE, 0);
    COPY(AT(3), -PAGE, PAGE, 0);
    COPY(AT(0), 8, PAGE, 0);
    COPY(AT(20), 8, PAGE, 0);
    COPY(AT(3), -PAGE, 2 * PAGE, 0);
    COPY(AT(3), 0x20000000, PAGE, 0);
    COPY((char *)0, source, PAGE, 0);
    COPY((char *)(1UL << 47), source, PAGE, 0);
    COPY(AT(3), source + 3 * PAGE, PAGE, UFFDIO_COPY_MODE_DONTWAKE);
    VALUE(AT(3));
    ZEROPAGE(AT(4), PAGE, 0);
    ZEROPAGE(AT(4), PAGE, 0);
    ZEROPAGE(AT(3), 2 * PAGE, 0);
    ZEROPAGE(AT(5), PAGE, 2);
    ZEROPAGE(AT(5), PAGE, 1);
    ZEROPAGE(AT(5), PAGE - 1, 0);
    ZEROPAGE(AT(7), 2 * PAGE, 0);
    ZEROPAGE(AT(20), PAGE, 0);
    VALUE(AT(4));
    *AT(4) = 9;
    VALUE(AT(4));
    madvise(AT(0), 4 * PAGE, MADV_DONTNEED);
    COPY(AT(2), source, PAGE, 0);
    COPY(AT(0), source, 4 * PAGE, 0);
    VALUE(AT(1));
    ZEROPAGE(AT(0), PAGE, 0);
    ZEROPAGE(AT(3), 3 * PAGE, 0);
    madvise(AT(6), PAGE, MADV_DONTNEED);
    mprotect(AT(6), PAGE, PROT_READ);
    COPY(AT(6), source, PAGE, 0);
    VALUE(AT(6));
    COPY(AT(6), source, 2 * PAGE, 0);
    mprotect(AT(7), PAGE, PROT_NONE);
    ZEROPAGE(AT(7), PAGE, 0);
    mprotect(AT(6), 2 * PAGE, RW);
    show_resident("after", 0, 9);
    char *inside = (char *)0x20000000;
    map_at(16, 2, RW);
    REGISTER(AT(16), 2 * PAGE, MISSING);
    COPY(AT(16), AT(6), PAGE, 0);
    VALUE(AT(16));
    SHOW(ioctl(uffd, UFFDIO_COPY, 8));
    SHOW(ioctl(uffd, UFFDIO_ZEROPAGE, 8));
    return 0;
}
