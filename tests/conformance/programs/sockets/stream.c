/* socketpair, stream: both ways, partial reads, peeking, shutdown, end of file, resets, polling. */
#include "conform.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static void look(const char *when, int a, int b)
{
    struct pollfd entries[2] = {{a, POLLIN | POLLOUT | POLLRDHUP, 0}, {b, POLLIN | POLLOUT | POLLRDHUP, 0}};
    poll(entries, 2, 0);
    printf("%s: %x %x\n", when, entries[0].revents, entries[1].revents);
}

int main(void)
{
    int s[2], pending;
    char buffer[32] = {0};
    signal(SIGPIPE, SIG_IGN);
    SHOW(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
    look("fresh", s[0], s[1]);
    SHOW(read(s[0], buffer, 8));
    SHOW(write(s[0], "hello", 5));
    SHOW(send(s[0], " world", 6, 0));
    look("data", s[0], s[1]);
    MUST(ioctl(s[1], FIONREAD, &pending));
    printf("pending %d\n", pending);
    SHOW(recv(s[1], buffer, 7, MSG_PEEK));
    puts(buffer);
    SHOW(recv(s[1], buffer, 3, 0));
    SHOW(read(s[1], buffer, 32));
    puts(buffer);
    SHOW(write(s[1], "back", 4));
    SHOW(recvfrom(s[0], buffer, 32, MSG_DONTWAIT, NULL, NULL));
    SHOW(shutdown(s[0], SHUT_WR));
    look("one way", s[0], s[1]);
    SHOW(read(s[1], buffer, 8));
    SHOW(write(s[0], "x", 1));
    SHOW(write(s[1], "y", 1));
    SHOW(read(s[0], buffer, 8));
    SHOW(shutdown(s[1], SHUT_RDWR));
    look("no way", s[0], s[1]);
    SHOW(write(s[1], "y", 1));
    SHOW(shutdown(s[1], 7));
    close(s[0]);
    look("peer gone", s[1], s[1]);
    SHOW(read(s[1], buffer, 8));
    SHOW(write(s[1], "z", 1));
    close(s[1]);
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
    write(s[0], "unread", 6);
    close(s[1]);
    look("reset", s[0], s[0]);
    SHOW(read(s[0], buffer, 8));
    SHOW(read(s[0], buffer, 8));
    SHOW(send(s[0], "x", 1, MSG_NOSIGNAL));
    SHOW(lseek(s[0], 0, SEEK_SET));
    SHOW(ioctl(s[0], 0x1234, 0));
    return 0;
}
