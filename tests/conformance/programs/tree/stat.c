/* stat, lstat, fstatat, statx: kinds, sizes, links, flags; utimensat's absence does not show. */
#include "conform.h"

static void show(const char *name, int flags)
{
    struct stat s;
    struct statx x;
    if (fstatat(AT_FDCWD, name, &s, flags)) {
        printf("%s: %s\n", name, errno_name(errno));
        return;
    }
    MUST(statx(AT_FDCWD, name, flags, STATX_BASIC_STATS, &x));
    printf("%s: %o size %ld, statx %o %ld, same inode %d\n", name, s.st_mode, S_ISDIR(s.st_mode) ? 0L : (long)s.st_size,
           x.stx_mode, S_ISDIR(s.st_mode) ? 0L : (long)x.stx_size, s.st_ino == x.stx_ino);
}

int main(void)
{
    umask(0);
    MUST(mkdir("d", 0751)), MUST(symlink("d/f", "l")), MUST(symlink("none", "dangling"));
    int fd = MUST(open("d/f", O_CREAT | O_RDWR, 0640));
    MUST(ftruncate(fd, 12345));
    show("d", 0), show("l", 0), show("l", AT_SYMLINK_NOFOLLOW), show("dangling", 0), show("dangling", AT_SYMLINK_NOFOLLOW);
    show("d/f/", 0), show("", 0), show("d/../l", 0), show("none/x", 0), show(".", 0);
    struct stat a, b;
    MUST(stat("d/f", &a)), MUST(fstat(fd, &b));
    printf("same %d\n", a.st_ino == b.st_ino && a.st_dev == b.st_dev && a.st_size == b.st_size);
    SHOW(fstatat(fd, "", &b, AT_EMPTY_PATH)), SHOW(fstatat(fd, "x", &b, 0)), SHOW(fstatat(99, "x", &b, 0));
    SHOW(fstatat(AT_FDCWD, "d", &b, 0x80000)), SHOW(stat("d", (void *)8)), SHOW(stat((char *)8, &b));
    struct statx x;
    SHOW(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &x)), SHOW(statx(AT_FDCWD, "d", 0, 0x80000000, &x));
    SHOW(statx(AT_FDCWD, "d", 0x6000, STATX_SIZE, &x)), SHOW(statx(AT_FDCWD, "d", 0, STATX_SIZE, (void *)8));
    SHOW(faccessat(AT_FDCWD, "d/f", R_OK | W_OK, 0)), SHOW(faccessat(AT_FDCWD, "d/f", X_OK, 0)), SHOW(access("l", F_OK));
    SHOW(access("dangling", F_OK)), SHOW(faccessat(AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW)), SHOW(access("d", X_OK));
    return 0;
}
