/* Lines in canonical mode: erasing, killing, ends of file, what is echoed. */
#include "terminal.h"

static int master, slave;

static void line(const char *what, const char *text)
{
    char label[64];
    type(master, text);
    snprintf(label, sizeof label, "%s, echoed", what);
    show_read(label, master, 4096);
    show_waiting("  slave", slave);
    snprintf(label, sizeof label, "%s, read", what);
    show_all(label, slave);
}

int main(void)
{
    master = open_master();
    slave = MUST(open_slave(master, O_RDWR | O_NOCTTY));
    line("line", "hello\n");
    line("carriage return", "hello\r");
    line("two lines", "one\ntwo\n");
    line("part", "par");
    line("rest", "t\n");
    line("erase", "abc\x7f\x7fxy\n");
    line("erase at the start", "\x7f\x7fz\n");
    line("erase a control character", "a\x01\x02\x7f" "b\n");
    line("erase a tab", "ab\tc\x7f\x7f" "d\n");
    line("erase a tab behind a control character", "\x01\t\x7f" "d\n");
    line("erase a second tab", "a\tb\t\x7f" "d\n");
    line("word erase", "one two.three  \x17" "x\n");
    line("word erase twice", "one two\x17\x17x\n");
    line("kill", "wrong\x15right\n");
    line("literal next", "a\x16\x03" "b\n");
    line("literal newline", "a\x16\n" "b\n");
    line("reprint", "abc\x12" "d\n");
    line("control characters", "\x01\x02\x1b[A\n");
    line("end of file", "\x04");
    line("end of file in a line", "abc\x04");
    line("end of file, then more", "abc\x04" "def\n");
    line("two ends", "\x04\x04");
    line("NUL", "");
    MUST(write(master, "a\0b\n", 4));
    settle();
    show_read("NUL, echoed", master, 100);
    show_all("NUL, read", slave);

    type(master, "abcdef\n");
    show_read("echoed", master, 100);
    show_read("two of a line", slave, 2);
    show_read("the rest", slave, 100);
    type(master, "abc\x04" "def\n");
    show_read("echoed", master, 100);
    show_read("all before an end of file", slave, 3);
    show_read("then", slave, 100);
    show_read("then", slave, 100);
    type(master, "abc\n");
    show_read("echoed", master, 100);
    show_read("all before a newline", slave, 3);
    show_read("then", slave, 100);
    show_read("then", slave, 100);

    local_flags(slave, 0, ECHOE);
    line("without ECHOE", "abc\x7f" "d\n");
    local_flags(slave, ECHOE, ECHOKE);
    line("without ECHOKE", "abc\x15" "d\n");
    local_flags(slave, 0, ECHOK);
    line("without ECHOK", "abc\x15" "d\n");
    local_flags(slave, ECHOPRT | ECHOK, 0);
    line("with ECHOPRT", "abc\x7f\x7f" "d\n");
    line("with ECHOPRT, all", "abc\x7f\x7f\x7f" "d\n");
    local_flags(slave, 0, ECHOPRT | ECHOCTL);
    line("without ECHOCTL", "a\x01" "b\x7f\x7f\n");
    local_flags(slave, ECHONL, ECHO);
    line("ECHONL alone", "abc\x7f\n");
    local_flags(slave, ECHOCTL | ECHO | ECHOKE, ECHONL | IEXTEN);
    line("without IEXTEN", "one two\x17\x16x\n");
    local_flags(slave, IEXTEN, 0);

    input_flags(slave, IUTF8, 0);
    line("UTF-8", "a\xc3\xa9\x7f" "b\n");
    line("UTF-8 in a word", "a \xc3\xa9\xc3\xa9\x17" "b\n");
    input_flags(slave, IUCLC, IUTF8);
    line("upper case", "ABC\n");
    input_flags(slave, ISTRIP, IUCLC);
    line("stripped", "\xe1\xe2\n");
    input_flags(slave, IGNCR, ISTRIP);
    line("without carriage returns", "a\rb\n");
    input_flags(slave, INLCR, IGNCR | ICRNL);
    line("newline to carriage return", "a\nb\r");
    input_flags(slave, ICRNL, INLCR);
    line("rest", "\n");
    input_flags(slave, PARMRK, 0);
    line("marked", "a\xff" "b\n");
    input_flags(slave, 0, PARMRK);
    special(slave, VEOL, ';');
    line("another end of line", "abc;def\n");
    special(slave, VEOL2, ',');
    line("a second one", "abc,def\n");
    special(slave, VERASE, '#');
    line("another erase", "abc#d\n");
    special(slave, VERASE, 0);
    line("no erase", "abc#d\n");

    output_flags(slave, 0, OPOST);
    line("without OPOST", "abc\n");
    output_flags(slave, OPOST, ONLCR);
    line("without ONLCR", "abc\n");
    return 0;
}
