/* tmpfs at other places: options, read-only, what lies below, links and renames across, busy ones, errors.
   needs: root */
#include "conform.h"
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/statfs.h>

int main(void)
{
    struct stat s, t;
    struct statfs v;
    char text[8] = "";
    umask(022), MUST(mkdir("m", 0755)), close(MUST(open("m/covered", O_CREAT, 0600))),
        close(MUST(open("f", O_CREAT, 0600)));
    SHOW(mount("none", "m", "tmpfs", 0, "size=64k,mode=0750,uid=3,gid=4"));
    MUST(stat("m", &s)), MUST(stat(".", &t)),
        printf("%o %d:%d other device %d\n", s.st_mode, s.st_uid, s.st_gid, s.st_dev != t.st_dev);
    SHOW(access("m/covered", F_OK)), MUST(statfs("m", &v)),
        printf("%lx %ld\n", (long)v.f_type, (long)v.f_blocks);
    int fd = MUST(open("m/f", O_CREAT | O_RDWR, 0600));
    SHOW(write(fd, "inside", 6)), SHOW(link("m/f", "g")), SHOW(rename("m/f", "g")), SHOW(rename("f", "m/g")),
        SHOW(link("m/f", "m/g")), SHOW(rmdir("m")), SHOW(rename("m", "n")), SHOW(chdir("m/..")),
        SHOW(access("f", F_OK));
    SHOW(ftruncate(fd, 70000)), SHOW(pwrite(fd, text, 1, 69000)), SHOW(fallocate(fd, 0, 0, 70000)),
        SHOW(ftruncate(fd, 6));
    SHOW(umount("m")), SHOW(mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL)), close(fd),
        SHOW(mount("none", "m", "tmpfs", MS_REMOUNT | MS_RDONLY, NULL));
    SHOW(open("m/f", O_RDWR)), SHOW(open("m/new", O_CREAT, 0600)), SHOW(open("m/f", O_RDONLY | O_TRUNC)),
        SHOW(unlink("m/f")), SHOW(unlink("m/none")), SHOW(mkdir("m/f", 0700)), SHOW(mkdir("m/d", 0700)),
        SHOW(chmod("m/f", 0644)), SHOW(chown("m/f", 0, 0)), SHOW(truncate("m/f", 0)),
        SHOW(utimensat(AT_FDCWD, "m/f", NULL, 0)), SHOW(access("m/f", W_OK)), SHOW(access("m/f", R_OK)),
        SHOW(rename("m/f", "m/x")), SHOW(link("m/f", "m/x")), SHOW(symlink("x", "m/x")),
        SHOW(mknod("m/x", S_IFIFO | 0600, 0)), SHOW(open("m", O_TMPFILE | O_RDWR, 0600));
    fd = MUST(open("m/f", O_RDONLY)), SHOW(read(fd, text, 6)), puts(text), SHOW(fchmod(fd, 0600)), close(fd);
    SHOW(mount("none", "m", "tmpfs", MS_REMOUNT, NULL)), SHOW(mkdir("m/d", 0700)),
        SHOW(mount("none", "m/d", "tmpfs", 0, NULL)), SHOW(umount("m")), SHOW(umount("m/d")),
        SHOW(umount("m/d"));
    SHOW(mount("none", "m", "tmpfs", 0, NULL)), SHOW(access("m/f", F_OK)), SHOW(umount("m")),
        SHOW(access("m/f", F_OK)), SHOW(chdir("m")), SHOW(umount("../m")), SHOW(umount2("../m", MNT_DETACH)),
        SHOW(access("f", F_OK));
    SHOW(mount("none", "/none/m", "tmpfs", 0, NULL)), SHOW(mount("none", "f", "nofs", 0, NULL)),
        SHOW(mount("none", "f", NULL, 0, NULL)), SHOW(mount("none", (char *)8, "tmpfs", 0, NULL)),
        SHOW(umount2("f", 99));
    return 0;
}
