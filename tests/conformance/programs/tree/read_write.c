/* A file: created, written, appended, read at places, cut, extended, sought. */
#include "conform.h"
#include <sys/uio.h>

int main(void)
{
    char buffer[64] = {0};
    int fd = SHOW(open("a", O_RDWR | O_CREAT | O_EXCL, 0640));
    SHOW(write(fd, "0123456789", 10));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(lseek(fd, 3, SEEK_SET));
    SHOW(read(fd, buffer, 4));
    puts(buffer);
    SHOW(pread(fd, buffer, 60, 5));
    SHOW(pread(fd, buffer, 60, 10));
    SHOW(pread(fd, buffer, 60, 1000));
    SHOW(pwrite(fd, "AB", 2, 12));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(lseek(fd, -1, SEEK_SET));
    SHOW(lseek(fd, -20, SEEK_CUR));
    SHOW(lseek(fd, -2, SEEK_END));
    SHOW(read(fd, buffer, 60));
    SHOW(lseek(fd, 5, SEEK_END));
    SHOW(lseek(fd, 0, 9));
    SHOW(lseek(fd, 0x7fffffffffffffff, SEEK_END));
    SHOW(ftruncate(fd, 4));
    SHOW(lseek(fd, 0, SEEK_END));
    SHOW(ftruncate(fd, 20));
    memset(buffer, 'x', sizeof buffer);
    SHOW(pread(fd, buffer, 60, 0));
    printf("%.4s %d %d\n", buffer, buffer[4], buffer[19]);
    SHOW(ftruncate(fd, -1));
    SHOW(truncate("a", 6));
    SHOW(truncate("none", 6));
    int again = SHOW(open("a", O_WRONLY | O_APPEND));
    SHOW(write(again, "end", 3));
    SHOW(pwrite(again, "!", 1, 0));
    SHOW(read(again, buffer, 1));
    SHOW(ftruncate(again, 8));
    SHOW(lseek(fd, 0, SEEK_SET));
    struct iovec parts[2] = {{buffer, 3}, {buffer + 10, 9}};
    SHOW(readv(fd, parts, 2));
    printf("%.3s %.2s\n", buffer, buffer + 10);
    int reader = SHOW(open("a", O_RDONLY));
    SHOW(write(reader, "x", 1));
    SHOW(ftruncate(reader, 1));
    SHOW(write(fd, (void *)8, 5));
    SHOW(pread(fd, (void *)8, 5, 0));
    SHOW(fsync(fd));
    struct stat status;
    MUST(fstat(fd, &status));
    printf("mode %o size %ld links %ld\n", status.st_mode, (long)status.st_size, (long)status.st_nlink);
    SHOW(open("a", O_RDWR | O_TRUNC));
    MUST(fstat(fd, &status));
    printf("size %ld\n", (long)status.st_size);
    SHOW(unlink("a"));
    SHOW(pwrite(fd, "still", 5, 0));
    SHOW(pread(reader, buffer, 60, 0));
    MUST(fstat(fd, &status));
    printf("links %ld\n", (long)status.st_nlink);
    return 0;
}
