/* epoll: level, edge and one-shot entries of a pipe through its whole life; order of events. */
#include "conform.h"
#include <sys/epoll.h>

static int ep;

static void look(const char *when)
{
    struct epoll_event found[8];
    int n = epoll_wait(ep, found, 8, 0);
    printf("%s: %d:", when, n);
    for (int i = 0; i < n; i++)
        printf(" %llu:%x", (unsigned long long)found[i].data.u64, found[i].events);
    printf("\n");
}

static int add(int fd, unsigned events, unsigned long data)
{
    struct epoll_event event = {events, {.u64 = data}};
    return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
}

static int modify(int fd, unsigned events, unsigned long data)
{
    struct epoll_event event = {events, {.u64 = data}};
    return epoll_ctl(ep, EPOLL_CTL_MOD, fd, &event);
}

int main(void)
{
    int level[2], edge[2], once[2];
    char byte, page[PAGE];
    ep = MUST(epoll_create1(EPOLL_CLOEXEC));
    MUST(pipe(level)), MUST(pipe(edge)), MUST(pipe(once));
    add(level[0], EPOLLIN, 1), add(edge[0], EPOLLIN | EPOLLET, 2), add(once[0], EPOLLIN | EPOLLONESHOT, 3);
    look("nothing");
    write(once[1], "abc", 3), write(level[1], "abc", 3), write(edge[1], "abc", 3);
    look("all"), look("again"), look("and again");
    read(edge[0], &byte, 1);
    look("edge read one");
    write(edge[1], "d", 1);
    look("edge written again");
    write(once[1], "d", 1);
    look("once is disarmed");
    SHOW(modify(once[0], EPOLLIN | EPOLLONESHOT, 33));
    look("armed again"), look("disarmed again");
    SHOW(modify(edge[0], EPOLLIN | EPOLLET, 22));
    look("edge modified");
    read(level[0], page, sizeof page);
    look("level empty");
    close(edge[1]), close(level[1]);
    look("writers gone"), look("still gone");
    SHOW(epoll_ctl(ep, EPOLL_CTL_DEL, level[0], 0));
    look("level deleted");
    close(edge[0]), close(once[0]);
    look("readers closed");
    int out[2];
    MUST(pipe2(out, O_NONBLOCK));
    add(out[1], EPOLLOUT | EPOLLET, 4);
    look("writable"), look("no edge");
    while (write(out[1], page, sizeof page) > 0)
        ;
    look("full");
    read(out[0], page, 1);
    look("a byte read");
    read(out[0], page, sizeof page);
    look("a buffer read");
    int copy = dup(out[1]);
    close(out[1]);
    read(out[0], page, 1);
    close(out[0]);
    look("through the duplicate");
    close(copy);
    look("closed");
    return 0;
}
