/* fadvise, readahead, fsync, fdatasync, fallocate, sync on files, pipes and bad descriptors. */
#include "conform.h"

int main(void)
{
    int fd = MUST(open("f", O_RDWR | O_CREAT, 0600)), ends[2], reader = MUST(open("f", O_RDONLY));
    MUST(pipe(ends));
    for (int advice = 0; advice < 7; advice++)
        printf("advice %d: %d\n", advice, posix_fadvise(fd, 0, 100, advice));
    printf("%d %d %d\n", posix_fadvise(ends[0], 0, 0, 0), posix_fadvise(99, 0, 0, 0), posix_fadvise(fd, 0, -1, 0));
    SHOW(readahead(fd, 0, 100)), SHOW(readahead(ends[0], 0, 100)), SHOW(readahead(99, 0, 1));
    SHOW(fsync(fd)), SHOW(fdatasync(fd)), SHOW(fsync(ends[0])), SHOW(fsync(99)), SHOW(fsync(reader));
    SHOW(fallocate(fd, 0, 0, 5000)), SHOW(lseek(fd, 0, SEEK_END));
    SHOW(fallocate(fd, 0, 100, 0)), SHOW(fallocate(fd, 0, -1, 5)), SHOW(fallocate(fd, 0, 5, -1));
    SHOW(fallocate(reader, 0, 0, 10)), SHOW(fallocate(ends[1], 0, 0, 10)), SHOW(fallocate(99, 0, 0, 10));
    SHOW(fallocate(fd, 0, 1, 0x7fffffffffffffff));
    sync();
    return 0;
}
