/* Edge-triggered epoll on sockets and eventfds: what is an edge. */
#include "conform.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

static int ep;

static void look(const char *when)
{
    struct epoll_event found[8];
    int n = epoll_wait(ep, found, 8, 0);
    printf("%s: %d:", when, n);
    for (int i = 0; i < n; i++)
        printf(" %d:%x", found[i].data.fd, found[i].events);
    printf("\n");
}

static void add(int fd, unsigned events)
{
    struct epoll_event event = {events, {.fd = fd}};
    MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
}

int main(void)
{
    int s[2], counter = MUST(eventfd(0, EFD_NONBLOCK));
    char buffer[100];
    uint64_t value = 1;
    ep = MUST(epoll_create1(0));
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
    add(s[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET), add(counter, EPOLLIN | EPOLLOUT | EPOLLET);
    look("start"), look("no edge");
    write(s[1], "ab", 2), look("data");
    write(s[1], "cd", 2), look("more data");
    read(s[0], buffer, 1), look("partly read");
    read(s[0], buffer, 100), look("all read");
    write(s[0], "x", 1), look("sent"), read(s[1], buffer, 1), look("received there");
    write(counter, &value, 8), look("counted"), write(counter, &value, 8), look("again");
    read(counter, &value, 8), look("taken"), read(counter, &value, 8), look("nothing taken");
    shutdown(s[1], SHUT_WR), look("shut down"), close(s[1]), look("closed"), look("still closed");
    struct epoll_event event = {EPOLLIN | EPOLLET, {.fd = s[0]}};
    epoll_ctl(ep, EPOLL_CTL_MOD, s[0], &event), look("modified");
    return 0;
}
