/* O_APPEND set by fcntl: write, pwrite, writev and pwritev append, and what becomes of the position. */
#include "conform.h"
#include <sys/uio.h>

static void run(const char *kind, int fd)
{
    char content[64] = "";
    struct iovec vector = {"g", 1};
    puts(kind);
    MUST(write(fd, "abc", 3));
    SHOW(lseek(fd, 0, SEEK_SET));
    int flags = fcntl(fd, F_GETFL);
    SHOW(fcntl(fd, F_SETFL, flags | O_APPEND));
    printf("flags changed: %#o\n", fcntl(fd, F_GETFL) ^ flags);
    SHOW(write(fd, "de", 2));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(pwrite(fd, "f", 1, 0));
    SHOW(pwritev(fd, &vector, 1, 0));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(writev(fd, &vector, 1));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(lseek(fd, 1L << 32, SEEK_SET));
    SHOW(write(fd, "", 0));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(write(fd, "h", 1));
    SHOW(lseek(fd, 0, SEEK_CUR));
    SHOW(ftruncate(fd, 12));
    SHOW(pwrite(fd, "i", 1, 2));
    SHOW(fcntl(fd, F_SETFL, 0));
    SHOW(pwrite(fd, "X", 1, 0));
    SHOW(pread(fd, content, 63, 0));
    for (int i = 0; i < 13; i++)
        putchar(content[i] ? content[i] : '.');
    puts("");
}

int main(void)
{
    run("memfd", MUST(memfd_create("append", 0)));
    run("file", MUST(open("file", O_RDWR | O_CREAT, 0600)));
}
