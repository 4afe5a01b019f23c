/* How much a pipe holds: by single bytes, by pages, by odd sizes; F_SETPIPE_SZ; FIONREAD; partial writes. */
#include "conform.h"
#include <sys/ioctl.h>

static char data[200000];

static long fill(int fd, size_t step)
{
    long total = 0, n;
    while ((n = write(fd, data, step)) > 0)
        total += n;
    printf("by %zu: %ld, then %s\n", step, total, errno_name(errno));
    return total;
}

static void empty(int fd)
{
    long n, reads = 0, total = 0;
    while ((n = read(fd, data, sizeof data)) > 0) {
        reads++;
        total += n;
    }
    printf("emptied: %ld in %ld reads, then %s\n", total, reads, n ? errno_name(errno) : "end");
}

int main(void)
{
    int ends[2], pending;
    MUST(pipe2(ends, O_NONBLOCK));
    size_t steps[] = {1, 100, 1000, 3000, 4095, 4096, 4097, 5000, 65535, 65536, 65537, 200000};
    for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
        fill(ends[1], steps[i]);
        MUST(ioctl(ends[0], FIONREAD, &pending));
        printf("pending %d\n", pending);
        empty(ends[0]);
    }
    SHOW(fcntl(ends[0], F_GETPIPE_SZ));
    SHOW(fcntl(ends[0], F_SETPIPE_SZ, 5000));
    fill(ends[1], 4096);
    SHOW(fcntl(ends[0], F_SETPIPE_SZ, 4096));
    empty(ends[0]);
    SHOW(fcntl(ends[0], F_SETPIPE_SZ, 0));
    SHOW(fcntl(0, F_GETPIPE_SZ) > 0);
    SHOW(ioctl(ends[0], 0x1234, 0));
    return 0;
}
