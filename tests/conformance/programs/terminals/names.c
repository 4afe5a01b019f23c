/* Names, numbers and the lock of pseudo-terminals; what they are to stat. */
#include "terminal.h"
#include <pty.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

int main(void)
{
    char path[64], link[64], name[64];
    struct stat status;
    struct statfs fs;
    int number = -1, lock = -1;

    int master = SHOW(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    SHOW(ioctl(master, TIOCGPTN, &number));
    int base = number;
    SHOW(ioctl(master, TIOCGPTLCK, &lock));
    printf("lock %d, isatty %d\n", lock, isatty(master));
    snprintf(path, sizeof path, "/dev/pts/%d", number);
    SHOW(open(path, O_RDWR | O_NOCTTY));
    SHOW(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
    SHOW(grantpt(master));
    SHOW(unlockpt(master));
    SHOW(ioctl(master, TIOCGPTLCK, &lock));
    printf("lock %d, ptsname %s\n", lock, strcmp(ptsname(master), path) ? "differs" : "agrees");

    int slave = SHOW(open(path, O_RDWR | O_NOCTTY));
    MUST(fstat(slave, &status));
    printf("slave: mode %o, uid %d, major %d, minor %d, size %ld, links %ld\n", status.st_mode & ~0777, status.st_uid,
           major(status.st_rdev), minor(status.st_rdev) - base, (long)status.st_size, (long)status.st_nlink);
    MUST(stat(path, &status));
    printf("slave's path: char device %d, number %d\n", S_ISCHR(status.st_mode), minor(status.st_rdev) - base);
    MUST(fstat(master, &status));
    printf("master: mode %o, major %d, minor %d\n", status.st_mode & ~0777, major(status.st_rdev), minor(status.st_rdev));
    printf("isatty %d, ttyname %s\n", isatty(slave), strcmp(ttyname(slave), path) ? "differs" : "agrees");
    snprintf(link, sizeof link, "/proc/self/fd/%d", slave);
    number = readlink(link, name, sizeof name - 1);
    name[number] = 0;
    printf("link %s\n", strcmp(name, path) ? "differs" : "agrees");
    snprintf(link, sizeof link, "/proc/self/fd/%d", master);
    number = readlink(link, name, sizeof name - 1);
    name[number] = 0;
    printf("link %s\n", name);
    MUST(fstatfs(slave, &fs));
    printf("file system %#lx\n", (long)fs.f_type);
    SHOW(fchmod(slave, 0620));
    MUST(stat(path, &status));
    printf("mode %o\n", status.st_mode);
    SHOW(lseek(slave, 0, SEEK_SET));
    SHOW(lseek(master, 0, SEEK_CUR));
    SHOW(pread(slave, name, 1, 0));
    SHOW(ftruncate(slave, 0));
    SHOW(fsync(slave));
    SHOW(mmap(0, 4096, PROT_READ, MAP_SHARED, slave, 0) == MAP_FAILED);

    int peer = SHOW(ioctl(master, TIOCGPTPEER, O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    printf("flags %o, close on exec %d\n", fcntl(peer, F_GETFL), fcntl(peer, F_GETFD));
    SHOW(write(peer, "x", 1));
    SHOW(read(peer, name, 1));
    SHOW(ioctl(slave, TIOCGPTN, &number));
    SHOW(ioctl(slave, TIOCSPTLCK, &lock));
    SHOW(ioctl(slave, TIOCGPTPEER, O_RDWR));
    SHOW(ioctl(master, TIOCGPTN, 8));
    SHOW(ioctl(master, TIOCSPTLCK, 8));

    lock = 1;
    SHOW(ioctl(master, TIOCSPTLCK, &lock));
    SHOW(open(path, O_RDWR | O_NOCTTY));
    lock = 0;
    SHOW(ioctl(master, TIOCSPTLCK, &lock));

    SHOW(unlink(path));
    SHOW(open("/dev/pts/999", O_RDWR));
    SHOW(open("/dev/tty", O_RDWR));

    int other = open_master(), third;
    MUST(ioctl(other, TIOCGPTN, &number));
    printf("the next number is another one: %s\n", number != base ? "yes" : "no"); /* others may open terminals, too */
    close(peer);
    close(slave);
    close(master);
    SHOW(open(path, O_RDWR | O_NOCTTY));
    third = open_master();
    MUST(ioctl(third, TIOCGPTN, &number));
    printf("a number that was free: %s\n", number <= base ? "yes" : "no");

    int two[2];
    struct winsize size = {24, 80, 1, 2};
    struct termios modes;
    cfmakeraw(&modes);
    SHOW(openpty(&two[0], &two[1], name, NULL, &size) == 0);
    struct winsize now = {0};
    SHOW(ioctl(two[1], TIOCGWINSZ, &now));
    printf("%d %d %d %d\n", now.ws_row, now.ws_col, now.ws_xpixel, now.ws_ypixel);
    return 0;
}
