/* Timeouts of poll, select, epoll: they pass, and no call returns early. */
#include "conform.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>

static struct timespec begun;

static void start(void) { clock_gettime(CLOCK_MONOTONIC, &begun); }

static void passed(const char *what, int result, long least)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long ns = (now.tv_sec - begun.tv_sec) * 1000000000 + now.tv_nsec - begun.tv_nsec;
    printf("%s: %d, %s\n", what, result, ns >= least ? "late enough" : "early");
}

int main(void)
{
    int ends[2], ep = MUST(epoll_create1(0));
    MUST(pipe(ends));
    struct pollfd entry = {ends[0], POLLIN, 0};
    struct epoll_event event = {EPOLLIN, {.fd = 0}};
    MUST(epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], &event));
    fd_set set;
    start(), passed("poll", poll(&entry, 1, 15), 15000000);
    start(), passed("ppoll", ppoll(&entry, 1, &(struct timespec){0, 3000000}, 0), 3000000);
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    start(), passed("select", select(ends[0] + 1, &set, 0, 0, &(struct timeval){0, 4000}), 4000000);
    printf("set is %s\n", FD_ISSET(ends[0], &set) ? "kept" : "cleared");
    start(), passed("epoll_wait", epoll_wait(ep, &event, 1, 5), 5000000);
    start(), passed("epoll_pwait2", syscall(SYS_epoll_pwait2, ep, &event, 1, &(struct timespec){0, 2500000}, 0, 8), 2500000);
    start(), passed("no time", poll(&entry, 1, 0), 0);
    write(ends[1], "x", 1);
    start(), passed("ready", poll(&entry, 1, 100000), 0);
    return 0;
}
