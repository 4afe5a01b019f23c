/* Buffers that are full: what is taken, what is lost, and what a writer is told. */
#include "terminal.h"

static char block[65536];

static long fill(int fd, size_t piece)
{
    long total = 0, done;
    fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
    for (int i = 0; i < 40; i++) {
        while ((done = write(fd, block, piece)) > 0)
            total += done;
        usleep(2000);
    }
    printf("last: %s\n", done < 0 ? errno_name(errno) : "none");
    return total;
}

static long drain(int fd)
{
    long total = 0, done;
    static char text[65536];
    fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
    for (int i = 0; i < 20; i++) {
        while ((done = read(fd, text, sizeof text)) > 0)
            total += done;
        settle();
    }
    return total;
}

int main(void)
{
    struct termios modes;
    memset(block, 'x', sizeof block);
    int master = open_master(), slave = MUST(open_slave(master, O_RDWR | O_NOCTTY));
    MUST(tcgetattr(slave, &modes));
    cfmakeraw(&modes);
    MUST(tcsetattr(slave, TCSANOW, &modes));
    for (size_t piece = 64; piece <= 4096; piece *= 64) {
        long in = fill(master, piece);
        show_waiting("slave", slave);
        long out = drain(slave);
        printf("raw to the slave, pieces of %zu: more than 8192 %d, all read %d\n", piece, in > 8192, in == out);
        in = fill(slave, piece);
        show_waiting("master", master);
        out = drain(master);
        printf("raw to the master, pieces of %zu: more than 8192 %d, all read %d\n", piece, in > 8192, in == out);
    }
    fill(master, 4096);
    show_poll("full slave's master", master);
    drain(slave);
    local_flags(slave, ICANON, 0);
    for (int i = 0; i < 20; i++) {
        if (write(master, block, 1000) != 1000)
            printf("write %d: %s\n", i, errno_name(errno));
        settle();
    }
    show_waiting("a line without end", slave);
    SHOW(write(master, "\n", 1));
    show_waiting("with an end", slave);
    printf("read %ld\n", drain(slave));

    fill(slave, 4096);
    fcntl(slave, F_SETFL, O_RDWR);
    fflush(stdout);
    if (!fork()) {
        settle();
        drain(master);
        _exit(0);
    }
    SHOW(write(slave, block, 30000));
    wait(NULL);
    fcntl(master, F_SETFL, O_RDWR);
    if (!fork()) {
        settle();
        drain(slave);
        _exit(0);
    }
    local_flags(slave, 0, ICANON);
    SHOW(write(master, block, 30000));
    wait(NULL);
    return 0;
}
