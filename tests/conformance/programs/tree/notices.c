/* inotify: which call makes which events, in what order, with which names; the life of watches; reads. Extended
   attributes: the four operations, kinds of names, errors. In a directory of the host and in one in RAM.
   needs: root */
#include "conform.h"
#include <dirent.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <utime.h>

static int in, wd_dir, wd_file;
static unsigned first_cookie;

static void drain(const char *what)
{
    char buffer[8192] __attribute__((aligned(8)));
    static const char *names[] = {"ACCESS",        "MODIFY", "ATTRIB",      "CLOSE_WRITE",
                                  "CLOSE_NOWRITE", "OPEN",   "MOVED_FROM",  "MOVED_TO",
                                  "CREATE",        "DELETE", "DELETE_SELF", "MOVE_SELF"};
    printf("%s:", what);
    for (ssize_t n; (n = read(in, buffer, sizeof buffer)) > 0;)
        for (char *at = buffer; at < buffer + n;) {
            struct inotify_event *e = (void *)at;
            printf(" %s.", e->wd == wd_dir ? "d" : e->wd == wd_file ? "f" : e->wd == -1 ? "none" : "other");
            for (int i = 0; i < 12; i++)
                if (e->mask & 1u << i)
                    printf("%s", names[i]);
            if (e->mask & ~0xfff)
                printf("+%x", e->mask & ~0xfff);
            if (e->len)
                printf("(%s %u)", e->name, e->len);
            if (e->cookie && !first_cookie)
                first_cookie = e->cookie;
            if (e->cookie)
                printf("#%d", (int)(e->cookie - first_cookie));
            at += sizeof *e + e->len;
        }
    printf("\n");
}

#define DO(call) ((void)(call), drain(#call))

static void again(void)
{
    in = MUST(inotify_init1(IN_NONBLOCK));
    wd_dir = MUST(inotify_add_watch(in, "d", IN_ALL_EVENTS));
    wd_file = MUST(inotify_add_watch(in, "d/f", IN_ALL_EVENTS));
    first_cookie = 0;
}

static void events(void)
{
    char text[100];
    struct timespec one[] = {{5, 0}, {0, UTIME_OMIT}}, other[] = {{0, UTIME_OMIT}, {5, 0}};
    MUST(mkdir("d", 0755)), MUST(mkdir("e", 0755)), close(MUST(open("d/f", O_CREAT, 0600)));
    again();
    printf("numbers %d %d\n", wd_dir, wd_file);
    int fd;
    DO(fd = open("d/f", O_RDWR)), DO(write(fd, "text", 4)), DO(write(fd, "", 0)), DO(pread(fd, text, 4, 0)),
        DO(pread(fd, text, 4, 50));
    DO(ftruncate(fd, 1)), DO(truncate("d/f", 2)), DO(fchmod(fd, 0640)), DO(chown("d/f", 0, 0)),
        DO(futimens(fd, NULL));
    DO(utimensat(AT_FDCWD, "d/f", one, 0)), DO(utimensat(AT_FDCWD, "d/f", other, 0)), DO(utime("d/f", NULL));
    DO(fsetxattr(fd, "user.x", "1", 1, 0)), DO(fremovexattr(fd, "user.x")), DO(fsync(fd)),
        DO(lseek(fd, 0, SEEK_SET));
    DO(fallocate(fd, 0, 0, 4096)), DO(close(dup(fd))), DO(close(fd)), DO(close(open("d/f", O_RDONLY)));
    DO(close(open("d/f", O_RDWR | O_TRUNC))), DO(close(open("d/f", O_PATH)));
    DO(link("d/f", "d/g")), DO(link("d/f", "e/g")), DO(unlink("d/g")), DO(unlink("e/g"));
    DO(close(open("e/f2", O_CREAT | O_WRONLY, 0600))), DO(rename("e/f2", "d/f2")), DO(rename("d/f2", "d/f3")),
        DO(rename("d/f3", "e/f3"));
    DO(close(open("d/new", O_CREAT | O_WRONLY, 0600))), DO(rename("d/f", "d/moved")),
        DO(rename("d/moved", "d/f")), DO(rename("d/new", "d/new"));
    DO(mkdir("d/sub", 0700)), DO(chmod("d/sub", 0755)), DO(close(open("d/sub", O_RDONLY))),
        DO(rename("d/sub", "d/sub2")), DO(rmdir("d/sub2"));
    DO(symlink("x", "d/l")), DO(unlink("d/l")), DO(mkfifo("d/p", 0600)), DO(unlink("d/p")),
        DO(chmod("d", 0700)), DO(readlink("d/l", text, 9));
    DIR *list;
    DO(list = opendir("d")), DO(readdir(list)), DO(closedir(list)), DO(access("d/f", R_OK)), DO(chdir("d")),
        DO(chdir(".."));
    DO(syscall(SYS_renameat2, AT_FDCWD, "d/f", AT_FDCWD, "d/new", RENAME_EXCHANGE));
    DO(syscall(SYS_renameat2, AT_FDCWD, "d/f", AT_FDCWD, "d/new", RENAME_EXCHANGE));
    DO(rename("d/new", "d/f")), DO(rename("d", "d2")), DO(rename("d2", "d")), DO(unlink("d/f")),
        DO(rmdir("d"));
    SHOW(inotify_rm_watch(in, wd_dir)), SHOW(close(in)), unlink("e/f3"), rmdir("e");
}

static void watches(void)
{
    char small[40], buffer[400];
    MUST(mkdir("d", 0755)), close(MUST(open("d/f", O_CREAT, 0600))), MUST(symlink("f", "d/l"));
    again();
    int fd = MUST(open("d/f", O_RDWR)), ready;
    drain("opened"), DO(unlink("d/f")), DO(write(fd, "x", 1)), DO(close(fd)),
        SHOW(inotify_rm_watch(in, wd_file));
    close(MUST(open("d/f", O_CREAT, 0600))), drain("again");
    SHOW(inotify_add_watch(in, "d/f", IN_OPEN | IN_ONESHOT)), DO(close(open("d/f", O_RDONLY))),
        DO(close(open("d/f", O_RDONLY)));
    SHOW(inotify_add_watch(in, "d", IN_CREATE | IN_EXCL_UNLINK) == wd_dir), DO(close(open("d/f", O_RDONLY))),
        DO(close(open("d/g", O_CREAT, 0600)));
    SHOW(inotify_add_watch(in, "d", IN_DELETE | IN_MASK_ADD) == wd_dir), DO(unlink("d/g")),
        DO(close(open("d/g", O_CREAT, 0600)));
    SHOW(inotify_add_watch(in, "d", IN_OPEN | IN_MASK_CREATE)),
        SHOW(inotify_add_watch(in, "d", IN_OPEN | IN_MASK_CREATE | IN_MASK_ADD));
    SHOW(inotify_add_watch(in, "d", 0)), SHOW(inotify_add_watch(in, "d/f", IN_OPEN | IN_ONLYDIR)),
        SHOW(inotify_add_watch(in, "none", IN_OPEN));
    SHOW(inotify_add_watch(in, "", IN_OPEN)), SHOW(inotify_add_watch(0, "d", IN_OPEN)),
        SHOW(inotify_add_watch(99, "d", IN_OPEN));
    SHOW(inotify_add_watch(in, (char *)8, IN_OPEN)), SHOW(inotify_rm_watch(in, 99)),
        SHOW(inotify_rm_watch(0, 1)), SHOW(inotify_init1(1));
    SHOW(inotify_add_watch(in, "d/l", IN_ATTRIB | IN_DONT_FOLLOW)), DO(lchown("d/l", 0, 0)),
        DO(chown("d/l", 0, 0));
    SHOW(inotify_rm_watch(in, wd_dir)), drain("removed");
    again();
    struct pollfd p = {in, POLLIN};
    SHOW(poll(&p, 1, 0)), close(open("d/f", O_RDONLY)), SHOW(poll(&p, 1, 0)), SHOW(p.revents);
    SHOW(ioctl(in, FIONREAD, &ready)), printf("%d\n", ready), SHOW(read(in, small, 20)),
        SHOW(read(in, small, 40)), SHOW(read(in, buffer, 400));
    SHOW(read(in, buffer, 400)), SHOW(write(in, buffer, 4)), SHOW(lseek(in, 0, SEEK_SET)),
        printf("%o\n", fcntl(in, F_GETFL));
    for (int i = 0; i < 3; i++)
        access("d/f", R_OK), chmod("d/f", 0600);
    drain("the same thrice");
    close(in), unlink("d/f"), unlink("d/g"), unlink("d/l"), rmdir("d");
}

static void attributes(void)
{
    char text[200], name[300] = "user.";
    int fd = MUST(open("f", O_CREAT | O_RDWR, 0600)), path = MUST(open("f", O_PATH));
    MUST(mkdir("d", 0755)), MUST(symlink("f", "l")), MUST(mkfifo("p", 0600));
    SHOW(listxattr("f", NULL, 0)), SHOW(getxattr("f", "user.a", text, 9)),
        SHOW(setxattr("f", "user.a", "value", 5, XATTR_REPLACE));
    SHOW(setxattr("f", "user.a", "value", 5, 0)), SHOW(setxattr("f", "user.a", "v", 1, XATTR_CREATE)),
        SHOW(setxattr("f", "user.b", "", 0, XATTR_CREATE));
    SHOW(getxattr("f", "user.a", text, 200)), printf("%.5s\n", text), SHOW(getxattr("f", "user.a", NULL, 0)),
        SHOW(getxattr("f", "user.a", text, 4));
    SHOW(getxattr("f", "user.b", text, 4)), SHOW(listxattr("f", NULL, 0)), SHOW(listxattr("f", text, 5)),
        SHOW(listxattr("f", text, 200));
    SHOW(!memcmp(text, "user.a\0user.b", 14) || !memcmp(text, "user.b\0user.a", 14)),
        SHOW(fgetxattr(fd, "user.a", text, 9)), SHOW(fgetxattr(path, "user.a", text, 9));
    SHOW(getxattr("l", "user.a", text, 9)), SHOW(lgetxattr("l", "user.a", text, 9)),
        SHOW(lsetxattr("l", "user.a", "x", 1, 0)), SHOW(llistxattr("l", text, 9));
    SHOW(lsetxattr("l", "trusted.a", "x", 1, 0)), SHOW(lgetxattr("l", "trusted.a", text, 9)),
        SHOW(llistxattr("l", text, 99)), SHOW(lremovexattr("l", "trusted.a"));
    SHOW(setxattr("p", "user.a", "x", 1, 0)), SHOW(getxattr("p", "user.a", text, 9)),
        SHOW(setxattr("d", "user.a", "x", 1, 0)), SHOW(listxattr("d", text, 99));
    SHOW(setxattr("f", "user.", "x", 1, 0)), SHOW(setxattr("f", "", "x", 1, 0)),
        SHOW(setxattr("f", "plain", "x", 1, 0)), SHOW(getxattr("f", "other.a", text, 9));
    SHOW(setxattr("f", "user.c", "x", 1, 4)),
        SHOW(setxattr("f", "user.c", "x", 1, XATTR_CREATE | XATTR_REPLACE)),
        SHOW(setxattr("f", "user.c", text, 65537, 0));
    SHOW(setxattr("none", "user.c", "x", 1, 0)), SHOW(setxattr("", "user.c", "x", 1, 0)),
        SHOW(setxattr("f", (char *)8, "x", 1, 0)), SHOW(setxattr("f", "user.c", (char *)8, 1, 0));
    memset(name + 5, 'n', 250), SHOW(setxattr("f", name, "x", 1, 0)),
        name[255] = 'n', SHOW(setxattr("f", name, "x", 1, 0)), SHOW(getxattr("f", name, text, 1));
    SHOW(getxattr("f", "user.a", (char *)8, 9)), SHOW(removexattr("f", "user.a")),
        SHOW(removexattr("f", "user.a")), SHOW(fremovexattr(fd, "user.b"));
    SHOW(removexattr("f", "user.")), SHOW(getxattr("f", "security.selinux", text, 9)),
        SHOW(getxattr(".", "system.posix_acl_access", text, 9)),
        SHOW(getxattr("d", "system.posix_acl_default", text, 9));
    SHOW(setxattr("f", "security.own", "s", 1, 0)), SHOW(getxattr("f", "security.own", text, 9)),
        SHOW(rename("f", "g")), SHOW(getxattr("g", "security.own", text, 9));
    SHOW(getxattr("/proc", "user.a", text, 9)), SHOW(listxattr("/proc/self", text, 9));
    int ends[2];
    pipe(ends), SHOW(fgetxattr(ends[0], "user.a", text, 9)), SHOW(fsetxattr(ends[0], "trusted.a", "x", 1, 0)),
        SHOW(flistxattr(ends[0], text, 9)), SHOW(fgetxattr(99, "user.a", text, 9));
    close(ends[0]), close(ends[1]), close(fd), close(path), unlink("g"), unlink("l"), unlink("p"), rmdir("d");
}

int main(void)
{
    char *places[] = {".", "/dev/shm/pffemu-notices"};
    mkdir(places[1], 0700);
    for (int i = 0; i < 2; i++) {
        MUST(chdir(places[i]));
        events(), watches(), attributes();
    }
    SHOW(rmdir(places[1]));
    return 0;
}
