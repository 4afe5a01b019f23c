/* How much a stream socket takes: by sizes, and when it can be written again. */
#include "conform.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static char data[300000];

int main(void)
{
    size_t sizes[] = {1, 100, 1000, 4000, 5000, 36544, 36545, 100000, 300000};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int s[2], pending;
        MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s));
        long n, total = 0, writes = 0;
        while ((n = write(s[0], data, sizes[i])) > 0)
            total += n, writes++;
        struct pollfd entry = {s[0], POLLOUT, 0};
        MUST(ioctl(s[1], FIONREAD, &pending));
        printf("by %zu: %ld in %ld writes, %s, pending %d, poll %d", sizes[i], total, writes, errno_name(errno), pending, poll(&entry, 1, 0));
        long taken = 0;
        while (poll(&entry, 1, 0) == 0 && (n = read(s[1], data, 1000)) > 0)
            taken += n;
        printf(", again after %ld\n", taken);
        close(s[0]), close(s[1]);
    }
    return 0;
}
