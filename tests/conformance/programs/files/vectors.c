/* readv, writev, preadv, pwritev and their second versions: on a file, on a pipe, with odd vectors. */
#include "conform.h"
#include <sys/uio.h>

int main(void)
{
    int fd = MUST(open("f", O_RDWR | O_CREAT, 0600)), ends[2];
    char a[8] = {0}, b[8] = {0};
    struct iovec out[3] = {{"ab", 2}, {"", 0}, {"cdef", 4}}, in[2] = {{a, 3}, {b, 7}};
    SHOW(writev(fd, out, 3));
    SHOW(pwritev(fd, out, 3, 10));
    SHOW(preadv(fd, in, 2, 1));
    printf("%s %s\n", a, b);
    SHOW(preadv(fd, in, 2, 100));
    SHOW(preadv(fd, in, 2, -1));
    SHOW(preadv2(fd, in, 2, -1, 0));
    SHOW(lseek(fd, 0, SEEK_SET));
    SHOW(preadv2(fd, in, 2, -1, 0));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(pwritev2(fd, out, 1, 0, 0));
    SHOW(preadv2(fd, in, 2, 0, 0x40000000));
    SHOW(readv(fd, in, 0)), SHOW(readv(fd, in, -1)), SHOW(readv(fd, in, 1025)), SHOW(readv(fd, (void *)8, 1));
    struct iovec wrong[2] = {{a, 2}, {(void *)8, 5}}, negative[2] = {{a, 2}, {b, -1L}};
    SHOW(pread(fd, a, 2, 0)), SHOW(preadv(fd, wrong, 2, 0)), SHOW(preadv(fd, negative, 2, 0));
    MUST(pipe(ends));
    SHOW(preadv(ends[0], in, 2, 0)), SHOW(pwritev(ends[1], out, 2, 0)), SHOW(writev(ends[1], out, 3)), SHOW(readv(ends[0], in, 2));
    SHOW(writev(ends[0], out, 3)), SHOW(readv(ends[1], in, 2)), SHOW(readv(99, in, 2));
    return 0;
}
