/* epoll on a userfaultfd, several readers, and a descriptor that arrives by a socket. needs: userfaultfd */
#include "uffd.h"
#include <sys/epoll.h>

int main(void)
{
    struct toucher a, b;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7}, got[4];
    uffd = open_uffd(O_NONBLOCK, 0);
    int epoll = MUST(epoll_create1(0));
    MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, uffd, &event));
    map_at(0, 8, RW);
    REGISTER(AT(0), 8 * PAGE, MISSING);
    SHOW(epoll_wait(epoll, got, 4, 0));
    start_touch(&a, AT(0), 0);
    SHOW(epoll_wait(epoll, got, 4, 5000));
    printf("%#x %u\n", got[0].events, got[0].data.u32);
    SHOW(epoll_wait(epoll, got, 4, 0));
    show_message(uffd);
    SHOW(epoll_wait(epoll, got, 4, 0));
    ZEROPAGE(AT(0), PAGE, 0);
    finish_touch(&a);
    event.events = EPOLLIN | EPOLLET;
    MUST(epoll_ctl(epoll, EPOLL_CTL_MOD, uffd, &event));
    start_touch(&a, AT(1), 0);
    SHOW(epoll_wait(epoll, got, 4, 5000));
    SHOW(epoll_wait(epoll, got, 4, 0));
    start_touch(&b, AT(2), 0);
    SHOW(epoll_wait(epoll, got, 4, 5000));
    show_message(uffd);
    show_message(uffd);
    ZEROPAGE(AT(1), 2 * PAGE, 0);
    finish_touch(&a);
    finish_touch(&b);
    fcntl(uffd, F_SETFL, 0);
    struct pollfd waiting = {uffd, POLLIN, 0};
    poll(&waiting, 1, 0);
    printf("made blocking: %#x\n", waiting.revents);
    return 0;
}
