/* struct termios: what a new terminal has, by each call, at both ends; what a change at either end does. */
#include "terminal.h"

struct old_termio { unsigned short iflag, oflag, cflag, lflag; unsigned char line, cc[8]; };
struct kernel_termios2 { unsigned i, o, c, l; unsigned char line, cc[19]; unsigned ispeed, ospeed; };

static void show(const char *what, int fd)
{
    struct kernel_termios2 modes;
    memset(&modes, 0xAA, sizeof modes);
    if (ioctl(fd, 0x802C542A, &modes)) {
        printf("%s: %s\n", what, errno_name(errno));
        return;
    }
    printf("%s: i %o o %o c %o l %o line %d speed %u %u cc", what, modes.i, modes.o, modes.c, modes.l, modes.line,
           modes.ispeed, modes.ospeed);
    for (int i = 0; i < 19; i++)
        printf(" %d", modes.cc[i]);
    printf("\n");
}

int main(void)
{
    int master = open_master(), slave = MUST(open_slave(master, O_RDWR | O_NOCTTY));
    show("master", master);
    show("slave", slave);

    unsigned char raw[64];
    memset(raw, 0xAA, sizeof raw);
    SHOW(ioctl(slave, TCGETS, raw));
    printf("TCGETS:");
    for (int i = 0; i < 40; i++)
        printf(" %02x", raw[i]);
    printf("\n");
    memset(raw, 0xAA, sizeof raw);
    SHOW(ioctl(slave, TCGETA, raw));
    printf("TCGETA:");
    for (int i = 0; i < 20; i++)
        printf(" %02x", raw[i]);
    printf("\n");

    struct termios modes;
    MUST(tcgetattr(master, &modes));
    cfmakeraw(&modes);
    SHOW(tcsetattr(master, TCSANOW, &modes));
    show("raw, set at the master", slave);
    modes.c_lflag = ~0u;
    modes.c_iflag = ~0u;
    modes.c_oflag = ~0u;
    modes.c_cflag = ~0u;
    modes.c_line = 3;
    SHOW(tcsetattr(slave, TCSADRAIN, &modes));
    show("all bits", slave);
    modes.c_cflag = B9600 | CS7;
    SHOW(tcsetattr(slave, TCSAFLUSH, &modes));
    show("9600", slave);
    modes.c_cflag = B0 | CS8;
    SHOW(tcsetattr(slave, TCSAFLUSH, &modes));
    show("0", slave);
    struct kernel_termios2 two;
    MUST(ioctl(slave, 0x802C542A, &two));
    two.c = (two.c & ~0x100F) | 0x1000 | CS8 | CREAD;
    two.ispeed = two.ospeed = 12345;
    SHOW(ioctl(slave, 0x402C542B, &two));
    show("12345 baud", slave);
    struct old_termio old;
    MUST(ioctl(slave, TCGETA, &old));
    old.lflag = ICANON;
    old.iflag = ICRNL;
    SHOW(ioctl(slave, TCSETA, &old));
    show("TCSETA", slave);
    SHOW(ioctl(slave, TCSETAW, &old));
    SHOW(ioctl(slave, TCSETAF, &old));
    SHOW(ioctl(slave, TCGETS, 8));
    SHOW(ioctl(slave, TCSETS, 8));
    SHOW(ioctl(slave, TCSETSW, 8));
    SHOW(ioctl(slave, TCGETA, 8));
    SHOW(ioctl(slave, TCSETA, 8));
    int value = 7;
    SHOW(ioctl(slave, TIOCGETD, &value));
    printf("line discipline %d\n", value);
    SHOW(ioctl(slave, TIOCSETD, &value));
    value = 40;
    SHOW(ioctl(slave, TIOCSETD, &value));
    SHOW(tcdrain(slave));
    SHOW(tcsendbreak(slave, 0));
    SHOW(tcflush(slave, TCIFLUSH));
    SHOW(tcflush(slave, 9));
    SHOW(tcflow(slave, 9));
    SHOW(tcflow(slave, TCOOFF));
    SHOW(tcflow(slave, TCOON));
    SHOW(tcflow(slave, TCION));
    show("at the end", slave);
    return 0;
}
