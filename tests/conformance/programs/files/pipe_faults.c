/* Bad pointers in pipe reads and writes: what is transferred, what is left. */
#include "conform.h"
#include <sys/ioctl.h>
#include <sys/uio.h>

int main(void)
{
    int ends[2], pending;
    MUST(pipe2(ends, O_NONBLOCK));
    char *two = mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *edge = two + PAGE;
    memset(two, 'x', PAGE);
    MUST(munmap(edge, PAGE));
    SHOW(write(ends[1], edge - 10, 20));
    SHOW(write(ends[1], edge, 1));
    SHOW(write(ends[1], edge, 0));
    SHOW(write(ends[1], edge - PAGE, PAGE + 5));
    MUST(ioctl(ends[0], FIONREAD, &pending));
    printf("pending %d\n", pending);
    SHOW(read(ends[0], edge - 10, 5000));
    SHOW(write(ends[1], "0123456789abcdef", 16));
    SHOW(read(ends[0], edge - 10, 20));
    SHOW(read(ends[0], edge - 10, 10));
    SHOW(read(ends[0], edge, 5));
    SHOW(read(ends[0], (void *)-1, 5));
    SHOW(read(ends[0], (void *)0x7fffffffffff, 5));
    SHOW(write(ends[1], two, -1));
    struct iovec pieces[3] = {{"ab", 2}, {(void *)8, 3}, {"cd", 2}};
    SHOW(writev(ends[1], pieces, 3));
    SHOW(writev(ends[1], pieces, 1));
    struct iovec into[3] = {{two, 3}, {two + 100, 2}, {two + 200, 10}};
    SHOW(readv(ends[0], into, 3));
    printf("%.3s %.2s %.3s\n", two, two + 100, two + 200);
    SHOW(readv(ends[0], into, 1025));
    SHOW(readv(ends[0], into, -1));
    SHOW(readv(ends[0], into, 0));
    struct iovec huge[2] = {{two, 10}, {two, -5}};
    SHOW(writev(ends[1], huge, 2));
    SHOW(pread(ends[0], two, 1, 0));
    SHOW(pwrite(ends[1], two, 1, 0));
    SHOW(pread(ends[0], two, 1, -1));
    return 0;
}
