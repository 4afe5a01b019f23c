/* dup, dup2, dup3, F_DUPFD: lowest numbers, shared positions and flags, FD_CLOEXEC apart. */
#include "conform.h"

int main(void)
{
    int ends[2];
    MUST(pipe(ends));
    SHOW(dup(ends[0]));
    SHOW(dup2(ends[1], 10));
    SHOW(dup2(10, 10));
    SHOW(dup2(11, 11));
    SHOW(dup2(99, 3));
    SHOW(dup2(ends[0], -1));
    SHOW(dup2(ends[0], 1 << 20));
    SHOW(dup3(ends[0], ends[0], 0));
    SHOW(dup3(ends[0], 12, O_NONBLOCK));
    SHOW(dup3(ends[0], 12, O_CLOEXEC));
    SHOW(fcntl(12, F_GETFD));
    SHOW(fcntl(ends[0], F_GETFD));
    SHOW(fcntl(12, F_SETFD, 0));
    SHOW(fcntl(12, F_GETFD));
    SHOW(fcntl(ends[0], F_SETFL, O_NONBLOCK));
    SHOW(fcntl(12, F_GETFL) == O_NONBLOCK);
    SHOW(fcntl(12, F_SETFL, O_RDWR | O_CREAT | O_TRUNC));
    SHOW(fcntl(ends[0], F_GETFL));
    SHOW(fcntl(ends[1], F_GETFL));
    SHOW(fcntl(ends[1], F_DUPFD, 20));
    SHOW(fcntl(ends[1], F_DUPFD, 20));
    SHOW(fcntl(ends[1], F_DUPFD_CLOEXEC, 5));
    SHOW(fcntl(6, F_GETFD));
    SHOW(fcntl(ends[1], F_DUPFD, -1));
    SHOW(fcntl(ends[1], F_DUPFD, 1 << 20));
    SHOW(fcntl(77, F_GETFD));
    SHOW(fcntl(ends[1], 12345));
    SHOW(close(ends[1]));
    SHOW(write(10, "x", 1));
    SHOW(close(3));
    SHOW(dup(12));
    SHOW(dup(-1));
    SHOW(syscall(SYS_close_range, 15, 30, 0));
    SHOW(fcntl(20, F_GETFD));
    SHOW(fcntl(12, F_GETFD));
    SHOW(syscall(SYS_close_range, 12, 12, 4));
    SHOW(fcntl(12, F_GETFD));
    SHOW(syscall(SYS_close_range, 5, 4, 0));
    SHOW(syscall(SYS_close_range, 5, 6, 8));
    return 0;
}
