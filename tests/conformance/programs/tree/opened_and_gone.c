/* Open files outlive their names: unlinked, renamed away, their directory removed; descriptors count their users. */
#include "conform.h"
#include <sys/wait.h>

int main(void)
{
    char text[32] = {0};
    struct stat status;
    MUST(mkdir("d", 0755));
    int fd = MUST(open("d/f", O_RDWR | O_CREAT, 0600)), dir = MUST(open("d", O_RDONLY | O_DIRECTORY));
    MUST(write(fd, "one", 3));
    SHOW(rename("d/f", "g")), SHOW(write(fd, " two", 4)), SHOW(pread(fd, text, 32, 0));
    puts(text);
    SHOW(unlink("g")), SHOW(write(fd, " three", 6)), SHOW(lseek(fd, 0, SEEK_SET)), SHOW(read(fd, text, 32));
    puts(text);
    MUST(fstat(fd, &status));
    printf("links %ld size %ld\n", (long)status.st_nlink, (long)status.st_size);
    SHOW(rmdir("d")), SHOW(openat(dir, "new", O_CREAT | O_RDWR, 0600));
    if (fork() == 0) {
        lseek(fd, 4, SEEK_SET);
        _exit(0);
    }
    wait(NULL);
    memset(text, 0, sizeof text);
    SHOW(read(fd, text, 3));
    puts(text);
    int copy = dup(fd);
    close(fd);
    SHOW(read(copy, text, 1)), SHOW(ftruncate(copy, 2)), SHOW(lseek(copy, 0, SEEK_END));
    fd = MUST(open("g", O_RDWR | O_CREAT | O_EXCL, 0600));
    SHOW(lseek(fd, 0, SEEK_END)), SHOW(lseek(copy, 0, SEEK_END));
    return 0;
}
