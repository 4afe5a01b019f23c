/* EPOLLEXCLUSIVE: an event wakes one of several epolls, the end of a pipe all of them; signals to threads' numbers. */
#include "conform.h"
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/wait.h>

static int ends[2], woken[2];

static void waiter(int flags)
{
    if (!MUST(fork())) {
        struct epoll_event event = {.events = EPOLLIN | flags};
        int epoll = MUST(epoll_create1(0));
        close(ends[1]);
        MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event));
        char c = epoll_wait(epoll, &event, 1, 20000) == 1 && event.events == EPOLLIN ? 'i' : 'h';
        MUST(write(woken[1], &c, 1));
        _exit(0);
    }
}

static void show(const char *what)
{
    char texts[16] = {0};
    usleep(200000);
    int count = read(woken[0], texts, 16);
    printf("%s: %d %s\n", what, count < 0 ? 0 : count, texts);
    fflush(stdout);
}

static void *sleeper(void *number)
{
    *(int *)number = gettid();
    pause();
    return NULL;
}

int main(void)
{
    int kinds[] = {EPOLLEXCLUSIVE, EPOLLEXCLUSIVE | EPOLLET, 0};
    static volatile int number;
    char c;
    MUST(pipe2(woken, O_NONBLOCK));
    for (int i = 0; i < 3; i++) {
        MUST(pipe(ends));
        for (int j = 0; j < 3; j++)
            waiter(kinds[i]);
        usleep(200000);
        MUST(write(ends[1], "a", 1)), show("one write"), MUST(read(ends[0], &c, 1));
        MUST(write(ends[1], "a", 1)), show("another"), MUST(read(ends[0], &c, 1)), close(ends[1]), show("the end");
        while (wait(NULL) > 0)
            ;
        close(ends[0]);
    }
    pthread_t thread;
    siginfo_t info = {.si_code = SI_QUEUE, .si_signo = SIGUSR1};
    pthread_create(&thread, NULL, sleeper, (void *)&number);
    while (!number)
        usleep(1000);
    signal(SIGUSR1, SIG_IGN);
    SHOW(kill(number, 0)), SHOW(kill(number, SIGUSR1)), SHOW(syscall(SYS_rt_sigqueueinfo, number, SIGUSR1, &info)), SHOW(kill(-number, 0));
    return 0;
}
