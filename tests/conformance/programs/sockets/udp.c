/* UDP over lo: names, connected and not, refusals, truncation, control messages, many messages at once, full queues. */
#include "conform.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <linux/sockios.h>

static char buffer[70000];

static struct sockaddr_in at(int port) { return (struct sockaddr_in){AF_INET, port, {htonl(INADDR_LOOPBACK)}}; }

static int bound(struct sockaddr_in *name)
{
    int fd = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    socklen_t size = sizeof *name;
    *name = at(0);
    MUST(bind(fd, (void *)name, size)), MUST(getsockname(fd, (void *)name, &size));
    return fd;
}

static void look(const char *when, int fd)
{
    struct pollfd entry = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0};
    poll(&entry, 1, 0);
    printf("  poll %s: %x\n", when, entry.revents);
}

static void control(int fd, const char *what)
{
    char text[256];
    struct iovec part = {buffer, 100};
    struct sockaddr_in6 from;
    struct msghdr message = {&from, sizeof from, &part, 1, text, sizeof text};
    long n = recvmsg(fd, &message, 0);
    printf("%s: %ld flags %x name %d", what, n, message.msg_flags, message.msg_namelen);
    for (struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        printf(" [%d %d: %ld", c->cmsg_level, c->cmsg_type, (long)(c->cmsg_len - CMSG_LEN(0)));
        if (c->cmsg_level == IPPROTO_IP)
            for (unsigned i = 0; i < c->cmsg_len - CMSG_LEN(0); i++)
                printf(" %d", CMSG_DATA(c)[i]);
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type != IPV6_PKTINFO)
            printf(" %d", *(int *)CMSG_DATA(c));
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
            printf(" %d %d", CMSG_DATA(c)[10], CMSG_DATA(c)[12]);
        printf("]");
    }
    printf("\n");
}

int main(void)
{
    struct sockaddr_in a_name, b_name, name;
    socklen_t size = sizeof name;
    int a = bound(&a_name), b = bound(&b_name), c, on = 1;
    setvbuf(stdout, NULL, _IONBF, 0);
    puts("-- not connected");
    look("fresh", a);
    SHOW(send(a, "x", 1, 0));
    SHOW(sendto(a, "hello", 5, 0, (void *)&b_name, sizeof b_name));
    SHOW(sendto(a, "", 0, 0, (void *)&b_name, sizeof b_name));
    SHOW(sendto(a, "third", 5, 0, (void *)&b_name, sizeof b_name));
    int n = -1;
    MUST(ioctl(b, FIONREAD, &n));
    printf("%d\n", n);
    look("datagram", b);
    SHOW(recvfrom(b, buffer, 3, MSG_PEEK, (void *)&name, &size));
    printf("%d %d\n", size, !memcmp(&name, &a_name, sizeof name));
    SHOW(recv(b, buffer, 3, MSG_TRUNC));
    SHOW(recv(b, buffer, 3, 0));
    MUST(ioctl(b, SIOCOUTQ, &n));
    printf("%d\n", n);
    size = 4;
    SHOW(recvfrom(b, buffer, 100, 0, (void *)&name, &size));
    printf("%d\n", size);
    SHOW(recv(b, buffer, 100, MSG_DONTWAIT));
    SHOW(sendto(a, buffer, 65507, 0, (void *)&b_name, sizeof b_name));
    SHOW(sendto(a, buffer, 65508, 0, (void *)&b_name, sizeof b_name));
    SHOW(recv(b, buffer, 70000, 0));
    SHOW(sendto(a, "x", 1, 0, (void *)&b_name, 8));
    SHOW(sendto(a, "x", 1, 0, (void *)&b_name, 200));
    name = b_name, name.sin_port = 0;
    SHOW(sendto(a, "x", 1, 0, (void *)&name, sizeof name));
    name.sin_family = AF_INET6;
    SHOW(sendto(a, "x", 1, 0, (void *)&name, sizeof name));
    name = b_name, name.sin_family = AF_UNSPEC;
    SHOW(sendto(a, "unspecified", 11, 0, (void *)&name, sizeof name));
    SHOW(recv(b, buffer, 100, 0));
    name = b_name, name.sin_addr.s_addr = 0;
    SHOW(sendto(a, "any", 3, 0, (void *)&name, sizeof name));
    SHOW(recv(b, buffer, 100, MSG_DONTWAIT));
    name.sin_addr.s_addr = htonl(0x7fffffff);
    SHOW(sendto(a, "broadcast", 9, 0, (void *)&name, sizeof name));
    SHOW(sendto(a, "x", 1, MSG_OOB, (void *)&b_name, sizeof b_name));
    SHOW(sendto(a, (void *)8, 1, 0, (void *)&b_name, sizeof b_name));
    SHOW(listen(a, 1));
    SHOW(accept(a, NULL, NULL));
    SHOW(shutdown(a, SHUT_RD));
    SHOW(recv(a, buffer, 1, MSG_DONTWAIT));
    close(a), a = bound(&a_name);
    SHOW(bind(a, (void *)&b_name, sizeof b_name));
    c = socket(AF_INET, SOCK_DGRAM, 0);
    SHOW(bind(c, (void *)&b_name, sizeof b_name));
    setsockopt(c, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), setsockopt(b, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    SHOW(bind(c, (void *)&b_name, sizeof b_name));
    SHOW(sendto(a, "for the youngest", 16, 0, (void *)&b_name, sizeof b_name));
    SHOW(recv(b, buffer, 100, MSG_DONTWAIT));
    SHOW(recv(c, buffer, 100, MSG_DONTWAIT));
    close(c);

    puts("-- connected");
    SHOW(connect(a, (void *)&b_name, sizeof b_name));
    SHOW(getpeername(a, (void *)&name, &size));
    SHOW(send(a, "to b", 4, 0));
    SHOW(recv(b, buffer, 100, 0));
    SHOW(sendto(b, "back", 4, 0, (void *)&a_name, sizeof a_name));
    SHOW(recv(a, buffer, 100, 0));
    c = bound(&name);
    SHOW(sendto(c, "stranger", 8, 0, (void *)&a_name, sizeof a_name));
    SHOW(recv(a, buffer, 100, MSG_DONTWAIT));
    SHOW(sendto(a, "elsewhere", 9, 0, (void *)&name, sizeof name));
    SHOW(recv(c, buffer, 100, 0));
    close(b);
    SHOW(send(a, "lost", 4, 0));
    look("refused", a);
    SHOW(send(a, "x", 1, 0));
    SHOW(send(a, "x", 1, 0));
    SHOW(recv(a, buffer, 1, 0));
    SHOW(send(a, "x", 1, 0));
    socklen_t four = 4;
    SHOW(getsockopt(a, SOL_SOCKET, SO_ERROR, &n, &four));
    printf("%s\n", errno_name(n));
    close(c);
    SHOW(sendto(a, "lost elsewhere", 4, 0, (void *)&name, sizeof name));
    SHOW(recv(a, buffer, 1, MSG_DONTWAIT));
    struct sockaddr none = {AF_UNSPEC};
    SHOW(connect(a, &none, sizeof none));
    size = sizeof name;
    SHOW(getpeername(a, (void *)&name, &size));
    SHOW(getsockname(a, (void *)&name, &size));
    printf("%d\n", !memcmp(&name, &a_name, sizeof name));
    SHOW(send(a, "x", 1, 0));
    close(a), a = bound(&a_name);
    c = socket(AF_INET, SOCK_DGRAM, 0);
    SHOW(connect(c, (void *)&a_name, sizeof a_name));
    SHOW(getsockname(c, (void *)&name, &size));
    printf("%x %d\n", ntohl(name.sin_addr.s_addr), name.sin_port != 0);
    SHOW(connect(c, &none, sizeof none));
    SHOW(getsockname(c, (void *)&name, &size));
    printf("%x %d\n", ntohl(name.sin_addr.s_addr), name.sin_port != 0);
    SHOW(connect(c, (void *)&a_name, sizeof a_name));
    SHOW(shutdown(c, SHUT_WR));
    SHOW(send(c, "x", 1, 0));
    SHOW(shutdown(c, SHUT_RD));
    look("shut down", c);
    SHOW(recv(c, buffer, 1, MSG_DONTWAIT));
    SHOW(recv(c, buffer, 1, 0));
    close(c);
    struct timeval limit = {0, 3000};
    setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    SHOW(recv(a, buffer, 1, 0));

    puts("-- control messages");
    b = bound(&b_name);
    setsockopt(a, IPPROTO_IP, IP_PKTINFO, &on, sizeof on), setsockopt(a, IPPROTO_IP, IP_RECVTTL, &on, sizeof on);
    setsockopt(a, IPPROTO_IP, IP_RECVTOS, &on, sizeof on);
    n = 16, setsockopt(b, IPPROTO_IP, IP_TOS, &n, sizeof n);
    n = 7, setsockopt(b, IPPROTO_IP, IP_TTL, &n, sizeof n);
    sendto(b, "x", 1, 0, (void *)&a_name, sizeof a_name);
    control(a, "IPv4");
    n = 0, setsockopt(a, IPPROTO_IP, IP_PKTINFO, &n, sizeof n), setsockopt(a, IPPROTO_IP, IP_RECVTTL, &n, sizeof n);
    setsockopt(a, IPPROTO_IP, IP_RECVTOS, &n, sizeof n);
    setsockopt(a, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    sendto(b, "x", 1, 0, (void *)&a_name, sizeof a_name);
    control(a, "time");
    setsockopt(a, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on);
    sendto(b, "x", 1, 0, (void *)&a_name, sizeof a_name);
    control(a, "time");
    int d = socket(AF_INET6, SOCK_DGRAM, 0);
    struct sockaddr_in6 six = {AF_INET6};
    size = sizeof six;
    MUST(bind(d, (void *)&six, size)), MUST(getsockname(d, (void *)&six, &size));
    setsockopt(d, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
    name = at(six.sin6_port);
    SHOW(sendto(b, "mapped", 6, 0, (void *)&name, sizeof name));
    control(d, "IPv6");
    SHOW(sendto(d, "plain", 5, 0, (void *)&b_name, sizeof b_name));
    SHOW(recvfrom(b, buffer, 10, 0, (void *)&name, &size));
    printf("%d %x\n", name.sin_family, ntohl(name.sin_addr.s_addr));

    setsockopt(d, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof on), setsockopt(d, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof on);
    inet_pton(AF_INET6, "::1", &six.sin6_addr);
    SHOW(sendto(d, "itself", 6, 0, (void *)&six, sizeof six));
    control(d, "IPv6");
    char text[CMSG_SPACE(4)] __attribute__((aligned(8)));
    struct iovec part = {"fields", 6};
    struct msghdr message = {&six, sizeof six, &part, 1, text, sizeof text};
    int fields[][3] = {{IPPROTO_IPV6, IPV6_HOPLIMIT, 9}, {IPPROTO_IPV6, IPV6_TCLASS, 33}, {IPPROTO_IPV6, IPV6_HOPLIMIT, 256},
                       {IPPROTO_IPV6, IPV6_HOPLIMIT, -1}, {IPPROTO_IPV6, IPV6_TCLASS, -2}};
    for (int i = 0; i < 5; i++) {
        *CMSG_FIRSTHDR(&message) = (struct cmsghdr){CMSG_LEN(4), fields[i][0], fields[i][1]};
        memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &fields[i][2], 4);
        if (SHOW(sendmsg(d, &message, 0)) > 0)
            control(d, "IPv6");
    }
    puts("-- many at once");
    struct mmsghdr many[4] = {0};
    struct iovec parts[4] = {{"one", 3}, {"two!", 4}, {"three", 5}, {(void *)8, 3}};
    for (int i = 0; i < 4; i++)
        many[i].msg_hdr = (struct msghdr){&a_name, sizeof a_name, parts + i, 1};
    SHOW(sendmmsg(b, many, 4, 0));
    printf("%d %d %d\n", many[0].msg_len, many[1].msg_len, many[2].msg_len);
    SHOW(sendmmsg(b, many + 3, 1, 0));
    for (int i = 0; i < 4; i++)
        parts[i] = (struct iovec){buffer + 10 * i, 4}, many[i] = (struct mmsghdr){{NULL, 0, parts + i, 1}};
    SHOW(recvmmsg(a, many, 4, MSG_WAITFORONE, NULL));
    printf("%d %d %d %x %.4s\n", many[0].msg_len, many[1].msg_len, many[2].msg_len, many[2].msg_hdr.msg_flags, buffer + 10);
    SHOW(recvmmsg(a, many, 4, MSG_DONTWAIT, NULL));
    struct timespec soon = {0, 1};
    sendto(b, "x", 1, 0, (void *)&a_name, sizeof a_name), sendto(b, "x", 1, 0, (void *)&a_name, sizeof a_name);
    SHOW(recvmmsg(a, many, 4, 0, &soon));
    SHOW(recv(a, buffer, 1, 0));

    puts("-- full");
    long sizes[] = {1, 100, 1000, 5000, 20000, 65507};
    for (int i = 0; i < 6; i++) {
        int sent = 0, came = 0;
        for (; sent < 600; sent++)
            MUST(sendto(b, buffer, sizes[i], 0, (void *)&a_name, sizeof a_name));
        while (recv(a, buffer, sizeof buffer, MSG_DONTWAIT) >= 0)
            came++;
        printf("of %ld bytes: %d\n", sizes[i], came);
    }
    return 0;
}
