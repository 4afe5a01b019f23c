/* The *at calls with directory descriptors, the current directory, O_PATH directories. */
#include "conform.h"

int main(void)
{
    MUST(mkdir("a", 0755)), MUST(mkdir("a/b", 0755));
    int a = MUST(open("a", O_RDONLY | O_DIRECTORY)), path = MUST(open("a/b", O_PATH | O_DIRECTORY));
    SHOW(mkdirat(a, "c", 0700)), SHOW(mkdirat(path, "d", 0700)), SHOW(mkdirat(99, "c", 0700));
    int fd = SHOW(openat(path, "f", O_CREAT | O_WRONLY, 0600));
    SHOW(openat(fd, "x", O_RDONLY));
    SHOW(symlinkat("b/f", a, "link")), SHOW(readlinkat(a, "link", (char[10]){0}, 10));
    SHOW(linkat(path, "f", a, "hard", 0)), SHOW(renameat(a, "hard", path, "moved")), SHOW(faccessat(a, "b/moved", F_OK, 0));
    SHOW(unlinkat(path, "moved", 0)), SHOW(unlinkat(a, "c", AT_REMOVEDIR)), SHOW(unlinkat(a, "b", 0)), SHOW(unlinkat(a, "b", AT_REMOVEDIR));
    SHOW(fchdir(path)), SHOW(access("f", F_OK)), SHOW(access("../link", F_OK)), SHOW(fchdir(fd)), SHOW(fchdir(99));
    SHOW(openat(a, "/", O_PATH) > 2), SHOW(openat(AT_FDCWD, "..", O_PATH) > 2), SHOW(openat(path, "..", O_PATH) > 2);
    SHOW(fchmodat(a, "b/f", 0400, 0)), SHOW(fchmodat(a, "none", 0400, 0));
    struct stat status;
    MUST(fstatat(path, "f", &status, 0));
    printf("%o\n", status.st_mode);
    close(a);
    SHOW(openat(a, "b", O_PATH));
    struct { unsigned long flags, mode, resolve; } how = {O_RDONLY, 0, 0};
    SHOW(syscall(SYS_openat2, path, "f", &how, 24) > 2), SHOW(syscall(SYS_openat2, path, "f", &how, 8));
    how.mode = 0600;
    SHOW(syscall(SYS_openat2, path, "f", &how, 24));
    how.mode = 0, how.flags = 1UL << 40;
    SHOW(syscall(SYS_openat2, path, "f", &how, 24));
    how.flags = 0, how.resolve = 1 << 20;
    SHOW(syscall(SYS_openat2, path, "f", &how, 24));
    return 0;
}
