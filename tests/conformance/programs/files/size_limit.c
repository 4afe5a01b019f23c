/* RLIMIT_FSIZE: a write across it is cut, one at it is EFBIG and SIGXFSZ. */
#include "conform.h"
#include <sys/resource.h>

static void handler(int number) { printf("signal %d\n", number); }

int main(void)
{
    struct rlimit limit = {10, RLIM_INFINITY};
    int fd = MUST(open("f", O_RDWR | O_CREAT, 0600));
    signal(SIGXFSZ, handler);
    SHOW(setrlimit(RLIMIT_FSIZE, &limit));
    SHOW(write(fd, "0123456", 7)), SHOW(write(fd, "0123456", 7)), SHOW(write(fd, "0123456", 7));
    SHOW(pwrite(fd, "x", 1, 10)), SHOW(pwrite(fd, "x", 1, 9)), SHOW(ftruncate(fd, 11)), SHOW(ftruncate(fd, 10));
    SHOW(lseek(fd, 0, SEEK_END));
    signal(SIGXFSZ, SIG_IGN);
    SHOW(write(fd, "x", 1));
    signal(SIGXFSZ, SIG_DFL);
    fflush(stdout);
    write(fd, "x", 1);
    return 0;
}
