/* RLIMIT_NOFILE is where descriptors end; getrlimit, setrlimit, prlimit agree. */
#include "conform.h"
#include <sys/resource.h>

int main(void)
{
    struct rlimit limit = {10, 20};
    SHOW(setrlimit(RLIMIT_NOFILE, &limit));
    int fd, last = -1;
    while ((fd = dup(0)) >= 0)
        last = fd;
    printf("last %d, then %s\n", last, errno_name(errno));
    int ends[2] = {7, 7};
    SHOW(pipe(ends));
    close(last);
    SHOW(pipe(ends));
    printf("%d %d\n", ends[0], ends[1]);
    SHOW(dup(0));
    SHOW(dup2(0, 10));
    SHOW(fcntl(0, F_DUPFD, 9));
    SHOW(fcntl(0, F_DUPFD, 10));
    limit.rlim_cur = 30;
    SHOW(setrlimit(RLIMIT_NOFILE, &limit));
    struct rlimit old;
    SHOW(prlimit(0, RLIMIT_NOFILE, &(struct rlimit){5, 15}, &old));
    printf("%lu %lu\n", old.rlim_cur, old.rlim_max);
    SHOW(getrlimit(RLIMIT_NOFILE, &old));
    printf("%lu %lu\n", old.rlim_cur, old.rlim_max);
    SHOW(getrlimit(16, &old));
    SHOW(getrlimit(-1, &old));
    SHOW(getrlimit(RLIMIT_NOFILE, (void *)8));
    SHOW(setrlimit(RLIMIT_NOFILE, (void *)8));
    SHOW(setrlimit(RLIMIT_NOFILE, &(struct rlimit){1, 1L << 40}));
    SHOW(prlimit(0, 99, 0, &old));
    SHOW(getrlimit(RLIMIT_STACK, &old));
    printf("%lu\n", old.rlim_cur);
    return 0;
}
