/* Odd paths and flags: openat2's RESOLVE_*, renames of every kind onto every kind, slashes and dots at the end, removed
   directories, links to links, O_* combinations, getdents as of old, fallocate, statfs. On the host and in RAM. */
#include "conform.h"
#include <dirent.h>
#include <linux/openat2.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

static long how(int dir, const char *path, unsigned long flags, unsigned long resolve)
{
    struct open_how h = {.flags = flags, .resolve = resolve};
    long fd = syscall(SYS_openat2, dir, path, &h, sizeof h);
    if (fd >= 0)
        close(fd), fd = 0;
    return fd;
}

static void resolve(void)
{
    char *paths[] = {"f", "d/f",  "l",  "d/../f", "../x/f", "d/up/f", "abs",      "/proc/self/status",
                     "d", "d/..", "..", "none",   "/",      "self",   "d/deep/f", "/proc/self/exe"};
    int ways[] = {
        0, RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH, RESOLVE_IN_ROOT};
    char here[200], text[300];
    close(MUST(open("f", O_CREAT, 0600))), MUST(mkdir("d", 0755)), close(MUST(open("d/f", O_CREAT, 0600)));
    getcwd(here, 200), snprintf(text, 300, "%s/f", here);
    MUST(symlink("d/f", "l")), MUST(symlink("..", "d/up")), MUST(symlink(text, "abs")),
        MUST(symlink("/proc/self/cwd/f", "self")), MUST(symlink("../../x/d", "d/deep"));
    int dir = MUST(open("d", O_RDONLY));
    for (int i = 0; i < 16; i++) {
        printf("%s:", paths[i]);
        for (int w = 0; w < 6; w++)
            printf(" %s", how(AT_FDCWD, paths[i], O_RDONLY, ways[w]) ? errno_name(errno) : "ok");
        printf(" | from d:");
        for (int w = 0; w < 6; w++)
            printf(" %s", how(dir, paths[i], O_RDONLY, ways[w]) ? errno_name(errno) : "ok");
        printf("\n");
    }
    SHOW(how(AT_FDCWD, "f", O_RDONLY, 0x40)),
        SHOW(how(AT_FDCWD, "f", O_RDONLY, RESOLVE_BENEATH | RESOLVE_IN_ROOT)),
        SHOW(how(AT_FDCWD, "f", O_RDONLY, RESOLVE_CACHED));
    SHOW(how(AT_FDCWD, "f", O_RDONLY | O_TRUNC, RESOLVE_CACHED)), SHOW(how(AT_FDCWD, "f", 1ul << 40, 0)),
        SHOW(how(AT_FDCWD, "f", O_PATH | O_RDWR, 0));
    SHOW(how(AT_FDCWD, "l", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS)),
        SHOW(how(AT_FDCWD, "l", O_NOFOLLOW, 0)), SHOW(how(AT_FDCWD, "", O_RDONLY, 0)),
        SHOW(how(99, "f", O_RDONLY, 0));
    SHOW(how(99, "/", O_RDONLY, 0)), SHOW(how(99, "/", O_RDONLY, RESOLVE_IN_ROOT)),
        SHOW(how(dir, "new", O_CREAT | O_RDWR, RESOLVE_BENEATH)),
        SHOW(how(dir, "up/new", O_CREAT | O_RDWR, RESOLVE_BENEATH));
    struct open_how big[2] = {{.flags = O_RDONLY}, {}}, mode = {.flags = O_RDONLY, .mode = 0600};
    SHOW(syscall(SYS_openat2, AT_FDCWD, "f", big, sizeof big) >= 0),
        SHOW(syscall(SYS_openat2, AT_FDCWD, "f", big, 23)),
        SHOW(syscall(SYS_openat2, AT_FDCWD, "f", big, 5000));
    big[1].flags = 1, SHOW(syscall(SYS_openat2, AT_FDCWD, "f", big, sizeof big)),
    SHOW(syscall(SYS_openat2, AT_FDCWD, "f", &mode, sizeof mode)),
    SHOW(syscall(SYS_openat2, AT_FDCWD, "f", 8, 24));
    unlink("d/up"), unlink("d/deep"), unlink("d/new"), unlink("d/f"), rmdir("d"), unlink("l"), unlink("abs"),
        unlink("self"), unlink("f"), close(dir);
}

static char *kinds[] = {"file", "dir", "full", "link", "dangling", "todir", "fifo", "hard", "none"};

static void make(void)
{
    close(MUST(open("file", O_CREAT, 0600))), MUST(mkdir("dir", 0755)), MUST(mkdir("full", 0755)),
        close(MUST(open("full/x", O_CREAT, 0600)));
    MUST(symlink("file", "link")), MUST(symlink("gone", "dangling")), MUST(symlink("full", "todir")),
        MUST(mkfifo("fifo", 0600)), MUST(link("file", "hard"));
}

static void wipe(const char *path)
{
    DIR *d = opendir(path);
    char name[600];
    for (struct dirent *e; d && (e = readdir(d));)
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) {
            snprintf(name, 600, "%s/%s", path, e->d_name);
            if (unlink(name) && errno == EISDIR)
                wipe(name), rmdir(name);
        }
    closedir(d);
}

static void renames(void)
{
    int ways[] = {0, RENAME_NOREPLACE, RENAME_EXCHANGE};
    for (int w = 0; w < 3; w++)
        for (int i = 0; i < 9; i++) {
            printf("%d %s:", ways[w], kinds[i]);
            for (int j = 0; j < 9; j++) {
                make();
                printf(" %s", syscall(SYS_renameat2, AT_FDCWD, kinds[i], AT_FDCWD, kinds[j], ways[w])
                                  ? errno_name(errno)
                                  : "ok");
                wipe(".");
            }
            printf("\n");
        }
    char *ends[] = {"file/", "dir/",    "link/",   "todir/", "none/",   ".",   "..",
                    "dir/.", "full/..", "full/x/", "file/x", "dir/new", "full"};
    for (int i = 0; i < 13; i++) {
        make();
        printf("%s: to", ends[i]);
        printf(" %s", rename("file", ends[i]) ? errno_name(errno) : "ok"), wipe("."), make();
        printf(" %s", rename("dir", ends[i]) ? errno_name(errno) : "ok"), wipe("."), make();
        printf(" %s from", rename("full", ends[i]) ? errno_name(errno) : "ok"), wipe("."), make();
        printf(" %s", rename(ends[i], "new") ? errno_name(errno) : "ok"), wipe("."), make();
        printf(" unlink %s", unlink(ends[i]) ? errno_name(errno) : "ok"), wipe("."), make();
        printf(" rmdir %s", rmdir(ends[i]) ? errno_name(errno) : "ok"), wipe("."), make();
        printf(" mkdir %s", mkdir(ends[i], 0700) ? errno_name(errno) : "ok"), wipe("."), make();
        printf(" mknod %s", mknod(ends[i], S_IFREG | 0600, 0) ? errno_name(errno) : "ok"), wipe("."), make();
        printf(" symlink %s", symlink("x", ends[i]) ? errno_name(errno) : "ok"), wipe("."), make();
        printf(" link to %s", link("file", ends[i]) ? errno_name(errno) : "ok"), wipe("."), make();
        printf(" from %s", link(ends[i], "new") ? errno_name(errno) : "ok"), wipe("."), make();
        int fd = open(ends[i], O_CREAT | O_RDWR, 0600);
        printf(" creat %s", fd < 0 ? errno_name(errno) : "ok"), close(fd), wipe("."), make();
        fd = open(ends[i], O_CREAT | O_EXCL | O_RDWR, 0600);
        printf(" excl %s", fd < 0 ? errno_name(errno) : "ok"), close(fd), wipe("."), make();
        printf(" chmod %s", chmod(ends[i], 0700) ? errno_name(errno) : "ok");
        printf(" truncate %s", truncate(ends[i], 3) ? errno_name(errno) : "ok"), wipe(".");
        printf("\n");
    }
    make();
    SHOW(linkat(AT_FDCWD, "link", AT_FDCWD, "new", 0)),
        SHOW(linkat(AT_FDCWD, "link", AT_FDCWD, "new2", AT_SYMLINK_FOLLOW)),
        SHOW(linkat(AT_FDCWD, "dangling", AT_FDCWD, "new3", AT_SYMLINK_FOLLOW));
    struct stat s;
    MUST(lstat("new", &s)), printf("%o %ld\n", s.st_mode & S_IFMT, (long)s.st_nlink), MUST(lstat("new2", &s)),
        printf("%o %ld\n", s.st_mode & S_IFMT, (long)s.st_nlink);
    MUST(lstat("full", &s)), printf("%ld\n", (long)s.st_nlink), MUST(mkdir("full/dir", 0700)),
        SHOW(rename("full", "full/dir/x")),
        SHOW(syscall(SYS_renameat2, AT_FDCWD, "full", AT_FDCWD, "full/dir", RENAME_EXCHANGE));
    SHOW(rename("full/dir", "full")), SHOW(syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, "none", 8)),
        SHOW(syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, "none", 3)),
        SHOW(syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, "none", 6));
    SHOW(rename("file", "file")), SHOW(rename("file", "hard")), SHOW(access("file", F_OK)),
        SHOW(rename("", "x")), SHOW(rename("file", "")), SHOW(link("", "x")), SHOW(symlink("x", ""));
    SHOW(creat("dangling", 0600) >= 0), SHOW(access("gone", F_OK)),
        SHOW(open("dangling", O_CREAT | O_EXCL | O_RDWR, 0600)), SHOW(mkdir("dangling", 0700)),
        SHOW(rmdir("todir")), SHOW(unlink("todir/x"));
    wipe(".");
}

static void removed(void)
{
    char text[4096], here[300];
    MUST(mkdir("gone", 0755)), MUST(mkdir("gone/sub", 0755)), MUST(chdir("gone/sub"));
    int fd = MUST(open(".", O_RDONLY));
    SHOW(rename("../../gone", "../../moved")), getcwd(here, 300), printf("%s\n", strstr(here, "/x/"));
    SHOW(rmdir("../sub")), SHOW(getcwd(text, 300) ? 0 : -1),
        SHOW(syscall(SYS_getdents64, fd, text, sizeof text)), SHOW(mkdir("new", 0700)),
        SHOW(open("new", O_CREAT, 0600));
    SHOW(symlink("x", "new")), SHOW(open(".", O_RDONLY) >= 0), SHOW(stat(".", (struct stat *)text)),
        printf("%ld\n", (long)((struct stat *)text)->st_nlink), SHOW(rmdir(".")),
        SHOW(rename("../../moved", "new"));
    SHOW(open("..", O_RDONLY) >= 0), SHOW(chdir("..")), getcwd(here, 300), printf("%s\n", strrchr(here, '/')),
        SHOW(fchdir(fd)), SHOW(chdir("../..")), SHOW(rmdir("moved")), close(fd);
}

static void flags(void)
{
    char text[64];
    int fd = MUST(open("f", O_CREAT | O_RDWR, 0600)), other;
    MUST(mkdir("d", 0700)), MUST(symlink("f", "l"));
    SHOW(open("f", O_DIRECTORY | O_CREAT, 0600)), SHOW(open("d", O_RDWR)), SHOW(open("d", O_TRUNC)),
        SHOW(open("d", O_CREAT, 0600)), SHOW(open("l", O_NOFOLLOW)),
        SHOW(open("l", O_NOFOLLOW | O_DIRECTORY));
    SHOW(open("f/", O_RDONLY)), SHOW(open("l/", O_RDONLY)), SHOW(open("d/", O_RDONLY) >= 0),
        SHOW(open("new/", O_CREAT, 0600)), SHOW(open("f/x", O_CREAT, 0600)),
        SHOW(open("none/x", O_CREAT, 0600));
    other = MUST(open("f", O_RDONLY | O_TRUNC)), SHOW(write(other, "x", 1)), SHOW(ftruncate(other, 0)),
    close(other);
    other = MUST(open("f", 3)), SHOW(read(other, text, 1)), SHOW(write(other, "x", 1)),
    printf("%o\n", fcntl(other, F_GETFL)), close(other);
    other = MUST(open("l", O_PATH | O_NOFOLLOW)), SHOW(read(other, text, 1)), SHOW(fchmod(other, 0600)),
    SHOW(readlinkat(other, "", text, 64)), SHOW(fstat(other, (struct stat *)(char[200]){0})),
    SHOW(fchdir(other)), close(other);
    other = MUST(open("d", O_PATH)), SHOW(openat(other, "x", O_CREAT, 0600) >= 0),
    SHOW(syscall(SYS_getdents64, other, text, 64)), SHOW(fchdir(other)), SHOW(unlink("x")), SHOW(chdir("..")),
    close(other);
    char old[300];
    other = MUST(open("d", O_RDONLY)), SHOW(syscall(SYS_getdents, other, old, 10)),
    SHOW(syscall(SYS_getdents, other, old, 300) > 40),
    printf("%s %d %s %d\n", old + 18, old[*(short *)(old + 16) - 1], old + 24 + 18, old[47]);
    SHOW(syscall(SYS_getdents, other, old, 300)), SHOW(syscall(SYS_getdents, fd, old, 300)),
        SHOW(syscall(SYS_getdents, 99, old, 300)), SHOW(lseek(other, 0, SEEK_SET)),
        SHOW(syscall(SYS_getdents, other, (char *)8, 300)), close(other);
    struct stat s;
    SHOW(ftruncate(fd, 0)), SHOW(fallocate(fd, FALLOC_FL_KEEP_SIZE, 100000, 4096)), MUST(fstat(fd, &s)),
        printf("%ld\n", (long)s.st_size), SHOW(fallocate(fd, 0, 10, 90)), MUST(fstat(fd, &s)),
        printf("%ld\n", (long)s.st_size);
    SHOW(fallocate(fd, 0, -1, 1)), SHOW(fallocate(fd, 0, 0, 0)), SHOW(fallocate(fd, 0, 1l << 62, 1l << 62)),
        SHOW(fallocate(99, 0, 0, 1));
    struct statfs v;
    SHOW(statfs(".", &v)), SHOW(v.f_namelen), SHOW(statfs("none", &v)), SHOW(statfs("", &v)),
        SHOW(statfs("f/x", &v)), SHOW(fstatfs(fd, &v)), SHOW(fstatfs(99, &v)), SHOW(statfs(".", (void *)8));
    SHOW(statfs("/proc", &v)), printf("%lx\n", (long)v.f_type), SHOW(statfs("/dev/shm", &v)),
        printf("%lx\n", (long)v.f_type);
    int ends[2];
    pipe(ends), SHOW(fstatfs(ends[0], &v)), printf("%lx\n", (long)v.f_type), close(ends[0]), close(ends[1]),
        close(fd), wipe(".");
}

int main(void)
{
    char *places[] = {"x", "/dev/shm/pffemu-odds"};
    umask(022), mkdir("x", 0755), mkdir(places[1], 0700), mkdir("/dev/shm/pffemu-odds/x", 0755);
    for (int i = 0; i < 2; i++) {
        MUST(chdir(places[i]));
        if (i)
            MUST(chdir("x"));
        resolve(), renames(), removed(), flags();
    }
    SHOW(chdir(".."));
    SHOW(rmdir("x")), SHOW(rmdir(places[1]));
    return 0;
}
