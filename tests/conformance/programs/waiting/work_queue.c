/* Two workers behind an epoll, woken by eventfds; one-shot entries are armed again by who handled them. */
#include "conform.h"
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { JOBS = 20 };
static int ep, done;
static long results[JOBS];

static void *worker(void *unused)
{
    struct epoll_event event;
    for (;;) {
        if (epoll_wait(ep, &event, 1, -1) != 1)
            continue;
        int job = event.data.u64 >> 32, fd = (int)event.data.u64;
        uint64_t value;
        read(fd, &value, 8);
        if (job == JOBS)
            return NULL;
        results[job] = value * value;
        uint64_t one = 1;
        write(done, &one, 8);
    }
}

int main(void)
{
    pthread_t threads[2];
    int fds[JOBS + 2];
    ep = MUST(epoll_create1(0)), done = MUST(eventfd(0, EFD_SEMAPHORE));
    for (int i = 0; i < JOBS + 2; i++) {
        fds[i] = MUST(eventfd(0, 0));
        struct epoll_event event = {EPOLLIN | EPOLLONESHOT, {.u64 = (uint64_t)(i < JOBS ? i : JOBS) << 32 | fds[i]}};
        MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &event));
    }
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, worker, NULL);
    uint64_t value;
    for (int i = 0; i < JOBS; i++) {
        value = i + 1;
        write(fds[i], &value, 8);
    }
    for (int i = 0; i < JOBS; i++)
        read(done, &value, 8);
    value = 1;
    write(fds[JOBS], &value, 8), write(fds[JOBS + 1], &value, 8);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    long sum = 0;
    for (int i = 0; i < JOBS; i++)
        sum += results[i];
    printf("%ld\n", sum);
    return 0;
}
