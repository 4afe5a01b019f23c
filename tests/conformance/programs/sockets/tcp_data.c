/* Bytes over TCP: peeking, waiting for all, time limits, urgent bytes, buffers that fill, two processes at work. */
#include "conform.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <linux/sockios.h>

static char data[1 << 20], buffer[1 << 20];

static void join(int *client, int *server)
{
    int l = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    MUST(bind(l, (void *)&here, size)), MUST(listen(l, 1)), MUST(getsockname(l, (void *)&here, &size));
    *client = socket(AF_INET, SOCK_STREAM, 0);
    MUST(connect(*client, (void *)&here, size));
    *server = MUST(accept(l, NULL, NULL));
    close(l);
}

static int pending(int fd, int request)
{
    int value = -1;
    ioctl(fd, request, &value);
    return value;
}

static void look(const char *when, int fd)
{
    struct pollfd entry = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0};
    poll(&entry, 1, 0);
    printf("  poll %s: %x\n", when, entry.revents);
}

static void on_alarm(int signal) { }

int main(void)
{
    int c, s, on = 1, status;
    join(&c, &s);
    setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    puts("-- flags");
    send(c, "abcdefgh", 8, 0);
    printf("%d\n", pending(s, FIONREAD));
    SHOW(recv(s, buffer, 3, MSG_PEEK));
    SHOW(recv(s, buffer, 100, MSG_PEEK | MSG_DONTWAIT));
    SHOW(recv(s, buffer, 2, MSG_TRUNC));
    SHOW(recv(s, NULL, 2, MSG_TRUNC));
    SHOW(recv(s, buffer, 100, MSG_DONTWAIT | MSG_WAITALL));
    printf("%.4s\n", buffer);
    SHOW(recv(s, buffer, 1, MSG_DONTWAIT));
    SHOW(recv(s, buffer, 1, MSG_ERRQUEUE));
    struct iovec parts[3] = {{"one", 3}, {"", 0}, {"three", 5}};
    SHOW(writev(c, parts, 3));
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    SHOW(sendmsg(c, &message, 0));
    send(c, "", 0, 0);
    parts[0] = (struct iovec){buffer, 5}, parts[1] = (struct iovec){buffer + 10, 100};
    SHOW(readv(s, parts, 2));
    printf("%.5s %.11s\n", buffer, buffer + 10);
    struct sockaddr_in from;
    message = (struct msghdr){&from, sizeof from, parts, 1};
    send(c, "named?", 6, 0);
    SHOW(recvmsg(s, &message, 0));
    printf("%d %x\n", message.msg_namelen, message.msg_flags);
    message.msg_iovlen = 2000;
    SHOW(sendmsg(c, &message, 0));
    SHOW(send(c, (void *)8, 10, 0));
    SHOW(recv(s, (void *)8, 10, MSG_DONTWAIT));
    SHOW(recv(s, buffer, 10, 0));

    puts("-- time limits");
    struct timeval limit = {0, 20000};
    SHOW(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    SHOW(recv(s, buffer, 10, 0));
    send(c, "part", 4, 0);
    SHOW(recv(s, buffer, 10, MSG_WAITALL));
    signal(SIGALRM, on_alarm);
    struct itimerval soon = {{0}, {0, 5000}};
    limit = (struct timeval){5, 0};
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setitimer(ITIMER_REAL, &soon, NULL);
    SHOW(recv(s, buffer, 10, 0));
    send(c, "part", 4, 0);
    setitimer(ITIMER_REAL, &soon, NULL);
    SHOW(recv(s, buffer, 10, MSG_WAITALL));
    limit = (struct timeval){0, 0};
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    siginterrupt(SIGALRM, 1);
    setitimer(ITIMER_REAL, &soon, NULL);
    SHOW(recv(s, buffer, 10, 0));
    int low = 5;
    setsockopt(s, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low);
    send(c, "1234", 4, 0);
    look("below SO_RCVLOWAT", s);
    SHOW(recv(s, buffer, 10, MSG_DONTWAIT));
    send(c, "12345", 5, 0);
    look("at SO_RCVLOWAT", s);
    SHOW(recv(s, buffer, 10, 0));
    low = 1, setsockopt(s, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low);

    puts("-- urgent bytes");
    SHOW(recv(s, buffer, 1, MSG_OOB));
    SHOW(send(c, "normal!", 7, MSG_OOB));
    SHOW(send(c, "after", 5, 0));
    look("urgent", s);
    printf("%d %d\n", pending(s, FIONREAD), pending(s, SIOCATMARK));
    SHOW(recv(s, buffer, 100, 0));
    printf("%d\n", pending(s, SIOCATMARK));
    SHOW(recv(s, buffer, 1, MSG_OOB | MSG_PEEK));
    SHOW(recv(s, buffer, 1, MSG_OOB));
    printf("%c\n", buffer[0]);
    SHOW(recv(s, buffer, 1, MSG_OOB));
    look("taken", s);
    SHOW(recv(s, buffer, 100, 0));
    SHOW(send(c, "x!", 2, MSG_OOB));
    SHOW(recv(s, buffer, 1, 0));
    SHOW(recv(s, buffer, 1, MSG_DONTWAIT));
    SHOW(recv(s, buffer, 1, MSG_OOB));
    setsockopt(s, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
    SHOW(send(c, "ab!", 3, MSG_OOB));
    SHOW(send(c, "cd", 2, 0));
    SHOW(recv(s, buffer, 100, 0));
    printf("%d\n", pending(s, SIOCATMARK));
    SHOW(recv(s, buffer, 1, MSG_OOB));
    SHOW(recv(s, buffer, 100, 0));
    close(c), close(s);

    puts("-- full");
    join(&c, &s);
    int small = 10000;
    setsockopt(c, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    fcntl(c, F_SETFL, O_NONBLOCK);
    long sent = 0, got = 0, n;
    for (;;) {
        n = send(c, data, 5000, 0);
        if (n <= 0)
            break;
        sent += n;
    }
    printf("%s, unsent %d, %d %d\n", errno_name(errno), pending(c, SIOCOUTQ) > 0, sent > 20000, sent < 1000000);
    look("full", c);
    limit = (struct timeval){0, 10000};
    setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    fcntl(c, F_SETFL, 0);
    SHOW(send(c, data, 5000, 0));
    while (got < sent && (n = recv(s, buffer, sizeof buffer, 0)) > 0)
        got += n;
    printf("all came %d\n", got == sent);
    look("empty", c);
    close(c), close(s);

    puts("-- two processes");
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = i * 7 + i / 251;
    join(&c, &s);
    fflush(stdout);
    if (fork() == 0) {
        close(s);
        for (int i = 0; i < 3; i++)
            if (send(c, data, sizeof data, 0) != sizeof data)
                _exit(1);
        shutdown(c, SHUT_WR);
        _exit(recv(c, buffer, 2, MSG_WAITALL) == 2 && recv(c, buffer, 2, 0) == 0 ? 7 : 8);
    }
    close(c);
    int right = 1;
    for (int i = 0; i < 2; i++)
        right &= recv(s, buffer, sizeof data, MSG_WAITALL) == sizeof data && !memcmp(buffer, data, sizeof data);
    printf("two whole ones %d\n", right);
    for (got = 0; (n = read(s, buffer, 30000)) > 0; got += n)
        right &= !memcmp(buffer, data + got, n);
    printf("in pieces %ld %d\n", got, right);
    SHOW(send(s, "o", 1, 0));
    usleep(1000);
    SHOW(send(s, "k", 1, 0));
    close(s);
    wait(&status);
    printf("client %d\n", WEXITSTATUS(status));
    return 0;
}
