/* UDP-Lite over lo: ports of its own, the options of checksum coverage and what they drop, /proc/net. */
#include "conform.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { SEND = 10, RECEIVE = 11, UDP = 17, UDPLITE = 136 };

static int sock(int family, int protocol, struct sockaddr_in *name)
{
    int fd = MUST(socket(family, SOCK_DGRAM, protocol));
    socklen_t size = sizeof *name;
    *name = (struct sockaddr_in){AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    MUST(bind(fd, (void *)name, size)), MUST(getsockname(fd, (void *)name, &size));
    return fd;
}

static void option(int fd, int level, int option)
{
    int value = -77;
    socklen_t size = sizeof value;
    long result = getsockopt(fd, level, option, &value, &size);
    printf("  level %d option %d: %ld %s value %d\n", level, option, result, result ? errno_name(errno) : "", value);
}

static void set(int fd, int level, int option, int value)
{
    printf("  set level %d option %d to %d: ", level, option, value);
    long result = setsockopt(fd, level, option, &value, sizeof value);
    printf("%ld %s\n", result, result ? errno_name(errno) : "");
}

int main(void)
{
    struct sockaddr_in a, b, c;
    int to = sock(AF_INET, UDPLITE, &a), from = sock(AF_INET, UDPLITE, &b);
    socklen_t size = sizeof(int);
    int value;
    getsockopt(to, SOL_SOCKET, SO_PROTOCOL, &value, &size);
    printf("protocol %d\n", value);
    getsockopt(to, SOL_SOCKET, SO_TYPE, &value, &size);
    printf("type %d\n", value);
    SHOW(socket(AF_INET, SOCK_STREAM, UDPLITE));
    SHOW(socket(AF_INET, SOCK_DGRAM, 132));
    int same = MUST(socket(AF_INET, SOCK_DGRAM, UDP));
    printf("a port of UDP-Lite is free for UDP: %d\n", bind(same, (void *)&a, sizeof a));
    int plain = sock(AF_INET, UDP, &c);
    for (int level = UDP; level; level = level == UDP ? UDPLITE : 0)
        for (int i = SEND; i <= RECEIVE; i++) {
            option(to, level, i), option(plain, level, i);
            set(plain, level, i, 20), option(plain, level, i);
            for (int j = 0; j < 6; j++)
                set(from, level, i, (int[]){-5, 3, 8, 70000, 20, 0}[j]), option(from, level, i);
        }
    set(to, UDPLITE, 99, 1), option(to, UDPLITE, 99);
    SHOW(setsockopt(to, UDPLITE, SEND, "abc", 3));

    static const int coverages[] = {0, 8, 12, 17, 18, 19, 200};
    char text[100];
    for (int r = -1; r < 7; r++)
        for (int s = 0; s < 7; s++) {
            if (r >= 0)
                MUST(setsockopt(to, UDPLITE, RECEIVE, &coverages[r], 4));
            MUST(setsockopt(from, UDPLITE, SEND, &coverages[s], 4));
            long sent = sendto(from, "0123456789", 10, 0, (void *)&a, sizeof a);
            printf("sender %d receiver %d: sent %ld received %ld\n", coverages[s], r < 0 ? -1 : coverages[r], sent,
                   (long)recv(to, text, sizeof text, MSG_DONTWAIT));
        }
    MUST(connect(from, (void *)&a, sizeof a));
    SHOW(send(from, "connected", 9, 0));
    SHOW(recv(to, text, sizeof text, 0));
    SHOW(sendto(plain, "plain", 5, 0, (void *)&a, sizeof a));
    SHOW(recv(to, text, sizeof text, MSG_DONTWAIT));
    SHOW(recv(same, text, sizeof text, MSG_DONTWAIT));

    char line[256], needle[16];
    snprintf(needle, sizeof needle, ":%04X ", ntohs(a.sin_port));
    FILE *f = fopen("/proc/net/udplite", "r");
    for (int i = 0; fgets(line, sizeof line, f); i++)
        if (!i)
            printf("%s", line);
        else if (strstr(line, needle) && strstr(line, needle) - line < 25)
            printf("line of %zu\n", strlen(line));
    MUST(close(to));
    SHOW(send(from, "refused", 7, 0));
    SHOW(send(from, "refused", 7, 0));
    int six = MUST(socket(AF_INET6, SOCK_DGRAM, UDPLITE));
    struct sockaddr_in6 d = {AF_INET6, 0, 0, IN6ADDR_LOOPBACK_INIT};
    size = sizeof d;
    MUST(bind(six, (void *)&d, size)), MUST(getsockname(six, (void *)&d, &size));
    SHOW(sendto(six, "six", 3, 0, (void *)&d, sizeof d));
    SHOW(recv(six, text, sizeof text, 0));
}
