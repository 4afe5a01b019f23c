/* Every ioctl of terminals without side effects on others, at both ends, with a pointer to zeros and a bad one. */
#include "terminal.h"

static char area[4096];

static void sweep(const char *what, int fd, int bad)
{
    printf("%s, %s pointer\n", what, bad ? "bad" : "good");
    for (unsigned request = 0x5400; request < 0x5470; request++) {
        if (request == 0x5409 || request == 0x5451 || request == 0x5450 || request == 0x5440 || request == 0x5437 || request == 0x541D ||
            request == 0x541B || request == 0x545D)
            continue;
        memset(area, 0, sizeof area);
        long result = ioctl(fd, request, bad ? (char *)8 : area);
        printf("  %x = %s\n", request, result == -1 ? errno_name(errno) : "ok");
    }
}

int main(void)
{
    if (fork())
        return wait(NULL) < 0;
    for (int bad = 0; bad < 2; bad++) {
        int master = open_master(), slave = MUST(open_slave(master, O_RDWR | O_NOCTTY));
        sweep("slave", slave, bad);
        sweep("master", master, bad);
        close(slave);
        close(master);
    }
    int pipes[2];
    MUST(pipe(pipes));
    SHOW(ioctl(pipes[0], TCGETS, area));
    SHOW(ioctl(pipes[0], TIOCGWINSZ, area));
    SHOW(ioctl(pipes[0], TIOCGPGRP, area));
    return 0;
}
