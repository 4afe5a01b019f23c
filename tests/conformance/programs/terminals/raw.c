/* Without canonical mode: MIN and TIME, poll, echo, and changing over with bytes waiting. */
#include "terminal.h"

static int master, slave;

static void show_blocking_read(const char *what, size_t size)
{
    char buffer[100];
    long got = read(slave, buffer, size);
    printf("%s: ", what);
    if (got < 0)
        printf("%s", errno_name(errno));
    else
        show_text(buffer, got);
    printf("\n");
}

static void late(const char *first, const char *second)
{
    if (fork())
        return;
    usleep(50000);
    if (write(master, first, strlen(first)) < 0)
        _exit(1);
    usleep(50000);
    if (second && write(master, second, strlen(second)) < 0)
        _exit(1);
    _exit(0);
}

int main(void)
{
    struct termios modes;
    master = open_master();
    slave = MUST(open_slave(master, O_RDWR | O_NOCTTY));
    MUST(tcgetattr(slave, &modes));
    cfmakeraw(&modes);
    MUST(tcsetattr(slave, TCSANOW, &modes));
    type(master, "a\x03\x04\r\n\x7f");
    show_read("not echoed", master, 100);
    show_waiting("slave", slave);
    show_all("raw", slave);
    show_poll("empty slave", slave);
    show_poll("empty master", master);

    special(slave, VMIN, 4);
    type(master, "ab");
    show_poll("two of four", slave);
    late("cd", NULL);
    show_blocking_read("four", 100);
    wait(NULL);
    late("ab", "cdef");
    show_blocking_read("six", 100);
    wait(NULL);
    late("ab", NULL);
    show_blocking_read("less room than MIN", 2);
    wait(NULL);
    type(master, "ab");
    show_read("nonblocking, less than MIN", slave, 100);

    special(slave, VTIME, 1);
    late("ab", NULL);
    show_blocking_read("between bytes", 100);
    wait(NULL);
    special(slave, VMIN, 0);
    show_poll("TIME alone", slave);
    show_blocking_read("nothing in time", 100);
    late("q", NULL);
    show_blocking_read("in time", 100);
    wait(NULL);
    special(slave, VTIME, 0);
    show_blocking_read("no waiting", 100);
    show_poll("MIN 0", slave);
    type(master, "xyz");
    show_blocking_read("no waiting", 2);
    show_blocking_read("no waiting", 2);

    special(slave, VMIN, 1);
    local_flags(slave, ECHO, 0);
    type(master, "a\x03\t\n");
    show_read("echoed raw", master, 100);
    show_all("read", slave);
    local_flags(slave, ECHOCTL, 0);
    type(master, "a\x03\t\n");
    show_read("echoed with ECHOCTL", master, 100);
    show_all("read", slave);

    local_flags(slave, 0, ECHO);
    type(master, "one\ntwo");
    local_flags(slave, ICANON, 0);
    show_waiting("slave, now canonical", slave);
    show_read("now canonical", slave, 100);
    show_read("now canonical", slave, 100);
    type(master, "three\nfour");
    show_read("now canonical", slave, 100);
    local_flags(slave, 0, ICANON);
    show_all("raw again", slave);
    local_flags(slave, ICANON, 0);
    type(master, "part");
    local_flags(slave, 0, ICANON);
    show_all("a part of a line", slave);
    local_flags(slave, ICANON, 0);
    type(master, "gone\n");
    MUST(tcflush(slave, TCIFLUSH));
    show_all("flushed", slave);
    type(master, "gone\n");
    MUST(tcgetattr(slave, &modes));
    MUST(tcsetattr(slave, TCSAFLUSH, &modes));
    show_all("flushed by TCSAFLUSH", slave);
    MUST(write(slave, "out", 3));
    MUST(tcflush(slave, TCOFLUSH));
    settle();
    MUST(tcflush(master, TCIFLUSH));
    show_all("flushed at the master", master);
    return 0;
}
