/* fallocate, sync_file_range, readahead, preadv2 and pwritev2 with flags, copy_file_range: arguments and kinds of files. */
#include "conform.h"
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

int main(void)
{
    int memory = MUST(memfd_create("a", 0)), file = MUST(open("file", O_RDWR | O_CREAT, 0600)), ends[2], s[2], other;
    int null = MUST(open("/dev/null", O_RDWR)), directory = MUST(open(".", O_RDONLY)), event = MUST(eventfd(0, 0));
    int writer = MUST(open("file", O_WRONLY));
    MUST(pipe(ends)), MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    static const int modes[] = {0, 1, 2, 3, 0x10, 0x11, 8, 0x20, 9, 0x13, 0x40, 0x41, 0x80, 4, 0x100};
    int files[] = {memory, ends[0], ends[1], s[0], directory, null, event, file, writer, 99};
    for (int i = 0; i < 10; i++, puts(""))
        for (int j = 0; j < 15; j++)
            if (i < 7 || j < 4 || i == 9)
                printf("%s ", fallocate(files[i], modes[j], 4096, 8192) ? errno_name(errno) : "0");
    SHOW(fallocate(memory, 0, -1, 1)), SHOW(fallocate(memory, 0, 0, 0)), SHOW(fallocate(memory, 0x999, 0, 0));
    SHOW(fallocate(null, 0x999, 0, 1)), SHOW(fallocate(memory, 0, 1L << 62, 1L << 62)), SHOW(fallocate(null, 0, 1L << 62, 1L << 62));
    char text[32] = "0123456789abcdef";
    SHOW(pwrite(file, text, 16, 0)), SHOW(fallocate(file, 3, 4, 4)), SHOW(pread(file, text, 16, 0));
    for (int i = 0; i < 16; i++)
        putchar(text[i] ? text[i] : '.');
    puts("");
    SHOW(fallocate(file, 3, 10, 1000000)), SHOW(lseek(file, 0, SEEK_END)), SHOW(fallocate(file, 1, 10, 1000000)), SHOW(lseek(file, 0, SEEK_END));
    for (int i = 0; i < 10; i++)
        printf("%d: ", i), errno = 0, SHOW(sync_file_range(files[i], 0, 0, 7));
    SHOW(sync_file_range(memory, 0, 0, 8)), SHOW(sync_file_range(memory, -1, 0, 0)), SHOW(sync_file_range(memory, 0, -1, 0));
    SHOW(sync_file_range(memory, INT64_MAX, 1, 0)), SHOW(sync_file_range(ends[0], 0, 0, 9));
    for (int i = 0; i < 10; i++)
        printf("%d: ", i), SHOW(readahead(files[i], 0, 1));
    SHOW(readahead(memory, -1, 1)), SHOW(readahead(memory, 0, -1));
    struct iovec v = {text, 4};
    MUST(write(ends[1], "12345678", 8)), MUST(ftruncate(memory, 4)), MUST(lseek(memory, 0, SEEK_SET));
    for (int flag = 1; flag <= 0x80; flag *= 2) {
        printf("RWF %#x\n", flag);
        SHOW(preadv2(memory, &v, 1, 0, flag)), SHOW(pwritev2(memory, &v, 1, 1, flag)), SHOW(lseek(memory, 0, SEEK_END));
        MUST(lseek(memory, 1, SEEK_SET)), SHOW(pwritev2(memory, &v, 1, -1, flag)), SHOW(lseek(memory, 0, SEEK_CUR));
        v.iov_len = 1, SHOW(preadv2(ends[0], &v, 1, -1, flag)), SHOW(pwritev2(ends[1], &v, 1, -1, flag)), v.iov_len = 4;
    }
    SHOW(preadv2(memory, &v, 1, 0, 0x30)), SHOW(preadv2(memory, &v, 1, 0, 0x1000)), SHOW(pwritev2(ends[1], &v, 1, 0, 0));
    SHOW(preadv2(99, &v, 1, 0, 0x1000)), SHOW(preadv2(ends[1], &v, 1, -1, 0x1000)), SHOW(preadv2(s[0], &v, 1, -1, 8));
    other = MUST(open("file", O_RDWR | O_APPEND)), MUST(ftruncate(file, 10));
    SHOW(pwritev2(other, &v, 1, 0, 0x20)), SHOW(lseek(other, 0, SEEK_END)), SHOW(pwritev2(other, &v, 1, 0, 0)), SHOW(lseek(other, 0, SEEK_END));
    while (read(ends[0], text, 32) == 32)
        ;
    SHOW(preadv2(ends[0], &v, 1, -1, 8)), SHOW(fcntl(ends[0], F_GETFL));
    off_t at = 2, to = 0;
    int copy = MUST(memfd_create("b", 0));
    MUST(ftruncate(memory, 0)), MUST(pwrite(memory, "0123456789", 10, 0));
    SHOW(copy_file_range(memory, &at, copy, &to, 100, 0)), SHOW(at), SHOW(to), SHOW(copy_file_range(directory, NULL, copy, NULL, 1, 0));
    SHOW(copy_file_range(memory, NULL, ends[1], NULL, 1, 0)), SHOW(copy_file_range(null, NULL, copy, NULL, 1, 0)), SHOW(copy_file_range(memory, NULL, directory, NULL, 1, 0));
    at = 0, to = INT64_MAX, SHOW(copy_file_range(memory, &at, copy, &to, 1, 0)), at = -1, SHOW(copy_file_range(memory, &at, copy, NULL, 1, 0));
    SHOW(copy_file_range(memory, NULL, 99, NULL, 1, 9)), at = 20, SHOW(copy_file_range(memory, &at, copy, NULL, 1, 0)), SHOW(copy_file_range(memory, NULL, memory, NULL, 5, 0));
    void *bad = mmap(NULL, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(bad, PAGE, PROT_READ | PROT_WRITE), MUST(ftruncate(memory, 100));
    for (int i = 0; i < 2; i++) {
        int fd = i ? file : memory;
        MUST(lseek(fd, 0, SEEK_SET)), SHOW(write(fd, bad + PAGE, 1)), SHOW(read(fd, bad + PAGE, 1)), SHOW(pwrite(fd, bad + PAGE, 1, 5));
        SHOW(write(fd, bad + PAGE - 5, 10)), SHOW(read(fd, bad + PAGE - 5, 10)), SHOW(read(fd, bad + PAGE, 0)), SHOW(write(fd, bad + PAGE, 0));
        SHOW(lseek(fd, 0, SEEK_END)), SHOW(read(fd, bad + PAGE, 1)), SHOW(write(fd, bad + PAGE, 1)), SHOW(lseek(fd, 0, SEEK_CUR));
    }
    SHOW(pread(99, text, 1, -1)), SHOW(pread(99, text, 1, 0)), SHOW(pread(ends[1], text, 1, 0)), SHOW(pwrite(ends[0], text, 1, 0));
    SHOW(pread(ends[0], text, 1, -1)), SHOW(preadv2(ends[1], &v, 1, 0, 0)), SHOW(preadv2(ends[1], &v, 1, -1, 0)), SHOW(pread(event, text, 8, 0));
    SHOW(pread(writer, text, 1, 0)), SHOW(pread(directory, text, 1, 0)), SHOW(pread(null, text, 1, 0));
    return 0;
}
