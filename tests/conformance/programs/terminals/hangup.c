/* One end is closed: what the other end gets then. */
#include "terminal.h"
#include <sys/epoll.h>

static void both(const char *what, int fd)
{
    int value = 0;
    struct termios modes;
    struct winsize size;
    printf("%s\n", what);
    show_poll("  ", fd);
    show_read("  read", fd, 100);
    SHOW(write(fd, "x", 1));
    SHOW(tcgetattr(fd, &modes));
    SHOW(ioctl(fd, TIOCGWINSZ, &size));
    SHOW(ioctl(fd, FIONREAD, &value));
    SHOW(ioctl(fd, TIOCSPGRP, &value));
    SHOW(isatty(fd));
    SHOW(fcntl(fd, F_GETFL) & O_ACCMODE);
}

int main(void)
{
    char text[10];
    int status;
    signal(SIGHUP, SIG_IGN);
    int master = open_master();
    show_poll("master without a slave", master);
    show_read("read", master, 10);
    SHOW(write(master, "early\n", 6));
    int slave = MUST(open_slave(master, O_RDWR | O_NOCTTY));
    show_all("echoed", master);
    show_all("slave", slave);

    MUST(write(slave, "last", 4));
    settle();
    close(slave);
    both("slave closed", master);
    both("slave closed, drained", master);
    slave = MUST(open_slave(master, O_RDWR | O_NOCTTY));
    show_poll("slave opened again", master);
    show_read("read", master, 10);
    show_all("slave", slave);
    int second = dup(slave);
    close(slave);
    show_poll("one of two closed", master);
    slave = second;

    type(master, "line\n");
    close(master);
    both("master closed", slave);
    both("master closed, again", slave);
    close(slave);

    printf("blocked readers\n");
    master = open_master();
    slave = MUST(open_slave(master, O_RDWR | O_NOCTTY));
    fflush(stdout);
    if (!fork()) {
        close(slave);
        usleep(50000);
        _exit(0);
    }
    close(slave);
    SHOW(read(master, text, 10));
    wait(NULL);
    slave = MUST(open_slave(master, O_RDWR | O_NOCTTY));
    fflush(stdout);
    if (!fork()) {
        close(master);
        struct pollfd one = {slave, POLLIN, 0};
        SHOW(poll(&one, 1, 5000));
        printf("revents %#x\n", one.revents);
        fflush(stdout);
        _exit(0);
    }
    usleep(50000);
    close(master);
    wait(&status);
    SHOW(read(slave, text, 10));

    master = open_master();
    slave = MUST(open_slave(master, O_RDWR | O_NOCTTY));
    fflush(stdout);
    if (!fork()) {
        close(master);
        SHOW(read(slave, text, 10));
        fflush(stdout);
        _exit(0);
    }
    usleep(50000);
    close(master);
    wait(&status);
    SHOW(read(slave, text, 10));
    close(slave);

    master = open_master();
    slave = MUST(open_slave(master, O_RDWR | O_NOCTTY));
    int polled = MUST(epoll_create1(0));
    struct epoll_event event = {EPOLLIN | EPOLLHUP, {.u32 = 1}};
    MUST(epoll_ctl(polled, EPOLL_CTL_ADD, master, &event));
    SHOW(epoll_wait(polled, &event, 1, 0));
    MUST(write(slave, "x", 1));
    SHOW(epoll_wait(polled, &event, 1, 1000));
    printf("events %#x\n", event.events);
    show_read("read", master, 10);
    SHOW(epoll_wait(polled, &event, 1, 0));
    close(slave);
    SHOW(epoll_wait(polled, &event, 1, 1000));
    printf("events %#x\n", event.events);
    return 0;
}
