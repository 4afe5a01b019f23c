/* Signal-driven I/O: owners of files, O_ASYNC on pipes and sockets, F_SETSIG's details. */
#include "conform.h"
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

static int seen, code, band, fd_seen;

static void handler(int signo, siginfo_t *info, void *context)
{
    seen = signo, code = info->si_code, band = info->si_band, fd_seen = info->si_fd;
}

static void show(const char *what, int fd)
{
    printf("%s: ", what);
    if (seen && code > 0 && code < 0x80)
        printf("signal %d code %d band %#x %s\n", seen, code, band, fd_seen == fd ? "fd" : "other fd");
    else
        printf(seen ? "signal %d code %d\n" : "none\n", seen, code);
    seen = code = 0;
}

int main(void)
{
    int memory = MUST(memfd_create("a", 0)), ends[2], s[2], event = MUST(eventfd(0, 0)), status;
    struct f_owner_ex owner = {9, 9};
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    char c;
    MUST(pipe(ends)), MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, s)), setpgid(0, 0);
    sigaction(SIGIO, &action, NULL), sigaction(SIGRTMIN, &action, NULL), sigaction(SIGUSR1, &action, NULL), sigaction(SIGCHLD, &action, NULL);
    SHOW(fcntl(memory, F_GETOWN)), SHOW(fcntl(memory, F_GETSIG)), SHOW(fcntl(memory, F_GETOWN_EX, &owner)), SHOW(owner.type), SHOW(owner.pid);
    SHOW(fcntl(memory, F_SETOWN, getpid())), SHOW(fcntl(memory, F_GETOWN) == getpid()), SHOW(fcntl(memory, F_SETSIG, 64));
    SHOW(fcntl(memory, F_GETSIG)), SHOW(fcntl(memory, F_SETSIG, 65)), SHOW(fcntl(memory, F_SETSIG, -1));
    SHOW(fcntl(memory, F_GETOWN_EX, &owner)), SHOW(owner.type), SHOW(owner.pid == getpid());
    owner.type = 5, SHOW(fcntl(memory, F_SETOWN_EX, &owner)), owner.type = F_OWNER_TID, owner.pid = 99999999, SHOW(fcntl(memory, F_SETOWN_EX, &owner));
    owner.pid = -5, SHOW(fcntl(memory, F_SETOWN_EX, &owner)), SHOW(fcntl(memory, F_SETOWN_EX, 8));
    SHOW(fcntl(memory, F_SETOWN, 99999999)), SHOW(fcntl(memory, F_SETOWN, -99999999)), SHOW(fcntl(memory, F_SETOWN, 1 << 31));
    SHOW(fcntl(memory, F_SETOWN, -getpgrp())), SHOW(fcntl(memory, F_GETOWN) == -getpgrp());
    SHOW(fcntl(memory, F_GETOWN_EX, &owner)), SHOW(owner.type), SHOW(owner.pid == getpgrp());
    owner.type = F_OWNER_TID, owner.pid = gettid(), SHOW(fcntl(memory, F_SETOWN_EX, &owner)), SHOW(fcntl(memory, F_GETOWN) == gettid());
    SHOW(fcntl(memory, F_SETOWN, 0)), SHOW(fcntl(memory, F_GETOWN)), SHOW(fcntl(memory, F_SETFL, O_ASYNC)), SHOW(fcntl(memory, F_GETFL) & O_ASYNC);
    SHOW(fcntl(event, F_SETFL, O_ASYNC)), SHOW(fcntl(event, F_GETFL) & O_ASYNC);
    SHOW(fcntl(memory, 1027, memory)), SHOW(fcntl(memory, 1027, dup(memory))), SHOW(fcntl(memory, 1027, event)), SHOW(fcntl(memory, 1027, 99));

    MUST(fcntl(ends[0], F_SETFL, O_ASYNC)), MUST(write(ends[1], "a", 1)), show("no owner", ends[0]);
    MUST(fcntl(ends[0], F_SETOWN, getpid())), MUST(write(ends[1], "a", 1)), show("a write", ends[0]);
    MUST(fcntl(ends[0], F_SETSIG, SIGRTMIN)), MUST(write(ends[1], "a", 1)), show("a write", ends[0]);
    int copy = dup(ends[0]);
    MUST(fcntl(copy, F_SETSIG, SIGUSR1)), MUST(write(ends[1], "a", 1)), show("a write", ends[0]);
    MUST(fcntl(copy, F_SETSIG, SIGCHLD)), MUST(write(ends[1], "a", 1)), show("a write", ends[0]);
    signal(SIGCHLD, SIG_DFL), MUST(fcntl(copy, F_SETSIG, SIGIO)), MUST(write(ends[1], "a", 1)), show("a write", ends[0]);
    MUST(fcntl(copy, F_SETFL, 0)), MUST(write(ends[1], "a", 1)), show("off", ends[0]);
    MUST(fcntl(copy, F_SETFL, O_ASYNC)), MUST(write(ends[1], "a", 1)), show("a write", copy), SHOW(fcntl(copy, F_GETFL));
    close(copy), MUST(write(ends[1], "a", 1)), show("still", copy);
    if (!MUST(fork())) {
        MUST(write(ends[1], "b", 1));
        _exit(seen != 0);
    }
    MUST(wait(&status)), SHOW(WEXITSTATUS(status)), show("a child's write", copy);
    close(ends[1]), show("closed", copy);
    MUST(fcntl(s[0], F_SETFL, O_ASYNC)), MUST(fcntl(s[0], F_SETOWN, -getpgrp())), MUST(fcntl(s[0], F_SETSIG, SIGRTMIN));
    MUST(write(s[1], "a", 1)), show("a socket", s[0]);
    close(s[1]), seen = 0, close(s[0]);
    MUST(pipe(ends)), MUST(fcntl(ends[0], F_SETFL, O_ASYNC));
    int child = MUST(fork());
    if (!child) {
        signal(SIGIO, SIG_DFL), MUST(fcntl(ends[0], F_SETOWN, getpid())), MUST(write(ends[1], "a", 1));
        _exit(3);
    }
    MUST(waitpid(child, &status, 0)), SHOW(WIFSIGNALED(status)), SHOW(WTERMSIG(status));
    SHOW(fcntl(ends[0], F_GETOWN)), MUST(write(ends[1], "a", 1)), show("dead owner", 0);
    return 0;
}
