/* socketpair, datagrams and sequenced packets: boundaries, truncation, empty packets, a full queue, a gone peer. */
#include "conform.h"
#include <poll.h>
#include <sys/socket.h>

static void try(int type, const char *name)
{
    int s[2], n = 0;
    char buffer[16] = {0};
    printf("-- %s\n", name);
    SHOW(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, s));
    SHOW(send(s[0], "first", 5, 0));
    SHOW(send(s[0], "second one", 10, 0));
    SHOW(send(s[0], "", 0, 0));
    SHOW(send(s[0], "last", 4, 0));
    SHOW(recv(s[1], buffer, 16, 0));
    SHOW(recv(s[1], buffer, 3, MSG_PEEK));
    SHOW(recv(s[1], buffer, 3, MSG_TRUNC));
    SHOW(recv(s[1], buffer, 16, 0));
    SHOW(recv(s[1], buffer, 16, 0));
    SHOW(recv(s[1], buffer, 16, 0));
    while (send(s[0], "x", 1, 0) == 1)
        n++;
    printf("queued %d, then %s\n", n, errno_name(errno));
    struct pollfd entries[2] = {{s[0], POLLIN | POLLOUT, 0}, {s[1], POLLIN | POLLOUT, 0}};
    poll(entries, 2, 0);
    printf("%x %x\n", entries[0].revents, entries[1].revents);
    recv(s[1], buffer, 1, 0);
    poll(entries, 2, 0);
    printf("%x %x\n", entries[0].revents, entries[1].revents);
    close(s[0]);
    SHOW(recv(s[1], buffer, 1, 0));
    while (recv(s[1], buffer, 1, 0) == 1)
        ;
    SHOW(recv(s[1], buffer, 1, 0));
    SHOW(send(s[1], "x", 1, MSG_NOSIGNAL));
    poll(entries + 1, 1, 0);
    printf("%x\n", entries[1].revents);
    close(s[1]);
}

int main(void)
{
    try(SOCK_DGRAM, "datagrams");
    try(SOCK_SEQPACKET, "sequenced packets");
    int s[2];
    SHOW(socketpair(AF_INET, SOCK_STREAM, 0, s));
    SHOW(socketpair(AF_UNIX, 77, 0, s));
    SHOW(socketpair(AF_UNIX, 9, 0, s));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM | 0x10000, 0, s));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 5, s));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8));
    SHOW(socketpair(200, SOCK_STREAM, 0, s));
    int type;
    socklen_t size = sizeof type;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, AF_UNIX, s));
    SHOW(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &type, &size));
    printf("%d %d\n", type, (int)size);
    SHOW(getsockopt(0, SOL_SOCKET, SO_TYPE, &type, &size));
    struct sockaddr_storage address;
    size = sizeof address;
    SHOW(getsockname(s[0], (void *)&address, &size));
    printf("%d %d\n", address.ss_family, (int)size);
    SHOW(recv(0, &type, 1, 0));
    SHOW(recv(99, &type, 1, 0));
    return 0;
}
