/* TCP over 127.0.0.1: the life of a connection, its errors, and what poll says at every step. */
#include "conform.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

static struct sockaddr_in here, other;
static socklen_t size;
static char buffer[64];

static void look(const char *when, int fd)
{
    struct pollfd entry = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0};
    poll(&entry, 1, 0);
    printf("  poll %s: %x\n", when, entry.revents);
}

static int error_of(int fd)
{
    int error = -1;
    socklen_t n = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n);
    printf("  SO_ERROR %s\n", error ? errno_name(error) : "0");
    return error;
}

static int state_of(int fd)
{
    struct tcp_info info = {0};
    socklen_t n = sizeof info;
    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n);
    return info.tcpi_state;
}

static int make(int flags) { return socket(AF_INET, SOCK_STREAM | flags, 0); }

static int listening(int backlog)
{
    int fd = make(0);
    here = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    MUST(bind(fd, (void *)&here, sizeof here));
    MUST(listen(fd, backlog));
    size = sizeof here;
    MUST(getsockname(fd, (void *)&here, &size));
    return fd;
}

#define CONNECT(fd) connect(fd, (void *)&here, sizeof here)

/* The two ends of a new connection. */
static void join(int *client, int *server)
{
    int l = listening(1);
    *client = make(0);
    MUST(CONNECT(*client));
    *server = MUST(accept(l, NULL, NULL));
    close(l);
}

int main(void)
{
    int c, s, l, on = 1;
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    signal(SIGPIPE, SIG_IGN);
    puts("-- making and binding");
    SHOW(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
    SHOW(socket(AF_INET, SOCK_SEQPACKET, 0));
    SHOW(socket(AF_INET, 77, 0));
    SHOW(socket(AF_INET, SOCK_STREAM, -1));
    SHOW(socket(1000, SOCK_STREAM, 0));
    SHOW(socket(0, SOCK_STREAM, 0));
    l = make(0);
    look("fresh", l);
    printf("  state %d\n", state_of(l));
    SHOW(recv(l, buffer, 1, MSG_DONTWAIT));
    SHOW(send(l, "x", 1, MSG_DONTWAIT));
    SHOW(shutdown(l, SHUT_RDWR));
    close(l), l = make(0);
    SHOW(accept(l, NULL, NULL));
    size = sizeof other;
    SHOW(getpeername(l, (void *)&other, &size));
    SHOW(getsockname(l, (void *)&other, &size));
    printf("%d %d %x\n", other.sin_family, other.sin_port, other.sin_addr.s_addr);
    here = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x08080808)};
    SHOW(bind(l, (void *)&here, sizeof here));
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    SHOW(bind(l, (void *)&here, 15));
    here.sin_family = AF_INET6;
    SHOW(bind(l, (void *)&here, sizeof here));
    here.sin_family = AF_INET;
    SHOW(bind(l, (void *)&here, sizeof here));
    SHOW(bind(l, (void *)&here, sizeof here));
    SHOW(bind(0, (void *)&here, sizeof here));
    SHOW(bind(l, (void *)&here, 200));
    SHOW(bind(l, (void *)8, sizeof here));
    size = sizeof here;
    SHOW(getsockname(l, (void *)&here, &size));
    int second = make(0);
    SHOW(bind(second, (void *)&here, sizeof here));
    setsockopt(second, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    SHOW(bind(second, (void *)&here, sizeof here));
    setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    SHOW(bind(second, (void *)&here, sizeof here));
    SHOW(listen(l, 1));
    SHOW(listen(second, 1));
    close(second);
    look("listening", l);
    printf("  state %d\n", state_of(l));

    puts("-- refused");
    c = make(0);
    here.sin_port = htons(1);
    SHOW(CONNECT(c));
    look("refused", c);
    SHOW(CONNECT(c));
    close(c), c = make(SOCK_NONBLOCK);
    SHOW(CONNECT(c));
    look("refused later", c);
    error_of(c);
    look("error taken", c);
    SHOW(CONNECT(c));
    SHOW(CONNECT(c));
    SHOW(CONNECT(c));
    SHOW(recv(c, buffer, 1, 0));
    SHOW(send(c, "x", 1, 0));
    SHOW(connect(c, (void *)&here, 1));
    SHOW(connect(c, (void *)&here, 10));
    here.sin_family = 77;
    SHOW(connect(c, (void *)&here, sizeof here));
    close(c), close(l);

    puts("-- connected");
    l = listening(0);
    c = make(SOCK_NONBLOCK);
    SHOW(CONNECT(c));
    look("connecting", c);
    look("listening", l);
    error_of(c);
    SHOW(CONNECT(c));
    SHOW(CONNECT(c));
    size = sizeof other;
    SHOW(getpeername(c, (void *)&other, &size));
    printf("%d %d %d\n", other.sin_family, other.sin_port == here.sin_port, size);
    s = SHOW(accept4(l, (void *)&other, &size, 0x1000)) < 0 ? accept4(l, (void *)&other, &size, SOCK_CLOEXEC) : -1;
    printf("%d %x %d\n", other.sin_family, ntohl(other.sin_addr.s_addr), size);
    printf("close-on-exec %d, flags %x %x\n", fcntl(s, F_GETFD), fcntl(s, F_GETFL), fcntl(c, F_GETFL));
    struct sockaddr_in again;
    size = sizeof again;
    SHOW(getsockname(c, (void *)&again, &size));
    printf("the same name %d\n", !memcmp(&again, &other, sizeof again));
    printf("  states %d %d\n", state_of(c), state_of(s));
    look("client", c), look("server", s);
    SHOW(listen(c, 1));
    fcntl(l, F_SETFL, O_NONBLOCK);
    SHOW(accept(l, NULL, NULL));
    SHOW(recv(c, buffer, 1, 0));
    SHOW(read(c, buffer, 0));
    SHOW(recv(c, buffer, 0, 0));
    SHOW(send(c, "hello", 5, 0));
    look("data", s);
    SHOW(recv(s, buffer, 3, 0));
    SHOW(read(s, buffer, 10));
    SHOW(sendto(c, "hi", 2, 0, (void *)&here, sizeof here));
    SHOW(recvfrom(s, buffer, 10, 0, (void *)&other, &size));
    printf("%d\n", size);

    puts("-- half closed");
    SHOW(shutdown(c, SHUT_WR));
    look("has ended", c), look("peer has ended", s);
    printf("  state %d\n", state_of(s));
    SHOW(send(c, "x", 1, 0));
    SHOW(recv(s, buffer, 1, 0));
    SHOW(send(s, "late", 4, 0));
    SHOW(recv(c, buffer, 10, 0));
    SHOW(shutdown(s, SHUT_RDWR));
    look("both", c), look("both", s);
    printf("  states %d %d\n", state_of(c), state_of(s));
    SHOW(recv(c, buffer, 1, 0));
    SHOW(recv(s, buffer, 1, 0));
    SHOW(send(s, "x", 1, 0));
    SHOW(getpeername(s, (void *)&other, &size));
    SHOW(CONNECT(c));
    SHOW(shutdown(c, SHUT_WR));
    SHOW(shutdown(c, 3));
    close(c), close(s), close(l);

    puts("-- the peer closes");
    join(&c, &s);
    send(s, "bye", 3, 0), close(s);
    look("closed", c);
    SHOW(send(c, "one", 3, 0));
    look("reset", c);
    SHOW(recv(c, buffer, 10, 0));
    SHOW(recv(c, buffer, 10, 0));
    SHOW(send(c, "two", 3, 0));
    SHOW(send(c, "three", 5, 0));
    error_of(c);
    close(c);
    puts("-- with unread data");
    join(&c, &s);
    send(c, "unread", 6, 0), send(s, "for you", 7, 0), close(s);
    look("reset", c);
    SHOW(recv(c, buffer, 3, 0));
    SHOW(recv(c, buffer, 10, 0));
    SHOW(recv(c, buffer, 10, 0));
    SHOW(recv(c, buffer, 10, 0));
    SHOW(send(c, "x", 1, 0));
    look("later", c);
    close(c);
    puts("-- with SO_LINGER 0");
    join(&c, &s);
    struct linger linger = {1, 0};
    setsockopt(s, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(s);
    look("reset", c);
    SHOW(send(c, "x", 1, 0));
    SHOW(send(c, "x", 1, 0));
    SHOW(recv(c, buffer, 1, 0));
    SHOW(getpeername(c, (void *)&other, &size));
    close(c);
    puts("-- before accept");
    l = listening(2);
    c = make(0), CONNECT(c), send(c, "early", 5, 0), close(c);
    c = make(0), CONNECT(c), setsockopt(c, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), close(c);
    s = accept(l, NULL, NULL);
    SHOW(recv(s, buffer, 10, 0));
    SHOW(recv(s, buffer, 10, 0));
    close(s);
    s = accept(l, (void *)&other, &size);
    look("reset", s);
    SHOW(recv(s, buffer, 10, 0));
    close(s);
    c = make(0), CONNECT(c);
    SHOW(shutdown(l, SHUT_WR));
    look("listening", l);
    SHOW(shutdown(l, SHUT_RD));
    look("listened", l), look("reset", c);
    SHOW(accept(l, NULL, NULL));
    SHOW(recv(c, buffer, 1, 0));
    SHOW(listen(l, 1));
    close(c), c = make(0);
    SHOW(CONNECT(c));
    close(l);
    SHOW(recv(c, buffer, 1, 0));
    close(c);

    puts("-- disconnected, and connected again");
    join(&c, &s);
    struct sockaddr none = {AF_UNSPEC};
    SHOW(connect(c, &none, sizeof none));
    look("disconnected", c), look("peer", s);
    SHOW(recv(s, buffer, 1, 0));
    close(s), l = listening(1);
    SHOW(CONNECT(c));
    s = accept(l, NULL, NULL);
    SHOW(send(c, "again", 5, 0));
    SHOW(recv(s, buffer, 10, 0));
    close(c), close(s), close(l);

    puts("-- with itself");
    c = make(0);
    here = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bind(c, (void *)&here, sizeof here), getsockname(c, (void *)&here, &size);
    SHOW(CONNECT(c));
    SHOW(send(c, "echo", 4, 0));
    SHOW(recv(c, buffer, 10, 0));
    SHOW(shutdown(c, SHUT_WR));
    SHOW(recv(c, buffer, 10, 0));
    close(c);

    puts("-- SIGPIPE");
    fflush(stdout);
    join(&c, &s), close(s);
    signal(SIGPIPE, SIG_DFL);
    send(c, "x", 1, 0);
    SHOW(send(c, "x", 1, MSG_NOSIGNAL));
    fflush(stdout);
    send(c, "x", 1, 0);
    puts("not reached");
    return 0;
}
