/* Rights of a user who is not root: what owner, group and others may do, sticky and set-group-ID directories, whose
   owner, mode and times may be changed, access and its effective user. On the host and in RAM.
   needs: root */
#include "conform.h"
#include <dirent.h>
#include <grp.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <utime.h>

static char *done(int result) { return result < 0 ? (char *)errno_name(errno) : "ok"; }

static void files(void)
{
    struct {
        int uid, gid, mode;
    } kinds[] = {{1000, 0, 0700}, {1000, 0, 0077}, {0, 1000, 0750}, {0, 1000, 0707}, {0, 50, 0060},
                 {0, 0, 0704},    {0, 0, 0702},    {0, 0, 0701},    {0, 0, 0770},    {0, 0, 0777}};
    for (int i = 0; i < 10; i++) {
        char f[20], d[20], inside[30], new[30], target[10];
        struct timespec t[] = {{1, 0}, {2, 0}}, now[] = {{0, UTIME_NOW}, {0, UTIME_NOW}},
                        one[] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
        sprintf(f, "f%d", i), sprintf(d, "d%d", i), sprintf(inside, "%s/x", d), sprintf(new, "%s/new", d);
        printf("%d:%d %o:", kinds[i].uid, kinds[i].gid, kinds[i].mode);
        int flags[] = {O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC, 3, O_RDONLY | O_NOATIME, O_PATH};
        for (int j = 0; j < 7; j++) {
            int fd = open(f, flags[j]);
            printf(" %s", done(fd)), close(fd);
        }
        printf(" | access");
        for (int j = 1; j < 8; j++)
            printf(" %s", done(access(f, j)));
        printf(" | truncate %s", done(truncate(f, 1)));
        printf(" utimes %s", done(utimensat(AT_FDCWD, f, t, 0))),
            printf(" %s", done(utimensat(AT_FDCWD, f, now, 0))),
            printf(" %s", done(utimensat(AT_FDCWD, f, one, 0)));
        printf(" xattr %s", done(setxattr(f, "user.a", "x", 1, 0))),
            printf(" %s", done(getxattr(f, "user.b", target, 1)));
        printf(" %s", done(setxattr(f, "trusted.a", "x", 1, 0))),
            printf(" %s", done(setxattr(f, "security.a", "x", 1, 0)));
        printf(" chown %s", done(chown(f, 1000, -1))), printf(" %s", done(chown(f, -1, 50))),
            printf(" %s", done(chown(f, -1, 7))), printf(" %s", done(chown(f, -1, -1)));
        printf(" exec %s", done(execl(f, f, NULL)));
        printf(" | dir chdir %s", done(chdir(d))), fchdir(3);
        printf(" stat %s", done(access(inside, F_OK))), printf(" open %s", done(open(d, O_RDONLY)));
        printf(" creat %s", done(open(new, O_CREAT | O_RDWR, 0600))),
            printf(" mkdir %s", done(mkdir(new, 0700))), printf(" symlink %s", done(symlink("x", new)));
        printf(" tmpfile %s", done(open(d, O_TMPFILE | O_RDWR, 0600))),
            printf(" link %s", done(link("own", new))), printf(" rename %s", done(rename(inside, new)));
        printf(" unlink %s", done(unlink(new))), printf(" rmdir %s", done(rmdir(inside))),
            printf(" in %s", done(rename("own", new))), printf(" out %s", done(rename(new, "own")));
        printf(" chmod %s", done(chmod(f, 0707))), printf(" %s\n", done(chmod(d, 0707)));
    }
}

static void odd(void)
{
    struct stat s;
    SHOW(unlink("sticky/root")), SHOW(rename("sticky/root", "sticky/new")), SHOW(unlink("sticky/own")),
        SHOW(rename("own", "sticky/root")), SHOW(rename("own", "sticky/free")),
        SHOW(rename("sticky/free", "own"));
    SHOW(rmdir("sticky/dir")), SHOW(rename("rootdir", "moved")), SHOW(rename("rootdir", "sticky/moved")),
        SHOW(rename("sticky/moved", "rootdir")), SHOW(mknod("c", S_IFCHR | 0600, makedev(1, 3))),
        SHOW(mknod("p", S_IFIFO | 0600, 0)), SHOW(unlink("p"));
    close(MUST(open("group/new", O_CREAT, 02770))), MUST(stat("group/new", &s)),
        printf("%o %d:%d\n", s.st_mode, s.st_uid, s.st_gid), SHOW(mkdir("group/dir", 0700)),
        MUST(stat("group/dir", &s)), printf("%o %d:%d\n", s.st_mode, s.st_uid, s.st_gid);
    SHOW(chmod("own", 06777)), MUST(stat("own", &s)), printf("%o %d:%d\n", s.st_mode, s.st_uid, s.st_gid),
        SHOW(chown("own", -1, 50)), MUST(stat("own", &s)),
        printf("%o %d:%d\n", s.st_mode, s.st_uid, s.st_gid);
    SHOW(chmod("group/new", 02777)), MUST(stat("group/new", &s)), printf("%o\n", s.st_mode),
        SHOW(chmod("own", 06777));
    int fd = MUST(open("own", O_RDWR)), root = MUST(open("f9", O_RDONLY));
    SHOW(write(fd, "x", 1)), MUST(fstat(fd, &s)), printf("%o\n", s.st_mode), SHOW(fchmod(root, 0600)),
        SHOW(fchown(root, 1000, -1)), SHOW(futimens(root, NULL)), SHOW(fchmod(fd, 0600)),
        SHOW(fchown(fd, -1, 1000));
    SHOW(unlink("rootlink")), SHOW(readlink("d1/x", (char[9]){0}, 9)),
        SHOW(inotify_add_watch(inotify_init(), "f5", IN_OPEN)),
        SHOW(inotify_add_watch(inotify_init(), "f0", IN_OPEN));
    close(fd), close(root);
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

static void as_user(void)
{
    int status;
    fflush(stdout);
    if (fork() == 0) {
        gid_t more = 50;
        MUST(setgroups(1, &more)), MUST(setgid(1000)), MUST(setuid(1000));
        files(), odd(), fflush(stdout);
        _exit(0);
    }
    wait(&status);
    printf("status %x\n", status);
    fflush(stdout);
    if (fork() == 0) { /* the real user is another */
        MUST(setresuid(1000, 0, 0));
        SHOW(access("f5", W_OK)), SHOW(faccessat(AT_FDCWD, "f5", W_OK, AT_EACCESS)), SHOW(access("f0", R_OK)),
            SHOW(access("f5", R_OK));
        MUST(setresuid(0, 1000, 0));
        SHOW(access("f5", W_OK)), SHOW(syscall(439, AT_FDCWD, "f5", W_OK, AT_EACCESS)),
            SHOW(open("f5", O_WRONLY)), fflush(stdout);
        _exit(0);
    }
    wait(&status);
    printf("status %x\n", status);
}

int main(void)
{
    char *places[] = {".", "/dev/shm/pffemu-rights"}, name[30];
    struct {
        int uid, gid, mode;
    } kinds[] = {{1000, 0, 0700}, {1000, 0, 0077}, {0, 1000, 0750}, {0, 1000, 0707}, {0, 50, 0060},
                 {0, 0, 0704},    {0, 0, 0702},    {0, 0, 0701},    {0, 0, 0770},    {0, 0, 0777}};
    umask(0), mkdir(places[1], 0700);
    for (int i = 0; i < 2; i++) {
        MUST(chdir(places[i])), MUST(chmod(".", 0777)), MUST(dup2(open(".", O_RDONLY), 3));
        for (int j = 0; j < 10; j++) {
            sprintf(name, "f%d", j), close(MUST(open(name, O_CREAT | O_EXCL, 0600))),
                MUST(chown(name, kinds[j].uid, kinds[j].gid)), MUST(chmod(name, kinds[j].mode));
            sprintf(name, "d%d", j), MUST(mkdir(name, 0700)), MUST(chown(name, kinds[j].uid, kinds[j].gid)),
                MUST(chmod(name, kinds[j].mode));
            sprintf(name, "d%d/x", j), close(MUST(open(name, O_CREAT, 0600)));
        }
        MUST(mkdir("sticky", 01777)), close(MUST(open("sticky/root", O_CREAT, 0666))),
            close(MUST(open("sticky/own", O_CREAT, 0600))), MUST(chown("sticky/own", 1000, 1000)),
            MUST(mkdir("sticky/dir", 0777));
        MUST(mkdir("group", 02777)), MUST(chown("group", 0, 77)), MUST(chmod("group", 02777)),
            close(MUST(open("own", O_CREAT, 0666))), MUST(chown("own", 1000, 1000)),
            MUST(mkdir("rootdir", 0755)), MUST(symlink("f0", "rootlink"));
        as_user(), wipe(".");
    }
    SHOW(rmdir(places[1]));
    return 0;
}
