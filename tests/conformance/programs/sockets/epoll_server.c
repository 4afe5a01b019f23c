/* A server of one thread with edge-triggered epoll over TCP, AF_UNIX and UDP, and clients in processes of their own. */
#include "conform.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { CLIENTS = 6, ROUNDS = 8, LARGE = 200000 };
static struct sockaddr_in tcp_name, udp_name;
static struct sockaddr_un unix_name = {AF_UNIX, "server"};

static int bound(int family, int type, void *name, socklen_t size)
{
    int fd = MUST(socket(family, type | SOCK_NONBLOCK, 0));
    MUST(bind(fd, name, size));
    if (family == AF_INET)
        MUST(getsockname(fd, name, &size));
    return fd;
}

struct connection { char *out; long size, sent; int open; };
static struct connection connections[64];

/* Send what is left; close when the peer has ended and all is sent. */
static int flush(int fd)
{
    struct connection *c = connections + fd;
    while (c->sent < c->size) {
        long n = send(fd, c->out + c->sent, c->size - c->sent, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        c->sent += n;
    }
    c->size = c->sent = 0;
    return c->open ? 0 : -1;
}

static long echo(int fd)
{
    struct connection *c = connections + fd;
    long total = 0, n;
    for (;;) {
        c->out = realloc(c->out, c->size + 65536);
        n = recv(fd, c->out + c->size, 65536, 0);
        if (n > 0)
            c->size += n, total += n;
        else
            break;
    }
    if (n == 0)
        c->open = 0;
    return total;
}

static int client(int number);

static void serve(void)
{
    int epoll = MUST(epoll_create1(0)), listeners[3], accepted = 0, closed = 0, datagrams = 0;
    long bytes = 0;
    tcp_name = udp_name = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    listeners[0] = bound(AF_INET, SOCK_STREAM, &tcp_name, sizeof tcp_name);
    listeners[1] = bound(AF_UNIX, SOCK_STREAM, &unix_name, sizeof unix_name);
    listeners[2] = bound(AF_INET, SOCK_DGRAM, &udp_name, sizeof udp_name);
    for (int i = 0; i < 3; i++) {
        if (i < 2)
            MUST(listen(listeners[i], 1));
        MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, listeners[i], &(struct epoll_event){EPOLLIN | EPOLLET, {.fd = listeners[i]}}));
    }
    for (int i = 0; i < CLIENTS; i++) {
        fflush(stdout);
        if (fork() == 0) {
            close(epoll);
            for (int j = 0; j < 3; j++)
                close(listeners[j]);
            client(i);
        }
    }
    while (closed < CLIENTS) {
        struct epoll_event events[8];
        int count = MUST(epoll_wait(epoll, events, 8, 10000));
        if (count == 0) {
            puts("nothing for ten seconds");
            exit(1);
        }
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listeners[2]) {
                char text[64];
                struct sockaddr_in from;
                socklen_t size = sizeof from;
                long n;
                while ((n = recvfrom(fd, text, sizeof text, 0, (void *)&from, &size)) >= 0) {
                    datagrams++;
                    sendto(fd, text, n, 0, (void *)&from, size);
                }
            } else if (fd == listeners[0] || fd == listeners[1]) {
                int new;
                while ((new = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    accepted++;
                    connections[new] = (struct connection){.open = 1};
                    epoll_ctl(epoll, EPOLL_CTL_ADD, new, &(struct epoll_event){EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.fd = new}});
                }
            } else {
                bytes += echo(fd);
                if (flush(fd) < 0)
                    close(fd), closed++;
            }
        }
    }
    int status, good = 0;
    for (int i = 0; i < CLIENTS; i++) {
        MUST(wait(&status));
        good += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    printf("accepted %d, bytes %ld, datagrams %d, content clients %d\n", accepted, bytes, datagrams, good);
}

static int client(int number)
{
    static char out[LARGE], in[LARGE];
    int type = number % 2, fd = socket(type ? AF_UNIX : AF_INET, SOCK_STREAM | (number % 3 ? 0 : SOCK_NONBLOCK), 0);
    int result = type ? connect(fd, (void *)&unix_name, sizeof unix_name) : connect(fd, (void *)&tcp_name, sizeof tcp_name);
    while (result < 0 && errno == EAGAIN) {
        usleep(100);
        result = connect(fd, (void *)&unix_name, sizeof unix_name);
    }
    if (result < 0 && errno == EINPROGRESS) {
        struct pollfd entry = {fd, POLLOUT};
        int error = 1;
        socklen_t size = sizeof error;
        poll(&entry, 1, -1), getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
        result = -error;
    }
    if (result)
        _exit(1);
    for (int i = 0; i < LARGE; i++)
        out[i] = i * (number + 3) + i / 256;
    for (int round = 0; round < ROUNDS; round++) {
        long size = round == ROUNDS - 1 ? LARGE : 1 + 100 * round, sent = 0, got = 0;
        while (got < size) {
            fd_set reading, writing;
            FD_ZERO(&reading);
            FD_ZERO(&writing);
            FD_SET(fd, &reading);
            if (sent < size)
                FD_SET(fd, &writing);
            if (select(fd + 1, &reading, &writing, NULL, NULL) < 0)
                _exit(2);
            if (FD_ISSET(fd, &writing)) {
                long n = send(fd, out + sent, size - sent, MSG_DONTWAIT);
                sent += n > 0 ? n : 0;
            }
            if (FD_ISSET(fd, &reading)) {
                long n = recv(fd, in + got, size - got, MSG_DONTWAIT);
                if (n == 0)
                    _exit(3);
                got += n > 0 ? n : 0;
            }
        }
        if (memcmp(in, out, size))
            _exit(4);
    }
    int u = socket(AF_INET, SOCK_DGRAM, 0);
    connect(u, (void *)&udp_name, sizeof udp_name);
    for (int i = 0; i < 4; i++)
        if (send(u, out, 10 + i, 0) != 10 + i || recv(u, in, LARGE, 0) != 10 + i)
            _exit(5);
    shutdown(fd, SHUT_WR);
    fcntl(fd, F_SETFL, 0);
    _exit(recv(fd, in, 1, 0) != 0);
}

int main(void)
{
    serve();
    return 0;
}
