/* Calls that SIGSTOP interrupts: what SIGCONT, without and with a handler, with and without SA_RESTART, makes of them.
 * The child is in the call; its parent stops it, continues it, and then gives it what it waits for, if it still does. */
#include "conform.h"
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
static volatile int *word; /* shared: [0] futex, [1] the call is about to begin, [2] it has ended */
static int fds[2];
static volatile int calls;
static void on(int s) { calls++; }
static const char *names[] = {"read", "futex", "futex with timeout", "poll", "epoll_wait", "nanosleep", "sigtimedwait",
                              "sigsuspend", "pause", "waitpid"};
static long kind(int which)
{
    char c = 0;
    struct timespec moment = {0, 200000000}, minute = {60, 0};
    struct pollfd poll_in = {fds[0], POLLIN, 0};
    struct epoll_event event = {.events = EPOLLIN};
    sigset_t usr1, none;
    sigemptyset(&none);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    switch (which) {
    case 0: return read(fds[0], &c, 1);
    case 1: return syscall(SYS_futex, word, FUTEX_WAIT, 0, 0, 0, 0);
    case 2: return syscall(SYS_futex, word, FUTEX_WAIT, 0, &minute, 0, 0);
    case 3: return poll(&poll_in, 1, 60000);
    case 4: {
        int epoll = epoll_create1(0);
        epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &event);
        word[1] = 1;
        return epoll_wait(epoll, &event, 1, 60000);
    }
    case 5: return nanosleep(&moment, 0);
    case 6: return sigtimedwait(&usr1, 0, &minute) == SIGUSR1 ? 0 : -1;
    case 7: return sigsuspend(&none);
    case 8: return pause();
    }
    if (!fork()) {
        char d;
        close(fds[1]);
        read(fds[0], &d, 1);
        _exit(0);
    }
    word[1] = 1;
    return waitpid(-1, 0, 0) > 0 ? 0 : -1;
}
static void one(int which, int handler, int flags)
{
    int st;
    pipe(fds);
    word[0] = word[1] = word[2] = 0;
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        sigset_t usr1;
        struct sigaction sa = {.sa_handler = on, .sa_flags = flags};
        if (handler) sigaction(SIGCONT, &sa, 0);
        sa.sa_flags = 0;
        sigaction(SIGUSR1, &sa, 0);
        sigemptyset(&usr1);
        sigaddset(&usr1, SIGUSR1);
        if (which == 6) sigprocmask(SIG_BLOCK, &usr1, 0);
        word[1] = which != 4 && which != 9;
        errno = 0;
        long result = kind(which);
        printf("%s: %s%ld %s, handlers %d\n", names[which], handler ? flags ? "SA_RESTART " : "handler " : "", result,
               result < 0 ? errno == EINTR ? "EINTR" : strerror(errno) : "", calls);
        fflush(stdout);
        word[2] = 1;
        _exit(0);
    }
    while (!word[1]) usleep(1000);
    usleep(20000);
    kill(child, SIGSTOP);
    waitpid(child, &st, WUNTRACED);
    kill(child, SIGCONT);
    usleep(20000);
    if (!word[2]) { /* it waits still */
        write(fds[1], "x", 1);
        *word = 1;
        syscall(SYS_futex, word, FUTEX_WAKE, 1, 0, 0, 0);
        if (which >= 6 && which <= 8) kill(child, SIGUSR1);
    }
    waitpid(child, &st, 0);
    close(fds[0]);
    close(fds[1]);
}
int main(void)
{
    word = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int which = 0; which < 10; which++) {
        one(which, 0, 0);
        one(which, 1, 0);
        one(which, 1, SA_RESTART);
    }
    return 0;
}
