/* Pseudo-terminals: a pair of ends, and what can be read at one, as text. */
#ifndef TERMINAL_H
#define TERMINAL_H

#include "conform.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

/* Long enough for Linux's worker to bring what was written to the other end. */
static inline void settle(void) { usleep(20000); }

static inline int open_master(void)
{
    int unlocked = 0, master = MUST(open("/dev/ptmx", O_RDWR | O_NOCTTY));
    MUST(ioctl(master, TIOCSPTLCK, &unlocked));
    return master;
}

static inline int open_slave(int master, int flags)
{
    char path[32];
    int number;
    MUST(ioctl(master, TIOCGPTN, &number));
    snprintf(path, sizeof path, "/dev/pts/%d", number);
    return open(path, flags);
}

static inline void show_text(const char *text, long length)
{
    putchar('"');
    for (long i = 0; i < length; i++)
        if (text[i] >= ' ' && text[i] < 127 && text[i] != '\\' && text[i] != '"')
            putchar(text[i]);
        else
            printf("\\x%02x", (unsigned char)text[i]);
    printf("\"");
}

/* One read, without waiting. */
static inline long show_read(const char *what, int fd, size_t size)
{
    char buffer[16384];
    int flags = fcntl(fd, F_GETFL);
    settle();
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    long got = read(fd, buffer, size < sizeof buffer ? size : sizeof buffer);
    int error = errno;
    fcntl(fd, F_SETFL, flags);
    printf("%s: ", what);
    if (got < 0)
        printf("%s", errno_name(error));
    else
        show_text(buffer, got);
    printf("\n");
    return got;
}

/* Reads until nothing is left. */
static inline void show_all(const char *what, int fd)
{
    while (show_read(what, fd, 16384) > 0)
        ;
}

static inline void type(int master, const char *text) { MUST(write(master, text, strlen(text))); settle(); }


static inline void local_flags(int fd, tcflag_t set, tcflag_t clear)
{
    struct termios modes;
    MUST(tcgetattr(fd, &modes));
    modes.c_lflag = (modes.c_lflag & ~clear) | set;
    MUST(tcsetattr(fd, TCSANOW, &modes));
}

static inline void input_flags(int fd, tcflag_t set, tcflag_t clear)
{
    struct termios modes;
    MUST(tcgetattr(fd, &modes));
    modes.c_iflag = (modes.c_iflag & ~clear) | set;
    MUST(tcsetattr(fd, TCSANOW, &modes));
}

static inline void output_flags(int fd, tcflag_t set, tcflag_t clear)
{
    struct termios modes;
    MUST(tcgetattr(fd, &modes));
    modes.c_oflag = (modes.c_oflag & ~clear) | set;
    MUST(tcsetattr(fd, TCSANOW, &modes));
}

static inline void special(int fd, int index, int character)
{
    struct termios modes;
    MUST(tcgetattr(fd, &modes));
    modes.c_cc[index] = character;
    MUST(tcsetattr(fd, TCSANOW, &modes));
}

static inline void show_poll(const char *what, int fd)
{
    struct pollfd one = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM | POLLWRNORM, 0};
    settle();
    poll(&one, 1, 0);
    printf("%s: poll %#x\n", what, one.revents);
}

/* What `fd` is asked with FIONREAD. */
static inline void show_waiting(const char *what, int fd)
{
    int waiting = -1;
    settle();
    int result = ioctl(fd, FIONREAD, &waiting);
    printf("%s: FIONREAD %d, %d\n", what, result, waiting);
}

#endif
