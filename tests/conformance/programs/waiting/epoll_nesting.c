/* epolls in epolls: how deep, built from either end; what wakes the outermost. */
#include "conform.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

int main(void)
{
    int up[9], down[9];
    struct epoll_event event = {EPOLLIN, {.u64 = 0}}, found;
    for (int i = 0; i < 9; i++)
        up[i] = MUST(epoll_create1(0)), down[i] = MUST(epoll_create1(0));
    puts("from the inside");
    for (int i = 1; i < 9; i++)
        SHOW(epoll_ctl(up[i], EPOLL_CTL_ADD, up[i - 1], &event));
    puts("from the outside");
    for (int i = 1; i < 9; i++)
        SHOW(epoll_ctl(down[i - 1], EPOLL_CTL_ADD, down[i], &event));
    int counter = MUST(eventfd(0, 0));
    SHOW(epoll_ctl(up[0], EPOLL_CTL_ADD, counter, &event));
    uint64_t one = 1;
    write(counter, &one, 8);
    for (int i = 0; i < 9; i++)
        printf("%d: %d\n", i, epoll_wait(up[i], &found, 1, 0));
    SHOW(epoll_ctl(up[0], EPOLL_CTL_ADD, up[2], &event));
    SHOW(epoll_ctl(up[0], EPOLL_CTL_ADD, up[0], &event));
    SHOW(epoll_ctl(down[1], EPOLL_CTL_ADD, up[0], &event));
    SHOW(epoll_ctl(up[2], EPOLL_CTL_ADD, down[2], &event));
    return 0;
}
