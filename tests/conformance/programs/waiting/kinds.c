/* Every kind of descriptor: whether epoll takes it, what poll says, where lseek leads, which flags F_SETFL sets. */
#include "conform.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

static int epoll;

static const char *seek(int fd, long offset, int whence)
{
    static char text[32];
    long result = lseek(fd, offset, whence);
    if (result < 0)
        return errno_name(errno);
    snprintf(text, sizeof text, "%ld", result);
    return text;
}

static void show(const char *kind, int fd, int data)
{
    struct epoll_event event = {EPOLLIN | EPOLLOUT};
    struct pollfd waiting = {fd, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM, 0};
    MUST(fd);
    int result = epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    printf("%s: %s", kind, result ? errno_name(errno) : "taken");
    poll(&waiting, 1, 0);
    printf(", poll %#x, seek", waiting.revents);
    printf(" %s", seek(fd, 0, SEEK_CUR));
    printf(" %s", seek(fd, 5, SEEK_SET));
    printf(" %s", seek(fd, 0, 5));
    printf(" %s", seek(fd, 0, -1));
    if (data) {
        printf(" %s", seek(fd, 0, SEEK_DATA));
        printf(" %s", seek(fd, 0, SEEK_HOLE));
    }
    int flags = fcntl(fd, F_GETFL);
    for (int i = 0; i < 4; i++) {
        static const int sets[] = {O_DIRECT, O_ASYNC, O_APPEND | O_NONBLOCK, O_SYNC | O_TRUNC | O_LARGEFILE};
        printf(", %s", fcntl(fd, F_SETFL, flags & O_NONBLOCK | sets[i]) ? errno_name(errno) : "set");
        printf(" %#o", fcntl(fd, F_GETFL) ^ flags);
        fcntl(fd, F_SETFL, flags);
    }
    puts("");
    close(fd);
}

int main(void)
{
    int pipes[2], sockets[2];
    sigset_t mask;
    sigemptyset(&mask);
    epoll = MUST(epoll_create1(0));
    MUST(pipe(pipes));
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
    show("regular file", open("file", O_RDWR | O_CREAT, 0600), 1);
    show("directory", open(".", O_RDONLY), 0);
    show("O_PATH", open("file", O_PATH), 1);
    show("memfd", memfd_create("m", 0), 1);
    show("/dev/null", open("/dev/null", O_RDWR), 1);
    show("/dev/zero", open("/dev/zero", O_RDWR), 1);
    show("/dev/full", open("/dev/full", O_RDWR), 1);
    show("/dev/random", open("/dev/random", O_RDWR), 1);
    show("/dev/urandom", open("/dev/urandom", O_RDWR), 1);
    show("/proc/self/maps", open("/proc/self/maps", O_RDONLY), 1);
    show("/proc/self/status", open("/proc/self/status", O_RDONLY), 1);
    show("/proc/self/pagemap", open("/proc/self/pagemap", O_RDONLY), 1);
    show("pipe, reading", pipes[0], 1);
    show("pipe, writing", pipes[1], 1);
    show("socket", sockets[0], 1);
    show("eventfd", eventfd(0, 0), 1);
    show("timerfd", timerfd_create(CLOCK_MONOTONIC, 0), 1);
    show("signalfd", signalfd(-1, &mask, 0), 1);
    show("epoll", epoll_create1(0), 1);
}
