/* Packet mode of the master: a byte of status before what is read. */
#include "terminal.h"

int main(void)
{
    int on = 1, off = 0, now = 7;
    int master = open_master(), slave = MUST(open_slave(master, O_RDWR | O_NOCTTY));
    SHOW(ioctl(master, TIOCGPKT, &now));
    printf("%d\n", now);
    SHOW(ioctl(slave, TIOCPKT, &on));
    SHOW(ioctl(master, TIOCPKT, &on));
    SHOW(ioctl(master, TIOCGPKT, &now));
    printf("%d\n", now);
    MUST(write(slave, "data", 4));
    show_poll("data", master);
    show_read("data", master, 100);
    MUST(write(slave, "data", 4));
    show_read("one byte", master, 1);
    show_read("three bytes", master, 3);
    show_read("the rest", master, 100);
    show_read("nothing", master, 100);
    tcflush(slave, TCIFLUSH);
    show_poll("flushed", master);
    show_read("input flushed", master, 100);
    tcflush(slave, TCOFLUSH);
    show_read("output flushed", master, 100);
    tcflush(slave, TCIOFLUSH);
    show_read("both flushed", master, 100);
    tcflow(slave, TCOOFF);
    show_read("stopped", master, 100);
    tcflow(slave, TCOON);
    show_read("started", master, 100);
    tcflow(slave, TCOOFF);
    tcflow(slave, TCOON);
    show_read("stopped and started", master, 100);
    input_flags(slave, 0, IXON);
    show_read("without IXON", master, 100);
    input_flags(slave, IXON, 0);
    show_read("with IXON", master, 100);
    local_flags(slave, EXTPROC, 0);
    show_read("EXTPROC", master, 100);
    type(master, "ab\x7f" "c\n");
    show_all("echoed", master);
    show_all("read", slave);
    local_flags(slave, 0, EXTPROC);
    show_read("without EXTPROC", master, 100);
    MUST(write(slave, "data", 4));
    local_flags(slave, 0, ECHO);
    tcflush(slave, TCIFLUSH);
    show_read("status before data", master, 100);
    show_read("data", master, 100);
    SHOW(ioctl(master, TIOCPKT, &off));
    MUST(write(slave, "data", 4));
    show_read("off", master, 100);
    close(slave);
    show_read("closed", master, 100);
    return 0;
}
