/* signalfd: blocked signals as records; poll, non-blocking, another mask. */
#include "conform.h"
#include <poll.h>
#include <sys/signalfd.h>
static void show(int fd)
{
    struct signalfd_siginfo r;
    long n = read(fd, &r, sizeof r);
    if (n < 0) { printf("read = %s\n", errno_name(errno)); return; }
    printf("read %ld: signo %d code %d pid %d int %d\n", n, r.ssi_signo >= SIGRTMIN ? (int)r.ssi_signo - SIGRTMIN + 34 : (int)r.ssi_signo,
           r.ssi_code, r.ssi_pid == getpid(), r.ssi_int);
}
int main(void)
{
    sigset_t set;
    sigemptyset(&set); sigaddset(&set, SIGUSR1); sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, 0);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    printf("fd ok %d\n", fd >= 0);
    struct pollfd p = {fd, POLLIN};
    show(fd);
    printf("poll %d\n", poll(&p, 1, 0));
    raise(SIGUSR1);
    union sigval v = {.sival_int = 7};
    sigqueue(getpid(), SIGRTMIN, v);
    printf("poll %d revents %#x\n", poll(&p, 1, 0), p.revents);
    show(fd); show(fd); show(fd);
    raise(SIGUSR1);
    sigdelset(&set, SIGUSR1);
    printf("same fd %d\n", signalfd(fd, &set, 0) == fd);
    show(fd);
    sigpending(&set);
    printf("still pending %d\n", sigismember(&set, SIGUSR1));
    SHOW(signalfd(0, &set, 0));
    SHOW(signalfd(99, &set, 0));
    SHOW(signalfd(-1, &set, 3));
    char small[10];
    SHOW(read(fd, small, 10));
    return 0;
}
