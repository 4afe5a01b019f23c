/* epoll's errors: descriptors, operations, flags, sizes, nesting. */
#include "conform.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

int main(void)
{
    struct epoll_event event = {EPOLLIN, {.u64 = 1}}, found[4];
    int ends[2];
    MUST(pipe(ends));
    int ep = MUST(epoll_create1(0)), inner = MUST(epoll_create(1));
    SHOW(epoll_create(0));
    SHOW(epoll_create1(1));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], &event));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], &event));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, 99, &event));
    SHOW(epoll_ctl(99, EPOLL_CTL_ADD, ends[0], &event));
    SHOW(epoll_ctl(ends[0], EPOLL_CTL_ADD, ends[1], &event));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, ep, &event));
    SHOW(epoll_ctl(ep, EPOLL_CTL_MOD, ends[1], &event));
    SHOW(epoll_ctl(ep, EPOLL_CTL_DEL, ends[1], &event));
    SHOW(epoll_ctl(ep, 7, ends[0], &event));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, ends[1], (void *)8));
    SHOW(epoll_ctl(ep, EPOLL_CTL_DEL, ends[0], (void *)8));
    SHOW(epoll_wait(ep, found, 0, 0));
    SHOW(epoll_wait(ep, found, -1, 0));
    SHOW(epoll_wait(ep, found, 4, 0));
    SHOW(epoll_wait(ends[0], found, 4, 0));
    SHOW(epoll_wait(99, found, 4, 0));
    SHOW(epoll_wait(ep, (void *)-4096, 4, 0));
    SHOW(epoll_wait(ep, found, 4, 1));
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, inner, &event));
    SHOW(epoll_ctl(inner, EPOLL_CTL_ADD, ep, &event));
    int counter = MUST(eventfd(1, 0));
    event.data.u64 = 5;
    SHOW(epoll_ctl(inner, EPOLL_CTL_ADD, counter, &event));
    SHOW(epoll_wait(ep, found, 4, 0));
    printf("%x %llu\n", found[0].events, (unsigned long long)found[0].data.u64);
    SHOW(epoll_wait(inner, found, 4, 0));
    event.events = EPOLLIN | EPOLLEXCLUSIVE;
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], &event));
    SHOW(epoll_ctl(ep, EPOLL_CTL_MOD, ends[0], &event));
    event.events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT;
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, ends[1], &event));
    SHOW(read(ep, found, 8));
    SHOW(lseek(ep, 0, SEEK_SET));
    SHOW(syscall(SYS_epoll_pwait, ep, found, 4, 0, &event, 4));
    struct timespec bad = {0, -1};
    SHOW(syscall(SYS_epoll_pwait2, ep, found, 4, &bad, 0, 8));
    return 0;
}
