/* What open refuses, in every combination of flags and kinds. */
#include "conform.h"

int main(void)
{
    MUST(mkdir("dir", 0755)), MUST(symlink("file", "link")), MUST(symlink("nowhere", "dangling"));
    MUST(symlink("loop", "loop")), MUST(symlink("dir", "dirlink"));
    close(MUST(open("file", O_CREAT | O_WRONLY, 0644)));
    const char *names[] = {"file", "dir", "link", "dangling", "loop", "dirlink", "none", "file/", "dir/", "none/",
                           "file/x", "none/x", "dirlink/", "link/", ".", "dir/..", "dir/../file", "", "/", "dir/."};
    int flags[] = {O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY | O_DIRECTORY, O_RDONLY | O_NOFOLLOW, O_PATH,
                   O_PATH | O_NOFOLLOW, O_PATH | O_DIRECTORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        printf("%-12s", names[i]);
        for (unsigned j = 0; j < sizeof flags / sizeof *flags; j++) {
            int fd = open(names[i], flags[j]);
            printf(" %s", fd >= 0 ? "ok" : errno_name(errno));
            close(fd);
        }
        printf("\n");
    }
    int creating[] = {O_CREAT | O_RDWR, O_CREAT | O_EXCL | O_RDWR, O_CREAT | O_NOFOLLOW | O_RDWR,
                      O_CREAT | O_DIRECTORY | O_RDONLY, O_TRUNC | O_RDONLY, O_CREAT | O_RDONLY};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        printf("%-12s", names[i]);
        for (unsigned j = 0; j < sizeof creating / sizeof *creating; j++) {
            int fd = open(names[i], creating[j], 0600);
            printf(" %s", fd >= 0 ? "ok" : errno_name(errno));
            close(fd);
            unlink("nowhere"), unlink("none");
        }
        printf("\n");
    }
    char big[5000];
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = 0;
    SHOW(open(big, O_RDONLY));
    big[4095] = 0;
    SHOW(open(big, O_RDONLY));
    big[256] = 0;
    SHOW(open(big, O_RDONLY));
    big[255] = 0;
    SHOW(open(big, O_RDONLY));
    SHOW(open((char *)8, O_RDONLY));
    SHOW(openat(99, "file", O_RDONLY));
    SHOW(openat(99, "/", O_RDONLY) > 2);
    int fd = open("file", O_RDONLY);
    SHOW(openat(fd, "x", O_RDONLY));
    int dir = open("dir", O_RDONLY | O_DIRECTORY);
    SHOW(openat(dir, "../file", O_RDONLY) > 2);
    SHOW(openat(dir, "new", O_CREAT | O_WRONLY, 0600) > 2);
    SHOW(access("dir/new", F_OK));
    SHOW(read(dir, big, 10));
    SHOW(fcntl(fd, F_GETFL) == O_LARGEFILE || fcntl(fd, F_GETFL) == 0100000);
    int path = open("file", O_PATH);
    SHOW(read(path, big, 1));
    SHOW(fcntl(path, F_GETFL) == O_PATH);
    SHOW(fchmod(path, 0600));
    return 0;
}
