/* O_NONBLOCK set and cleared by fcntl and FIONBIO; FIOCLEX; ioctls nobody knows. */
#include "conform.h"
#include <sys/ioctl.h>
#include <termios.h>

int main(void)
{
    int ends[2], on = 1, off = 0;
    char c;
    struct termios attributes;
    MUST(pipe2(ends, O_NONBLOCK | O_CLOEXEC));
    SHOW(read(ends[0], &c, 1));
    SHOW(fcntl(ends[0], F_GETFL) & O_NONBLOCK);
    SHOW(ioctl(ends[0], FIONBIO, &off));
    SHOW(fcntl(ends[0], F_GETFL) & O_NONBLOCK);
    SHOW(ioctl(ends[0], FIONBIO, &on));
    SHOW(read(ends[0], &c, 1));
    SHOW(ioctl(ends[0], FIONBIO, (void *)8));
    SHOW(fcntl(ends[0], F_GETFD)), SHOW(ioctl(ends[0], FIONCLEX)), SHOW(fcntl(ends[0], F_GETFD));
    SHOW(ioctl(ends[0], FIOCLEX)), SHOW(fcntl(ends[0], F_GETFD));
    SHOW(ioctl(0, TCGETS, &attributes)), SHOW(isatty(1)), SHOW(ioctl(99, FIONBIO, &on));
    struct stat status;
    for (int fd = 0; fd < 3; fd++) {
        MUST(fstat(fd, &status));
        printf("%d: %o\n", fd, status.st_mode & S_IFMT);
    }
    SHOW(lseek(0, 0, SEEK_CUR)), SHOW(lseek(1, 0, SEEK_CUR)), SHOW(fstat(99, &status)), SHOW(fstat(0, (void *)8));
    SHOW(write(0, "x", 1)), SHOW(read(1, &c, 1));
    return 0;
}
