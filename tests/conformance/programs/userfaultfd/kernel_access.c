/* Faults of the kernel's own copies: system calls that touch missing pages. needs: userfaultfd */
#include "uffd.h"

static char source[PAGE] __attribute__((aligned(4096)));

static void answer(const struct uffd_msg *message)
{
    unsigned long page = PAGE_OF(message->arg.pagefault.address);
    struct uffdio_copy copy = {page, (unsigned long)source, PAGE, 0, 0};
    if (message->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP) {
        struct uffdio_writeprotect protect = {{page, PAGE}, 0};
        ioctl(uffd, UFFDIO_WRITEPROTECT, &protect);
    } else if (ioctl(uffd, UFFDIO_COPY, &copy))
        printf("COPY %s\n", errno_name(errno));
}

int main(void)
{
    int ends[2];
    setbuf(stdout, NULL);
    memset(source, 'x', sizeof source);
    uffd = open_uffd(O_NONBLOCK, UFFD_FEATURE_EXACT_ADDRESS);
    map_at(0, 16, RW);
    REGISTER(AT(0), 16 * PAGE, MISSING | WP);
    start_answering(answer);
    MUST(pipe(ends));
    SHOW(write(ends[1], "hello", 5));
    SHOW(read(ends[0], AT(0) + 10, 5));
    printf("%.7s\n", AT(0) + 9);
    SHOW(write(ends[1], AT(1) - 2, 5));
    SHOW(read(ends[0], AT(3) - 2, 5));
    printf("%.5s\n", AT(3) - 2);
    struct iovec parts[2] = {{AT(5) + 8, 3}, {AT(6) + 9, 3}};
    SHOW(writev(ends[1], parts, 2));
    SHOW(readv(ends[0], parts, 2));
    SHOW(pipe((int *)(AT(7) + 12)));
    SHOW(syscall(SYS_clock_gettime, 1, AT(8) + 16) == 0);
    struct uffdio_writeprotect protect = {{(unsigned long)AT(0), PAGE}, 1};
    SHOW(ioctl(uffd, UFFDIO_WRITEPROTECT, &protect));
    SHOW(write(ends[1], "again", 5));
    SHOW(read(ends[0], AT(0) + 100, 5));
    printf("%.5s\n", AT(0) + 100);
    return 0;
}
