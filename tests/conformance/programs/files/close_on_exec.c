/* FD_CLOEXEC of every kind of descriptor across execve; positions, flags and the pipe's data stay. */
#include "conform.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
    char text[8] = {0};
    if (argc > 1) {
        for (int fd = 0; fd < 20; fd++)
            if (fcntl(fd, F_GETFD) >= 0)
                printf("%d open, flags %d\n", fd, fcntl(fd, F_GETFD));
        SHOW(lseek(3, 0, SEEK_CUR)), SHOW(read(3, text, 2)), SHOW(read(5, text, 4)), SHOW(fcntl(5, F_GETFL) & O_NONBLOCK);
        puts(text);
        return 5;
    }
    int ends[2], fd = MUST(open("f", O_RDWR | O_CREAT, 0600));
    MUST(write(fd, "012345", 6)), MUST(lseek(fd, 4, SEEK_SET));
    MUST(open("f", O_RDONLY | O_CLOEXEC));
    MUST(pipe2(ends, O_NONBLOCK)), MUST(write(ends[1], "kept", 4));
    MUST(pipe2(ends, O_CLOEXEC));
    MUST(eventfd(0, 0)), MUST(eventfd(0, EFD_CLOEXEC)), MUST(epoll_create1(EPOLL_CLOEXEC)), MUST(epoll_create1(0));
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    SHOW(dup2(4, 17)), SHOW(fcntl(3, F_DUPFD_CLOEXEC, 18)), SHOW(fcntl(17, F_GETFD));
    fflush(stdout);
    char *arguments[] = {"again", "second", NULL};
    execv("/proc/self/exe", arguments);
    printf("%s\n", errno_name(errno));
    return 1;
}
