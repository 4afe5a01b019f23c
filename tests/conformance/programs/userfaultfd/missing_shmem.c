/* MISSING on shared memory and on private mappings of a file in memory. needs: userfaultfd */
#include "uffd.h"

static char source[2 * PAGE] __attribute__((aligned(4096)));

int main(void)
{
    struct toucher a;
    memset(source, 42, sizeof source);
    uffd = open_uffd(O_NONBLOCK, UFFD_FEATURE_MISSING_SHMEM);
    int fd = MUST(memfd_create("m", 0));
    MUST(ftruncate(fd, 6 * PAGE));
    MUST(mmap(AT(0), 8 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
    MUST(mmap(AT(16), 8 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
    REGISTER(AT(0), 8 * PAGE, MISSING);
    start_touch(&a, AT(0), 0);
    show_message(uffd);
    COPY(AT(0), source, PAGE, 0);
    finish_touch(&a);
    VALUE(AT(16));
    start_touch(&a, AT(1), 3);
    show_message(uffd);
    ZEROPAGE(AT(1), PAGE, 0);
    finish_touch(&a);
    VALUE(AT(17));
    *AT(18) = 9;
    VALUE(AT(2));
    *AT(19) = 9;
    COPY(AT(3), source, PAGE, 0);
    ZEROPAGE(AT(3), PAGE, 0);
    COPY(AT(4), source, 4 * PAGE, 0);
    COPY(AT(5), source, 2 * PAGE, 0);
    COPY(AT(6), source, PAGE, 0);
    ZEROPAGE(AT(7), PAGE, 0);
    madvise(AT(0), PAGE, MADV_DONTNEED);
    VALUE(AT(0));
    madvise(AT(0), PAGE, MADV_REMOVE);
    start_touch(&a, AT(0), 0);
    show_message(uffd);
    *AT(16) = 5;
    WAKE(AT(0), PAGE);
    finish_touch(&a);
    int other = MUST(memfd_create("p", 0));
    MUST(ftruncate(other, 4 * PAGE));
    MUST(mmap(AT(24), 4 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, other, 0));
    REGISTER(AT(24), 4 * PAGE, MISSING);
    start_touch(&a, AT(24), 7);
    show_message(uffd);
    COPY(AT(24), source, PAGE, 0);
    finish_touch(&a);
    start_touch(&a, AT(25), 0);
    show_message(uffd);
    ZEROPAGE(AT(25), PAGE, 0);
    finish_touch(&a);
    MUST(pwrite(other, "x", 1, 2 * PAGE));
    VALUE(AT(26));
    char byte = 1;
    MUST(pread(other, &byte, 1, 0));
    printf("the file has %d\n", byte);
    return 0;
}
