/* Descriptors closed while others wait: writers gone, epoll entries gone, a reader wakes to the end. */
#include "conform.h"
#include <pthread.h>
#include <sys/epoll.h>

static int ends[2];

static void *reader(void *unused)
{
    char byte;
    printf("reader: %ld\n", (long)read(ends[0], &byte, 1));
    return NULL;
}

int main(void)
{
    pthread_t thread;
    MUST(pipe(ends));
    pthread_create(&thread, NULL, reader, NULL);
    usleep(20000);
    close(ends[1]);
    pthread_join(thread, NULL);
    int ep = MUST(epoll_create1(0)), pair[2];
    MUST(pipe(pair));
    struct epoll_event event = {EPOLLIN, {.u64 = 1}}, found;
    MUST(epoll_ctl(ep, EPOLL_CTL_ADD, pair[0], &event));
    int copy = dup(pair[0]);
    write(pair[1], "x", 1);
    close(pair[0]);
    SHOW(epoll_wait(ep, &found, 1, 0));
    SHOW(epoll_ctl(ep, EPOLL_CTL_DEL, pair[0], &event));
    SHOW(epoll_ctl(ep, EPOLL_CTL_MOD, copy, &event));
    close(copy);
    SHOW(epoll_wait(ep, &found, 1, 0));
    return 0;
}
