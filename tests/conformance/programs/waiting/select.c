/* select and pselect6: sets, counts, bad descriptors, odd sizes, the time left. */
#include "conform.h"
#include <sys/select.h>

static void show(const char *name, fd_set *set)
{
    printf("%s:", name);
    for (int fd = 0; fd < 64; fd++)
        if (FD_ISSET(fd, set))
            printf(" %d", fd);
    printf("\n");
}

int main(void)
{
    int ends[2];
    fd_set in, out, other;
    struct timeval zero = {0, 0}, time = {0, 3000};
    MUST(pipe(ends));
    FD_ZERO(&in); FD_ZERO(&out); FD_ZERO(&other);
    FD_SET(ends[0], &in), FD_SET(ends[1], &out), FD_SET(ends[0], &other);
    SHOW(select(ends[1] + 1, &in, &out, &other, &zero));
    show("in", &in), show("out", &out), show("other", &other);
    MUST(write(ends[1], "x", 1));
    FD_SET(ends[0], &in), FD_SET(ends[1], &in);
    SHOW(select(ends[1] + 1, &in, &out, NULL, NULL));
    show("in", &in), show("out", &out);
    FD_SET(ends[0], &in), FD_SET(50, &out);
    SHOW(select(ends[1] + 1, &in, 0, 0, 0));
    SHOW(select(51, &in, &out, 0, 0));
    SHOW(select(50, &in, 0, 0, &zero));
    SHOW(select(-1, &in, 0, 0, &zero));
    SHOW(select(0, 0, 0, 0, &time));
    printf("left %ld %ld\n", (long)time.tv_sec, (long)time.tv_usec);
    SHOW(select(4, (void *)8, 0, 0, &zero));
    SHOW(select(0, 0, 0, 0, &(struct timeval){-1, 0}));
    SHOW(select(0, 0, 0, 0, &(struct timeval){0, -1}));
    close(ends[1]);
    read(ends[0], &zero, 1);
    FD_ZERO(&in); FD_SET(ends[0], &in);
    FD_ZERO(&other); FD_SET(ends[0], &other);
    SHOW(select(ends[0] + 1, &in, 0, &other, 0));
    show("in", &in), show("other", &other);
    struct timespec span = {0, 2000};
    SHOW(syscall(SYS_pselect6, 0, 0, 0, 0, &span, 0));
    printf("left %ld %ld\n", (long)span.tv_sec, span.tv_nsec);
    return 0;
}
