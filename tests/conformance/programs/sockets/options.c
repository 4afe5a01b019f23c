/* Socket options: what each kind of socket has, its default, what it takes and what is read back. */
#include "conform.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

static const int values[] = {0, 1, 2, -1, 100, 300, 70000};

static void one(int family, int type, int level, int option)
{
    int fd = MUST(socket(family, type, 0)), value = -77;
    socklen_t size = sizeof value;
    printf("%d:", option);
    if (getsockopt(fd, level, option, &value, &size))
        printf(" %s;", errno_name(errno));
    else
        printf(" %d(%d);", value, size);
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
        if (setsockopt(fd, level, option, values + i, sizeof *values)) {
            printf(" %s", errno_name(errno));
            continue;
        }
        size = sizeof value, value = -77;
        if (getsockopt(fd, level, option, &value, &size))
            printf(" set/%s", errno_name(errno));
        else
            printf(" %d", value);
    }
    puts("");
    close(fd);
}

int main(void)
{
    int kinds[][2] = {{AF_UNIX, SOCK_STREAM}, {AF_UNIX, SOCK_DGRAM}, {AF_INET, SOCK_STREAM}, {AF_INET, SOCK_DGRAM},
                      {AF_INET6, SOCK_STREAM}, {AF_INET6, SOCK_DGRAM}};
    int general[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 19, 27, 29, 30, 35, 36, 38, 39, 40, 49, 60};
    int tcp[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 18, 25, 30}, ip[] = {1, 2, 6, 7, 8, 10, 11, 12, 13, 14, 15, 19, 20, 21, 24, 33, 34};
    int six[] = {16, 18, 19, 23, 25, 26, 49, 51, 66, 67};
    for (int k = 0; k < 6; k++) {
        int f = kinds[k][0], t = kinds[k][1];
        printf("-- family %d type %d\n", f, t);
        for (unsigned i = 0; i < sizeof general / sizeof *general; i++)
            one(f, t, SOL_SOCKET, general[i]);
        puts("tcp");
        for (unsigned i = 0; i < (k == 2 || k == 4 ? sizeof tcp / sizeof *tcp : 1); i++)
            one(f, t, IPPROTO_TCP, tcp[i]);
        puts("ip");
        for (unsigned i = 0; i < (k > 1 ? sizeof ip / sizeof *ip : 1); i++)
            one(f, t, IPPROTO_IP, ip[i]);
        puts("ipv6");
        for (unsigned i = 0; i < (k > 3 ? sizeof six / sizeof *six : 1); i++)
            one(f, t, IPPROTO_IPV6, six[i]);
    }
    puts("-- sizes and structures");
    int fd = MUST(socket(AF_INET, SOCK_STREAM, 0)), value = 1;
    char text[32];
    socklen_t size = 2;
    SHOW(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &size));
    printf("%d\n", size);
    size = -1;
    SHOW(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &size));
    SHOW(getsockopt(fd, SOL_SOCKET, SO_TYPE, (void *)8, &size));
    SHOW(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, (void *)8));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, 3));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, -1));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, (void *)8, 4));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, text, 32));
    SHOW(setsockopt(fd, IPPROTO_IP, IP_TTL, "\11", 1));
    size = 1;
    SHOW(getsockopt(fd, IPPROTO_IP, IP_TTL, text, &size));
    printf("%d %d\n", text[0], size);
    SHOW(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, "\1", 1));
    SHOW(setsockopt(0, SOL_SOCKET, SO_KEEPALIVE, &value, 4));
    SHOW(setsockopt(99, SOL_SOCKET, SO_KEEPALIVE, &value, 4));
    SHOW(setsockopt(fd, 1234, 1, &value, 4));
    SHOW(getsockopt(fd, 1234, 1, &value, &size));
    struct linger linger = {1, 5};
    SHOW(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
    size = sizeof linger, linger = (struct linger){0, 0};
    SHOW(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size));
    printf("%d %d\n", linger.l_onoff, linger.l_linger);
    SHOW(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, 4));
    struct timeval times[] = {{1, 500000}, {0, 0}, {0, 1000000}, {-1, 0}, {3, -1}};
    for (int i = 0; i < 5; i++) {
        SHOW(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, times + i, sizeof *times));
        struct timeval now;
        size = sizeof now;
        SHOW(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &now, &size));
        printf("%ld %d %d\n", now.tv_sec, now.tv_usec > 0, size);
    }
    SHOW(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "none0", 6));
    SHOW(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "nothing", 7));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &value, 4));
    struct ucred cred;
    size = sizeof cred;
    SHOW(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size));
    printf("%d %d %d\n", cred.pid, cred.uid, cred.gid);
    uint64_t cookie, other;
    size = sizeof cookie;
    SHOW(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size));
    SHOW(getsockopt(socket(AF_INET, SOCK_STREAM, 0), SOL_SOCKET, SO_COOKIE, &other, &size));
    printf("%d\n", cookie != other && cookie);
    return 0;
}
