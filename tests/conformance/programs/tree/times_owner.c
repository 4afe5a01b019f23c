/* Times and owners: utimensat and its elders, the chown family and set-ID bits, what changes which time, inode numbers
   over rename and link. In a directory of the host and in one in RAM.
   needs: root */
#include "conform.h"
#include <sys/syscall.h>
#include <sys/time.h>
#include <utime.h>

static struct stat before;

static void show(const char *name)
{
    struct stat s;
    MUST(lstat(name, &s));
    printf("  %s: %o %u:%u", name, s.st_mode, s.st_uid, s.st_gid);
    struct timespec *t[] = {&s.st_atim, &s.st_mtim};
    for (int i = 0; i < 2; i++)
        if (t[i]->tv_sec < 1000000000)
            printf(" %ld.%09ld", (long)t[i]->tv_sec, t[i]->tv_nsec);
        else
            printf(" now");
    printf("%s\n", s.st_ctim.tv_sec < 1000000000 ? " old ctime" : "");
}

static void mark(const char *name)
{
    struct timespec old[] = {{1000, 0}, {2000, 0}};
    MUST(utimensat(AT_FDCWD, name, old, AT_SYMLINK_NOFOLLOW));
    MUST(lstat(name, &before));
    struct timespec pause = {0, 20000000};
    nanosleep(&pause, 0);
}

/* which times have changed since mark */
static void changed(const char *what, const char *name)
{
    struct stat s;
    MUST(lstat(name, &s));
    printf("%s:%s%s%s\n", what, s.st_atim.tv_sec != before.st_atim.tv_sec ? " atime" : "",
           s.st_mtim.tv_sec != before.st_mtim.tv_sec ? " mtime" : "",
           s.st_ctim.tv_sec != before.st_ctim.tv_sec || s.st_ctim.tv_nsec != before.st_ctim.tv_nsec ? " ctime" : "");
}

#define EFFECT(call, name) (mark(name), (void)(call), changed(#call, name))

static void times(void)
{
    struct timespec t[] = {{1000, 5}, {2000, 7}}, omit[] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
    struct timespec one[] = {{77, 1}, {0, UTIME_OMIT}}, now[] = {{0, UTIME_NOW}, {9, 9}}, early[] = {{-5, 3}, {-1, 0}};
    struct timespec wrong[] = {{0, 1000000000}, {0, 0}}, negative[] = {{0, 0}, {0, -1}};
    struct timeval v[] = {{1, 20}, {3, 999999}}, bad[] = {{1, 0}, {1, 1000000}};
    struct utimbuf u = {11, 12};
    int fd = MUST(open("f", O_CREAT | O_RDWR, 0644));
    MUST(symlink("f", "l"));
    show("f");
    SHOW(utimensat(AT_FDCWD, "f", t, 0)), show("f");
    SHOW(utimensat(AT_FDCWD, "l", one, 0)), show("f");
    SHOW(utimensat(AT_FDCWD, "l", t, AT_SYMLINK_NOFOLLOW)), show("l");
    SHOW(utimensat(AT_FDCWD, "f", now, 0)), show("f");
    SHOW(utimensat(AT_FDCWD, "f", early, 0)), show("f");
    SHOW(futimens(fd, t)), show("f"), SHOW(futimens(fd, NULL)), show("f");
    SHOW(utimensat(AT_FDCWD, "none", omit, 0)), SHOW(utimensat(AT_FDCWD, "none", wrong, 0));
    SHOW(utimensat(AT_FDCWD, "f", wrong, 0)), SHOW(utimensat(AT_FDCWD, "f", negative, 0)), SHOW(utimensat(AT_FDCWD, "f", t, 1));
    SHOW(syscall(SYS_utimensat, fd, NULL, t, 0)), SHOW(syscall(SYS_utimensat, fd, NULL, t, AT_SYMLINK_NOFOLLOW));
    SHOW(syscall(SYS_utimensat, AT_FDCWD, NULL, t, 0)), SHOW(utimensat(AT_FDCWD, "", t, 0));
    SHOW(syscall(SYS_utimensat, fd, "", one, AT_EMPTY_PATH)), show("f");
    SHOW(syscall(SYS_utimensat, AT_FDCWD, "f", 8, 0)), SHOW(syscall(SYS_utimensat, 99, NULL, t, 0));
    SHOW(utimes("f", v)), show("f"), SHOW(utimes("none", bad)), SHOW(utimes("none", v)), SHOW(utimes("f", NULL));
    SHOW(syscall(SYS_futimesat, AT_FDCWD, "f", v)), SHOW(syscall(SYS_futimesat, fd, NULL, v)), show("f");
    SHOW(utime("f", &u)), show("f"), SHOW(utime("f/", &u)), SHOW(utime("f", NULL)), show("f");
    int path = MUST(open("f", O_PATH));
    SHOW(futimens(path, t)), SHOW(syscall(SYS_utimensat, path, "", t, AT_EMPTY_PATH)), show("f");
    close(path), close(fd);
}

static void effects(void)
{
    char text[8];
    int fd = MUST(open("f", O_RDWR));
    MUST(mkdir("d", 0755));
    EFFECT(write(fd, "text", 4), "f");
    EFFECT(pread(fd, text, 4, 0), "f");
    EFFECT(pread(fd, text, 0, 0), "f");
    EFFECT(ftruncate(fd, 2), "f");
    EFFECT(ftruncate(fd, 2), "f");
    EFFECT(truncate("f", 9), "f");
    EFFECT(fchmod(fd, 0600), "f");
    EFFECT(chown("f", -1, -1), "f");
    EFFECT(link("f", "g"), "f");
    EFFECT(rename("g", "h"), "f");
    EFFECT(unlink("h"), "f");
    EFFECT(close(open("f", O_RDONLY)), "f");
    EFFECT(close(open("f", O_WRONLY | O_TRUNC)), "f");
    EFFECT(close(open("d/new", O_CREAT, 0600)), "d");
    EFFECT(close(open("d/new", O_CREAT, 0600)), "d");
    EFFECT(chmod("d/new", 0640), "d");
    EFFECT(rename("d/new", "d/other"), "d");
    EFFECT(link("d/other", "d/new"), "d");
    EFFECT(unlink("d/new"), "d");
    EFFECT(mkdir("d/e", 0700), "d");
    EFFECT(rename("d/other", "d/e/o"), "d");
    EFFECT(unlink("d/e/o"), "d");
    EFFECT(rmdir("d/e"), "d");
    EFFECT(symlink("x", "d/l"), "d");
    MUST(unlink("d/l")), MUST(rmdir("d"));
    close(fd);
}

static void owners(void)
{
    struct stat a, b;
    int fd = MUST(open("f", O_RDWR));
    SHOW(chown("f", 1, 2)), show("f"), SHOW(fchown(fd, -1, 3)), show("f"), SHOW(lchown("l", 4, -1)), show("l"), show("f");
    SHOW(chown("l", 5, 6)), show("f"), SHOW(fchownat(AT_FDCWD, "l", 7, 8, AT_SYMLINK_NOFOLLOW)), show("l");
    SHOW(fchownat(fd, "", 9, -1, AT_EMPTY_PATH)), show("f"), SHOW(fchownat(AT_FDCWD, "f", 1, 1, 1));
    SHOW(chown("none", 0, 0)), SHOW(chown("", 0, 0)), SHOW(fchown(99, 0, 0)), SHOW(chown("f/", 0, 0));
    SHOW(chmod("f", 06755)), show("f"), SHOW(chown("f", 0, 0)), show("f");
    SHOW(chmod("f", 06745)), SHOW(chown("f", -1, -1)), show("f"), SHOW(fchmod(fd, 01777)), show("f");
    SHOW(chmod("f", 06711)), SHOW(write(fd, "x", 1)), show("f"), SHOW(ftruncate(fd, 0)), show("f");
    SHOW(chmod("l", 0600)), show("l"), SHOW(syscall(452, AT_FDCWD, "l", 0600, AT_SYMLINK_NOFOLLOW));
    SHOW(syscall(452, AT_FDCWD, "f", 0600, AT_SYMLINK_NOFOLLOW)), SHOW(syscall(452, fd, "", 0640, AT_EMPTY_PATH)), show("f");
    MUST(mkdir("s", 0755)), MUST(chown("s", 3, 44)), MUST(chmod("s", 02755)), show("s");
    MUST(mkdir("s/sub", 0700)), show("s/sub"), close(MUST(open("s/new", O_CREAT, 04711))), show("s/new");
    MUST(symlink("x", "s/l")), show("s/l"), SHOW(chown("s", 1, 1)), show("s");
    unlink("s/l"), unlink("s/new"), rmdir("s/sub"), rmdir("s");
    MUST(stat("f", &a)), MUST(rename("f", "r")), MUST(stat("r", &b));
    printf("number stays %d\n", a.st_ino == b.st_ino);
    close(MUST(open("f", O_CREAT | O_EXCL, 0600))), MUST(stat("f", &a));
    printf("new number %d\n", a.st_ino != b.st_ino);
    MUST(link("r", "r2")), MUST(stat("r2", &a));
    printf("same number %d device %d links %ld\n", a.st_ino == b.st_ino, a.st_dev == b.st_dev, (long)a.st_nlink);
    unlink("r"), unlink("r2"), unlink("l"), unlink("f"), close(fd);
}

int main(void)
{
    char *places[] = {".", "/dev/shm/pffemu-times"};
    umask(022);
    mkdir(places[1], 0700);
    for (int i = 0; i < 2; i++) {
        MUST(chdir(places[i]));
        times(), effects(), owners();
    }
    SHOW(rmdir(places[1]));
    return 0;
}
