/* What a program writes, as the other end gets it. */
#include "terminal.h"
#include <sys/uio.h>

static int master, slave;

static void out(const char *what, const char *text)
{
    long done = write(slave, text, strlen(text));
    printf("%s: wrote %ld, ", what, done);
    show_read("got", master, 4096);
}

int main(void)
{
    master = open_master();
    slave = MUST(open_slave(master, O_RDWR | O_NOCTTY));
    out("default", "a\nb\tc\rd\x08\x01\x7f\xff\n");
    output_flags(slave, 0, ONLCR);
    out("without ONLCR", "a\nb\n");
    output_flags(slave, OCRNL, 0);
    out("OCRNL", "a\rb\n");
    output_flags(slave, ONOCR, OCRNL);
    out("ONOCR", "\r\rab\rc\r\n");
    output_flags(slave, ONLRET, ONOCR);
    out("ONLRET", "ab\nc\r\n");
    output_flags(slave, OLCUC | ONLCR, ONLRET);
    out("OLCUC", "abc\xe4\n");
    output_flags(slave, XTABS, OLCUC);
    out("XTABS", "\ta\tabcdefg\tabcdefgh\t\x08\t\n\t.\n");
    output_flags(slave, ONOCR, 0);
    out("column", "abc\x08\x08\x08\r\n");
    output_flags(slave, 0, OPOST | XTABS);
    out("without OPOST", "a\nb\tc\n");
    struct iovec parts[2] = {{"one", 3}, {"two", 3}};
    SHOW(writev(slave, parts, 2));
    show_all("got", master);
    SHOW(write(slave, "", 0));
    SHOW(write(slave, (char *)8, 5));
    SHOW(write(master, (char *)8, 5));
    SHOW(read(master, (char *)8, 0));
    show_poll("master, empty", master);
    MUST(write(slave, "x", 1));
    show_poll("master, a byte", master);
    show_waiting("master", master);
    show_read("one", master, 1);
    output_flags(slave, OPOST | ONLCR, 0);
    tcflow(slave, TCOOFF);
    show_poll("slave, stopped", slave);
    fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
    SHOW(write(slave, "later\n", 6));
    tcflow(slave, TCOON);
    SHOW(write(slave, "later\n", 6));
    show_all("got", master);
    type(master, "\x13");
    SHOW(write(slave, "held", 4));
    show_poll("slave, after ^S", slave);
    type(master, "\x11");
    SHOW(write(slave, "freed", 5));
    show_all("got", master);
    tcflow(slave, TCIOFF);
    show_all("TCIOFF", master);
    tcflow(slave, TCION);
    show_all("TCION", master);
    return 0;
}
